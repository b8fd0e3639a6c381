"""Log probabilities in their legacy shape."""

from typing import Any

import pytest

from qwenproxy.endpoints.former_logprobs import FormerLogprobs
from qwenproxy.wire.openai import Json


def token(text: str, logprob: float, *others: tuple[str, float]) -> Json:
    told = [{"token": other, "logprob": value, "bytes": None} for other, value in others]
    return {"token": text, "logprob": logprob, "bytes": None, "top_logprobs": told}


FIRST: Json = {"content": [token(" a", -0.1, (" a", -0.1), (" b", -2.0)), token("你好", -0.2)], "refusal": None}
SECOND: Json = {"content": [token("!", -0.3, ("?", -1.0))], "refusal": None}


def test_lists_are_parallel_and_offsets_count_on_from_the_prompt() -> None:
    shape = FormerLogprobs(10, 2)
    assert shape.shaped(FIRST) == {
        "tokens": [" a", "你好"],
        "token_logprobs": [-0.1, -0.2],
        "top_logprobs": [{" a": -0.1, " b": -2.0}, {"你好": -0.2}],
        "text_offset": [10, 12],
    }
    assert shape.shaped(SECOND) == {
        "tokens": ["!"],
        "token_logprobs": [-0.3],
        "top_logprobs": [{"?": -1.0, "!": -0.3}],
        "text_offset": [14],
    }


def test_without_alternatives_there_is_no_list_of_them() -> None:
    told = FormerLogprobs(0, 0).shaped(SECOND)
    assert told is not None
    assert told["top_logprobs"] is None


@pytest.mark.parametrize("nothing", [None, {}, {"content": []}, {"content": None, "refusal": []}])
def test_nothing_stays_nothing(nothing: Any) -> None:
    assert FormerLogprobs(0, 1).shaped(nothing) is None
