"""One call's arguments: passed on as they come while they are JSON, put right where they are not."""

from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects import arguments, mending
from qwenproxy.dialects.arguments import Arguments, ArgumentsTooLong


def taken(call: Arguments, pieces: list[str]) -> list[str]:
    """What may be sent after each piece."""
    out = []
    for piece in pieces:
        assert call.feed(piece) == ""
        out.append(call.take())
    return out


def said(pieces: list[str], *, truncated: bool = False, echoes: bool = False) -> str:
    """All that is sent of *pieces*; with *echoes*, they may be said again when they are complete."""
    call = Arguments()
    out = []
    for piece in pieces:
        rest = call.feed(piece)
        assert not rest or (echoes and rest == call.text)
        out.append(call.take())
    assert call.settle() == ""
    call.close(truncated=truncated)
    return "".join([*out, call.take()])


AT_ONCE = {
    "small pieces": ["{", '"ci', "ty", '": ', '"Ri', "ga", '"', "}"],
    "one piece": ['{"city": "Riga"}'],
    "nested": ['{"a": [', "{", '"b": 1', "}, {", '"b": 1', "}]", "}"],
    "equal pieces": ['{"a": ["', "ha", "ha", "ha", '"]}'],
    "braces in a text": ['{"a": "', "{", "{}}", '"}'],
    "a comma in a text": ['{"a": "x,', "y, ", '"}'],
    "an escape in two": ['{"a": "\\', 'n\\\\", "b": "\\u00', 'e9"}'],
}


@pytest.mark.parametrize("pieces", AT_ONCE.values(), ids=AT_ONCE.keys())
def test_json_passes_piece_by_piece(pieces: list[str]) -> None:
    assert taken(Arguments(), pieces) == pieces


def test_a_comma_waits_for_what_follows() -> None:
    """Nothing may: then it has to go."""
    pieces = ['{"a": 1,', " ", "\n", '"b": [1', ", ", "2", "]", "}"]
    assert taken(Arguments(), pieces) == ['{"a": 1', "", "", ', \n"b": [1', "", ", 2", "]", "}"]
    assert said(['{"a": [1,', "], ", "}"]) == '{"a": [1] }'


CUMULATIVE = {
    "in steps": ['{"city', '{"city": "Ri', '{"city": "Riga"}'],
    "from the brace on": ["{", '{"city": "Riga"}'],
    "with repeats": ['{"ci', '{"ci', '{"city": "Ri', '{"city": "Ri', '{"city": "Riga"}', '{"city": "Riga"}'],
    "with blanks in front": [' {"city', ' {"city": "Riga"}'],
    "a step behind a colon": ['{"city":', '{"city": "Riga"}'],
    "steps behind a colon and a comma": ['{"a":', '{"a": [1,', '{"a": [1, 2]}'],
    "a shorter one in between": ['{"city', '{"city": "Ri', '{"city', '{"city": "Riga"}'],
    "a repeat behind a bracket": ['{"a":[', '{"a":[', '{"a":[1]}'],
    "a repeat behind a bracket, and more": ['{"a":[', '{"a":[', '{"a":[1', '{"a":[1, 2', '{"a":[1, 2]}'],
    "single quotes": ["{'city", "{'city': 'Ri", "{'city': 'Riga'}"],
}


@pytest.mark.parametrize("pieces", CUMULATIVE.values(), ids=CUMULATIVE.keys())
def test_cumulative_arguments_are_said_once(pieces: list[str]) -> None:
    last = pieces[-1].strip().replace("'", '"')
    assert said(pieces).replace(" ", "") == last.replace(" ", "")


NESTED = {
    "the same piece": ['{"or":[', '{"or":[', "{}]}]}"],
    "a piece that goes on": ['{"or":[', '{"or":[{"q":1}', "]}]}"],
    "a piece that goes on to the end": ['{"or":', '{"or":1}}'],
    "in a list": ['{"a":[{},', '{"a":[{},{}]}', "]}"],
    "three levels": ['{"or":[', '{"or":[', '{"or":[', "]}]}]}"],
    "in a key": ['{"', '{":1}'],
    "at the very end": ['{"or":', '{"or":1}}'],
}


