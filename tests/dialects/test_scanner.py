"""The scanner knows where a JSON object ends, and where a text stops being one."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects.scanner import Scanner

OBJECTS = [
    "{}",
    ' \n { "a" : 1 } ',
    '{"a":{"b":[{}, [], -1.5e+7, true, false, null]}}',
    r'{"a":"}{[]\" \\","\\\"":"\\"}',
    '{"a":"мир 🌍"}',
    '{\n\t"a": [\n\t\t1,\n\t\t2\n\t]\n}',
]

NOT_JSON = {
    "not an object": ("[1]", 0),
    "a string": ('"{}"', 0),
    "a word": ("null", 0),
    "a tag": (" <parameter=a>", 1),
    "single quotes": ("{'a': 1}", 1),
    "single quotes inside": ("{\"a\": 'x'}", 6),
    "a bare key": ("{a: 1}", 1),
    "Python's words": ('{"a": True}', 6),
    "a bracket that does not fit": ('{"a": [1}', 8),
    "a needless comma": ('{"a": 1, }', 9),
    "a needless comma in a list": ('{"a": [1,]}', 9),
    "a raw line break in a string": ('{"a": "x\ny"}', 8),
    "two braces": ("{{", 1),
}


def fed(scanner: Scanner, pieces: list[str]) -> int:
    """How far *pieces* belong to an object."""
    total = 0
    for piece in pieces:
        taken = scanner.feed(piece)
        total += taken
        if taken < len(piece):
            break
    return total


def in_pieces(text: str) -> list[list[str]]:
    """*text* whole, by characters, and in two at every place."""
    return [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]


@pytest.mark.parametrize("text", OBJECTS)
def test_an_object_ends_where_it_ends_at_every_cut(text: str) -> None:
    for pieces in in_pieces(text + "{}"):
        scanner = Scanner()
        assert fed(scanner, pieces) == len(text.rstrip())
        assert scanner.complete


@pytest.mark.parametrize(("text", "place"), NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_cannot_be_json_is_seen_where_it_stands(text: str, place: int) -> None:
    for pieces in in_pieces(text):
        scanner = Scanner()
        assert fed(scanner, pieces) == place
        assert not scanner.complete


@pytest.mark.parametrize(
    ("text", "closers", "in_string"),
    [("", "", False), ("{", "}", False), ('{"a": [{"b": "x', "}]}", True), ('{"a": "\\', "}", True)],
)
def test_it_knows_what_is_open(text: str, closers: str, in_string: bool) -> None:
    scanner = Scanner()
    assert scanner.feed(text) == len(text)
    assert (scanner.closers, scanner.in_string, scanner.complete) == (closers, in_string, False)


def test_a_complete_object_takes_no_more() -> None:
    scanner = Scanner()
    assert scanner.feed("{}") == 2
    assert scanner.feed(" ") == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.booleans(), st.data())
def test_every_object_is_taken_whole(value: dict[str, object], indented: bool, draw: st.DataObject) -> None:
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else None).decode()
    place = draw.draw(st.integers(0, len(text)))
    scanner = Scanner()
    assert fed(scanner, [text[:place], text[place:]]) == len(text)
    assert scanner.complete
