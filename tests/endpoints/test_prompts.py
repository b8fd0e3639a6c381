"""The prompts of a legacy completion, in each of their forms."""

from typing import Any

import pytest

from qwenproxy.endpoints.prompts import MOST, prompts
from qwenproxy.errors import ProxyError

HELLO_WORLD = [9906, 1917]
"""Token ids of "Hello world"."""


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("Hello", ["Hello"]),
        (["Hello", "world"], ["Hello", "world"]),
        (HELLO_WORLD, ["Hello world"]),
        ([HELLO_WORLD, [9906]], ["Hello world", "Hello"]),
        ([HELLO_WORLD, "you"], ["Hello world", "you"]),
        ([" "], [" "]),
    ],
    ids=["a text", "texts", "ids", "lists of ids", "both", "a space"],
)
def test_every_form_becomes_texts(value: Any, texts: list[str]) -> None:
    assert prompts(value, 1) == texts


@pytest.mark.parametrize(
    ("value", "param", "code"),
    [
        (None, "prompt", "missing_required_parameter"),
        (7, "prompt", "invalid_type"),
        ({"text": "a"}, "prompt", "invalid_type"),
        ("", "prompt", "invalid_value"),
        ([], "prompt", "invalid_value"),
        (["a", ""], "prompt[1]", "invalid_value"),
        (["a", None], "prompt[1]", "invalid_type"),
        ([True], "prompt[0]", "invalid_type"),
        ([1, "a"], "prompt[1]", "invalid_type"),
        ([[1], [2, 3.5]], "prompt[1][1]", "invalid_type"),
        ([[1], [10**9]], "prompt[1][0]", "invalid_value"),
        ([[]], "prompt[0]", "invalid_value"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_by_its_place(value: Any, param: str, code: str) -> None:
    with pytest.raises(ProxyError) as caught:
        prompts(value, 1)
    assert (caught.value.status, caught.value.param, caught.value.failure.code) == (400, param, code)


def test_an_answer_has_so_many_choices_and_no_more() -> None:
    assert len(prompts(["a"] * (MOST // 4), 4)) == MOST // 4
    with pytest.raises(ProxyError, match=f"{MOST} at most") as caught:
        prompts(["a"] * (MOST // 4 + 1), 4)
    assert caught.value.param == "prompt"
