"""The `input` of an embeddings request, and what is wrong with it."""

from typing import Any

import pytest

from qwenproxy.endpoints.embedding_inputs import MOST, inputs
from qwenproxy.errors import ProxyError

HELLO = [9906, 1917]
"""Ids of "Hello world"."""


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("a", [("a", None)]),
        (["a", "b"], [("a", None), ("b", None)]),
        (HELLO, [("Hello world", 2)]),
        ([HELLO, [9906]], [("Hello world", 2), ("Hello", 1)]),
        ([HELLO, "a"], [("Hello world", 2), ("a", None)]),
        ([" "], [(" ", None)]),
        ([{"image": "https://x/y.png"}], [({"image": "https://x/y.png"}, None)]),
        ({"text": "a", "image": "u"}, [({"text": "a", "image": "u"}, None)]),
    ],
    ids=["text", "texts", "ids", "lists of ids", "mixed", "a space", "an item", "a lone item"],
)
def test_inputs_are_read(value: Any, found: list[tuple[Any, int | None]]) -> None:
    assert [tuple(one) for one in inputs(value)] == found


def test_as_many_are_taken_as_openai_takes() -> None:
    assert len(inputs(["a"] * MOST)) == MOST
    assert len(inputs(HELLO * MOST)) == 1


@pytest.mark.parametrize(
    ("value", "param", "message"),
    [
        (None, "input", "must be a string, an array of strings, .* not null"),
        (7, "input", "not an integer"),
        (True, "input", "not a boolean"),
        ("", "input", "must not be empty"),
        ([], "input", "must not be empty"),
        (["a", "b", "c", ""], "input[3]", "must not be empty"),
        ([HELLO, []], "input[1]", "must not be empty"),
        (["a", 7], "input[1]", "must be a string or an array of token ids, not an integer"),
        (["a", None], "input[1]", "not null"),
        ([True], "input[0]", "not a boolean"),
        ([1.5], "input[0]", "not a number"),
        ([9906, "a"], "input[1]", "must be a token id, not a string"),
        ([9906, True], "input[1]", "must be a token id, not a boolean"),
        ([[9906, 1.0]], "input[0][1]", "must be a token id, not a number"),
        ([[9906], [10**7]], "input[1][0]", "is 10000000, which is no token id"),
        (["a", {"words": "x"}], "input[1]", "or hold one of text, image, video, multi_images"),
        (["a"] * (MOST + 1), "input", "2048 items at most, not one of 2049"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(value: Any, param: str, message: str) -> None:
    with pytest.raises(ProxyError, match=message) as caught:
        inputs(value)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert f"'{param}'" in caught.value.message