@pytest.mark.parametrize("pieces", NESTED.values(), ids=NESTED.keys())
def test_an_object_nested_in_one_that_begins_like_it_is_kept(pieces: list[str]) -> None:
    assert said(pieces) == "".join(pieces)


def test_both_readings_stay_open_until_it_is_known() -> None:
    call = Arguments()
    assert taken(call, ['{"or":', '{"or":{"q"']) == ['{"or":', ""]
    assert taken(call, [":1}"]) == ['{"or":{"q":1}']
    assert not call.cumulative
    call = Arguments()
    assert taken(call, ['{"or":', '{"or":{"q"', '{"or":{"q":1}']) == ['{"or":', "", '{"q":1}']
    assert call.cumulative
    assert taken(Arguments(), ['{"a', '{"a":', '{"a":1}']) == ['{"a', '":', "1}"], "once it is, there is no doubt"


GLUED = {
    "in one piece": (['{"a":1}{"b":2}'], '{"b":2}'),
    "between pieces": (['{"a":1}', '{"b":2}'], '{"b":2}'),
    "with blanks and commas": (['{"a":1}', ' ,\n{"b":2}'], '{"b":2}'),
    "in the middle of pieces": (['{"a"', ':1}{"b"'], '{"b"'),
}


@pytest.mark.parametrize(("pieces", "rest"), GLUED.values(), ids=GLUED.keys())
def test_another_object_is_given_back(pieces: list[str], rest: str) -> None:
    call = Arguments()
    assert [call.feed(piece) for piece in pieces] == [*[""] * (len(pieces) - 1), rest]
    assert call.take() == '{"a":1}'
    assert call.complete


def test_what_was_in_doubt_may_be_glued_too() -> None:
    call = Arguments()
    assert [call.feed('{"a":'), call.feed('{"a":1}{"b":2}')] == ["", ""]
    assert call.settle() == '{"b":2}'
    assert call.take() == '{"a":1}'
    call = Arguments()
    assert [call.feed('{"}'), call.feed('{"}":1}{"b":2}')] == ["", ""]
    assert call.settle() == '{"b":2}', "the other reading ends too, but is no JSON"


def test_other_text_behind_an_object_is_left_out() -> None:
    call = Arguments()
    assert [call.feed('{"a":1}</tool'), call.feed("_call>"), call.feed('{"b":2}')] == ["", "", ""]
    assert call.close(truncated=False) == ["left out what followed its arguments"]
    assert call.take() == '{"a":1}'


MENDED = {
    "unfinished": (['{"city": "Ri', "ga"], ['{"city": "Ri', "ga", '"}'], "closed unfinished JSON"),
    "single quotes": (["{'city': ", "'Riga'}"], ["{", "", '"city": "Riga"}'], "mended arguments that were not JSON"),
    "Python's words": (['{"now": ', "True", "}"], ['{"now": ', "", "", "true}"], "mended arguments that were not JSON"),
    "a raw line break": (
        ['{"a": "x', "\n", 'y"}'],
        ['{"a": "x', "", "", '\\ny"}'],
        "mended arguments that were not JSON",
    ),
    "tags": (["<parameter=a>", "x"], ["", "", '{"a":"x"}'], "mended arguments that were not JSON"),
    "JSON in a text": (['"{\\"a\\"', ': 1}"'], ["", "", '{"a": 1}'], "mended arguments that were not JSON"),
    "no JSON at all": (["Ri", "ga"], ["", "", "Riga"], "its arguments are not JSON"),
    "what was sent stands in the way": (
        ['{"a" 1, ', "'b': 2}"],
        ['{"a" 1', "", ", 'b': 2}"],
        "its arguments are not JSON",
    ),
    "no JSON that repeats itself": (["no", "nobody"], ["", "", "nonobody"], "its arguments are not JSON"),
    "a bare key was sent": (
        ['{"a": 1, b: 2', ", 'c': 3}"],
        ['{"a": 1, b: 2', "", ", 'c': 3}"],
        "its arguments are not JSON",
    ),
    "complete, but no JSON": (['{"a" 1}'], ['{"a" 1}', ""], "its arguments are not JSON"),
    "a list": (["[1]"], ["", "[1]"], "its arguments are not JSON"),
}


