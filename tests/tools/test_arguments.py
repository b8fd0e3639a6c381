"""The arguments that a model writes."""

import time

import pytest

from qwenproxy.tools.arguments import DEEPEST, LARGEST, is_deep, parsed
from qwenproxy.wire.openai import Json

TAKEN: dict[str, tuple[str, Json]] = {
    "an object": ('{"a": 1}', {"a": 1}),
    "nothing": ("", {}),
    "blanks": (" \n", {}),
}


@pytest.mark.parametrize(("text", "arguments"), TAKEN.values(), ids=TAKEN)
def test_an_object_is_taken(text: str, arguments: Json) -> None:
    assert parsed(text) == arguments


def test_depth_is_counted_in_objects_and_lists() -> None:
    assert parsed('{"a":' * (DEEPEST - 1) + "{}" + "}" * (DEEPEST - 1))
    values: list[object] = [1, {}, {"a": []}, {"a": [1]}, {"a": [1, {}]}]
    assert [is_deep(value, 2) for value in values] == [False] * 4 + [True]


REFUSED = {
    "no JSON": ('{"a": ', "not valid JSON"),
    "a list": ("[1]", "not a JSON object"),
    "null": ("null", "not a JSON object"),
    "not a number": ('{"a": NaN}', "not valid JSON"),
    "half a character": ('{"a": "\ud800"}', "not valid JSON"),
    "too deep": ('{"a":' * 65 + "1" + "}" * 65, "nested more than 64 levels deep"),
    "far too deep": ('{"a":' * 100_000, "the arguments have 500000 characters|not valid JSON"),
    "a thousand lists": ('{"a":' + "[" * 900 + "]" * 900 + "}", "nested more than"),
    "megabytes": ('{"a": "' + "x" * 10_000_000 + '"}', f"at most {LARGEST} are taken"),
}


@pytest.mark.parametrize(("text", "complaint"), REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_at_once_and_in_words(text: str, complaint: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError, match=complaint):
        parsed(text)
    assert time.perf_counter() - began < 0.5
