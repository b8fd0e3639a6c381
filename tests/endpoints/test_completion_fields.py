"""The rulings on the fields of a legacy completion."""

from typing import Any, get_args

import pytest
from openai.types.completion_create_params import CompletionCreateParamsNonStreaming

from qwenproxy.endpoints.completion_fields import CHATS_ONLY, SHORT, TABLE, Draft, Kind, Ruling, settle
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import ChatRequest

MINIMAL = {"model": "m", "max_tokens": SHORT, "reasoning_effort": "minimal"}


def settled(*, refuse: bool = False, **fields: Any) -> Draft:
    draft = Draft({"model": "m", "prompt": "a", **fields}, refuse)
    settle(draft)
    return draft


def refusal(*, refuse: bool = False, **fields: Any) -> tuple[str | None, str | None]:
    """The field that is refused, and with what code."""
    with pytest.raises(ProxyError) as caught:
        settled(refuse=refuse, **fields)
    assert caught.value.status == 400
    return caught.value.param, caught.value.failure.code


def test_the_table_rules_on_every_field_of_the_openai_package_and_on_no_other() -> None:
    assert set(TABLE) == set(CompletionCreateParamsNonStreaming.__annotations__)


@pytest.mark.parametrize(("name", "ruling"), TABLE.items(), ids=list(TABLE))
def test_every_ruling_has_a_kind_and_a_reason_of_one_line(name: str, ruling: Ruling) -> None:
    assert ruling.kind in get_args(Kind.__value__)
    assert 0 < len(ruling.reason) < 100
    assert "\n" not in ruling.reason


@pytest.mark.parametrize(
    ("fields", "chat"),
    [
        ({}, {}),
        ({"temperature": 0.5, "top_p": 0.9, "seed": 7, "n": 2}, {"temperature": 0.5, "top_p": 0.9, "seed": 7, "n": 2}),
        ({"stop": ["\n"], "presence_penalty": 1, "frequency_penalty": -1}, ...),
        ({"logit_bias": {"50256": -100}, "user": "anne"}, ...),
        ({"max_tokens": 7}, {"max_tokens": 7}),
        ({"logprobs": 0}, {"logprobs": True}),
        ({"logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
        ({"echo": True, "stream": True, "stream_options": {"include_usage": True}}, {}),
        ({"echo": False, "logprobs": 1}, {"logprobs": True, "top_logprobs": 1}),
        ({"suffix": "b"}, {}),
        ({"suffix": "", "echo": True}, {}),
        ({"best_of": 1}, {}),
        ({"best_of": 3, "n": 3}, {"n": 3}),
        ({"temperature": None, "stop": None, "logprobs": None, "best_of": None}, {}),
        ({"top_k": 20, "repetition_penalty": 1.1}, ...),
        ({"enable_thinking": True}, {"enable_thinking": True, "reasoning_effort": ...}),
    ],
    ids=str,
)
def test_what_becomes_of_the_fields(fields: dict[str, Any], chat: Any) -> None:
    """An ellipsis: the same; as a value: not there."""
    wanted = MINIMAL | (fields if chat is ... else chat)
    draft = settled(**fields)
    assert draft.chat == {name: value for name, value in wanted.items() if value is not ...}
    assert draft.dropped == []


def test_candidates_that_nobody_ranks_are_left_out_and_named() -> None:
    draft = settled(best_of=5, n=2)
    assert (draft.chat["n"], draft.dropped) == (2, ["best_of"])


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"best_of": 1, "n": 2}, "best_of", "invalid_value"),
        ({"best_of": 2, "stream": True}, "best_of", "invalid_value"),
        ({"best_of": 2, "refuse": True}, "best_of", "unsupported_parameter"),
        ({"echo": True, "logprobs": 0}, "echo", "unsupported_parameter"),
        ({"echo": True, "suffix": "b"}, "suffix", "invalid_value"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
        *(({name: []}, name, "unknown_parameter") for name in sorted(CHATS_ONLY)),
    ],
    ids=str,
)
def test_what_is_refused(fields: dict[str, Any], param: str, code: str) -> None:
    assert refusal(**fields) == (param, code)


def test_what_belongs_to_chats_only_is_known_to_chats() -> None:
    assert set(ChatRequest.__annotations__) > CHATS_ONLY
