"""Arguments that are no JSON object, mended at the end of a call."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects.mending import closed, is_object, mended, parameters

UNFINISHED = {
    "nothing but the brace": ("{", {}),
    "in a key": ('{"cit', {"cit": None}),
    "behind a key": ('{"city"', {"city": None}),
    "behind a colon": ('{"city": ', {"city": None}),
    "in a text": ('{"city": "Ri', {"city": "Ri"}),
    "in an escape": ('{"city": "Ri\\', {"city": "Ri\\"}),
    "in a character's code": ('{"city": "\\u00e', {"city": "\u00e0"}),
    "behind a text": ('{"city": "Riga"', {"city": "Riga"}),
    "behind a comma": ('{"city": "Riga", ', {"city": "Riga"}),
    "in a number": ('{"days": 1.', {"days": 1.0}),
    "in a negative number": ('{"days": -', {"days": 0}),
    "in true": ('{"now": t', {"now": True}),
    "in false": ('{"now": fals', {"now": False}),
    "in null": ('{"now": nul', {"now": None}),
    "in lists and objects": ('{"a": [{"b": [1, {"c": "d', {"a": [{"b": [1, {"c": "d"}]}]}),
    "in a list, behind a comma": ('{"a": [1,', {"a": [1]}),
}


@pytest.mark.parametrize(("text", "value"), UNFINISHED.values(), ids=UNFINISHED.keys())
def test_an_unfinished_object_is_closed(text: str, value: dict[str, Any]) -> None:
    whole = closed(text)
    assert whole is not None
    assert orjson.loads(whole) == value
    assert whole.startswith(text.rstrip().removesuffix(","))


@pytest.mark.parametrize("text", ["", "[1", "{'a': 1", '{"a": 1 "b"', '{"a": 1} {', '{"a": nonsense'])
def test_what_is_no_beginning_of_an_object_is_not_closed(text: str) -> None:
    assert closed(text) is None


OTHER_WORDS = {
    "single quotes": ("{'city': 'Riga'}", {"city": "Riga"}),
    "quotes in quotes": (
        """{'say': '"hi"', "it": "isn't", 'a': 'it\\'s'}""",
        {"say": '"hi"', "it": "isn't", "a": "it's"},
    ),
    "Python's words": (
        '{"a": True, "b": False, "c": None, "True": "None"}',
        {"a": True, "b": False, "c": None, "True": "None"},
    ),
    "bare keys": ("{city: 'Riga', days: 3}", {"city": "Riga", "days": 3}),
    "needless commas": ('{"a": [1, 2, ], }', {"a": [1, 2]}),
    "commas inside text stay": ('{"a": "x,]", }', {"a": "x,]"}),
    "raw line breaks": ('{"a": "x\n\ty"}', {"a": "x\n\ty"}),
    "raw line breaks in single quotes": ("{'a': 'x\ny'}", {"a": "x\ny"}),
    "a fence around it": ('```json\n{"a": 1}\n```', {"a": 1}),
    "words around it": ('Arguments: {"a": {"b": 1}} done', {"a": {"b": 1}}),
    "words behind it": ("{'a': 1} </tool_call>", {"a": 1}),
    "JSON in a text": ('"{\\"a\\": 1}"', {"a": 1}),
    "Python in a text": ("\"{'a': 1}\"", {"a": 1}),
    "tags": ("<parameter=city>\nRiga\n</parameter>\n<parameter=days>\n3\n</parameter>", {"city": "Riga", "days": 3}),
    "unfinished, too": ("{'a': ['b", {"a": ["b"]}),
    "a word for nothing": ("None", {}),
    "null": ("null", {}),
    "an empty text": ('""', {}),
    "an empty list": ("[]", {}),
    "blanks": (" \n", {}),
    "an object after all": ('{"a": 1}', {"a": 1}),
}


@pytest.mark.parametrize(("text", "value"), OTHER_WORDS.values(), ids=OTHER_WORDS.keys())
def test_an_object_in_other_words_is_mended(text: str, value: dict[str, Any]) -> None:
    whole = mended(text)
    assert whole is not None
    assert orjson.loads(whole) == value


@pytest.mark.parametrize(
    "text", ["Riga", "[1, 2]", "12", '"Riga"', "true", "{]}", "{{}", "{'a' 'b'}", "<city>Riga</city>"]
)
def test_what_is_no_object_is_not_mended(text: str) -> None:
    assert mended(text) is None


TAGS = {
    "text": ("<parameter=a>x</parameter>", {"a": "x"}),
    "one line break on either side goes": ("<parameter=a>\n\n x \n\n</parameter>", {"a": "\n x \n"}),
    "a number, a word, null": (
        "<parameter=a>5</parameter><parameter=b>true</parameter><parameter=c>null</parameter>",
        {"a": 5, "b": True, "c": None},
    ),
    "an object": ('<parameter=a>\n{"b": [1]}\n</parameter>', {"a": {"b": [1]}}),
    "tags in the value": ("<parameter=a>x < y <b>z</b></parameter>", {"a": "x < y <b>z</b>"}),
    "no closing tag": ("<parameter=a>\nx\n<parameter=b>\ny", {"a": "x", "b": "y"}),
    "nothing": ("<parameter=a></parameter>", {"a": ""}),
    "no parameters": ("x", None),
}


@pytest.mark.parametrize(("text", "values"), TAGS.values(), ids=TAGS.keys())
def test_parameters_in_tags_are_read(text: str, values: dict[str, Any] | None) -> None:
    assert parameters(text) == values


@pytest.mark.parametrize("text", ["{}", '{"a": 1}', ' {"a": {}} '])
def test_objects_are_objects(text: str) -> None:
    assert is_object(text)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"{}"', "{'a': 1}", '{"a": NaN}'])
def test_other_things_are_none(text: str) -> None:
    assert not is_object(text)


@given(st.text(st.sampled_from("{}[]\"':,\\<>=/atrue1 \n\ufffd"), max_size=40))
def test_whatever_comes_back_is_an_object(text: str) -> None:
    for whole in (closed(text), mended(text)):
        assert whole is None or is_object(whole)