@pytest.mark.parametrize(("pieces", "out", "repair"), MENDED.values(), ids=MENDED.keys())
def test_what_is_not_json_is_held_back_and_mended_at_the_end(pieces: list[str], out: list[str], repair: str) -> None:
    call = Arguments()
    sent = taken(call, pieces)
    repairs = call.close(truncated=False)
    assert [*sent, call.take()] == out
    assert repairs == [repair]


@pytest.mark.parametrize("pieces", [[], [""], [" "], ["\n", "\t"]])
def test_no_arguments_are_an_empty_object(pieces: list[str]) -> None:
    assert said(pieces) == "{}"
    assert said(pieces, truncated=True) == ""


@pytest.mark.parametrize("pieces", [['{"a": "x'], ['{"a": 1,'], ["{'a': 'x"], ["<parameter=a>x"]])
def test_truncated_arguments_stay_as_they_are(pieces: list[str]) -> None:
    assert said(pieces, truncated=True) == "".join(pieces)


def test_good_arguments_need_no_repair() -> None:
    call = Arguments()
    assert taken(call, ['{"a": ', "1}", " \n"]) == ['{"a": ', "1}", ""]
    assert call.close(truncated=False) == []


def test_an_echo_is_not_sent_as_long_as_it_may_be_one() -> None:
    call = Arguments(twin='{"a":1}')
    assert taken(call, ['{"a"', ":1}"]) == ["", ""]
    assert call.echo
    call = Arguments(twin='{"a":1}')
    assert taken(call, ['{"a"', ":2}"]) == ["", '{"a":2}']
    assert not call.echo
    assert not Arguments().echo


def test_arguments_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "LIMIT", 20)
    call = Arguments()
    assert call.feed('{"a": "' + "x" * 13) == ""
    with pytest.raises(ArgumentsTooLong, match="longer than 20 characters"):
        call.feed("x")


KEYS = st.sampled_from(["a", "", "{", "}", "[", ":", ",", "\\", '"', "or", "é", "{}"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=3).map(lambda value: orjson.dumps(value).decode())


@given(OBJECTS, st.sets(st.integers(1, 60), max_size=8))
def test_an_object_comes_out_as_it_was_however_it_was_cut(text: str, places: set[int]) -> None:
    edges = sorted({0, len(text), *(place for place in places if place < len(text))})
    assert said([text[start:end] for start, end in pairwise(edges)]) == text


@given(OBJECTS, st.sets(st.integers(1, 60), max_size=8), st.integers(1, 3))
def test_cumulative_pieces_of_an_object_make_it_once(text: str, places: set[int], times: int) -> None:
    ends = sorted({len(text), *(place for place in places if place < len(text))})
    assert said([text[:end] for end in ends for _ in range(times)], echoes=True) == text


PIECES = ["{", "}", '"', "a", "'", ":", ",", "[", "]", "\\", " ", "1", "<", '{"a":', "null"]


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_nothing_raises_and_every_object_ends(pieces: list[str]) -> None:
    call, out = Arguments(), ""
    for piece in pieces:
        rest = piece
        while rest := call.feed(rest):
            assert mending.is_object(call.text) or out + call.take()
            call, out = Arguments(), ""
        out += call.take()
    if not call.settle():
        repairs = call.close(truncated=False)
        out += call.take()
        assert mending.is_object(out) or "its arguments are not JSON" in repairs
