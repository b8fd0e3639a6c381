"""Values that Qwen takes within other limits than OpenAI."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.errors import INVALID_VALUE, ProxyError
from qwenproxy.models import Row
from tests.dialects.asking import ABLE, AWAKE, PLAIN, function, ruled, settled

SMALL = replace(PLAIN, max_output=100)
WHOLE = replace(SMALL, max_completion_tokens=True)
GIVING = replace(PLAIN, logprobs=True)
BELOW_ONE = replace(PLAIN, max_top_p=0.99)

VALUES: list[tuple[str, Row, dict[str, Any], dict[str, Any], bool]] = [
    ("temperature below 2", PLAIN, {"temperature": 1.5}, {"temperature": 1.5}, False),
    ("temperature 2", PLAIN, {"temperature": 2}, {"temperature": 1.99}, True),
    ("top_p 0", PLAIN, {"top_p": 0}, {"top_p": 0.01}, True),
    ("top_p 1", PLAIN, {"top_p": 1}, {"top_p": 1}, False),
    ("top_p 1, refused", BELOW_ONE, {"top_p": 1}, {"top_p": 0.99}, True),
    ("seed", PLAIN, {"seed": 7}, {"seed": 7}, False),
    ("seed of 64 bits", PLAIN, {"seed": 2**40 + 7}, {"seed": 7}, False),
    ("negative seed", PLAIN, {"seed": -1}, {"seed": 2**31 - 1}, False),
    ("stop, a string", PLAIN, {"stop": "END"}, {"stop": "END"}, False),
    ("stop, empty strings", PLAIN, {"stop": ["", "END", ""]}, {"stop": ["END"]}, False),
    ("stop, only empty ones", PLAIN, {"stop": [""]}, {}, False),
    ("stop, an empty string", PLAIN, {"stop": ""}, {}, False),
    ("logprobs", GIVING, {"logprobs": True, "top_logprobs": 5}, {"logprobs": True, "top_logprobs": 5}, False),
    ("top_logprobs of 20", GIVING, {"logprobs": True, "top_logprobs": 20}, {"logprobs": True, "top_logprobs": 5}, True),
    ("max_tokens", SMALL, {"max_tokens": 50}, {"max_tokens": 50}, False),
    ("max_tokens beyond", SMALL, {"max_tokens": 101}, {"max_tokens": 100}, True),
    ("max_completion_tokens", SMALL, {"max_completion_tokens": 50}, {"max_tokens": 50}, False),
    ("both, the smaller", SMALL, {"max_completion_tokens": 50, "max_tokens": 40}, {"max_tokens": 40}, False),
    ("max_completion_tokens taken", WHOLE, {"max_completion_tokens": 50}, {"max_completion_tokens": 50}, False),
    ("beyond, taken", WHOLE, {"max_completion_tokens": 500}, {"max_completion_tokens": 100}, True),
    ("both, taken", WHOLE, {"max_completion_tokens": 50, "max_tokens": 40}, {"max_completion_tokens": 40}, False),
    ("max_tokens where both are taken", WHOLE, {"max_tokens": 50}, {"max_tokens": 50}, False),
]


@pytest.mark.parametrize(("row", "asked", "sent", "noted"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES])
def test_a_value_is_brought_within_qwens_limits(
    row: Row, asked: dict[str, Any], sent: dict[str, Any], noted: bool
) -> None:
    outcome = ruled(row, refuse=True, **asked)
    assert {name: value for name, value in outcome.chat.items() if name not in ("model", "messages")} == sent
    assert bool(outcome.changed) == noted


def test_a_clamp_is_noted_with_both_values() -> None:
    assert ruled(SMALL, max_tokens=500).changed == ("max_tokens 500 -> 100",)


def test_more_than_four_stop_sequences_are_refused_as_openai_does() -> None:
    with pytest.raises(ProxyError) as raised:
        ruled(stop=["a", "b", "c", "d", "e"])
    assert (raised.value.failure, raised.value.param) == (INVALID_VALUE, "stop")


def test_the_thinking_budget_stays_below_the_limit_that_counts_it() -> None:
    row = replace(ABLE, max_completion_tokens=True)
    assert settled(row, max_completion_tokens=1000, thinking_budget=999)["thinking_budget"] == 999
    assert settled(row, max_completion_tokens=1000, thinking_budget=1000)["thinking_budget"] == 500
    assert "thinking_budget" not in settled(row, max_completion_tokens=1, thinking_budget=1000)


FOUR = replace(ABLE, max_choices=4)

CHOICES: list[tuple[str, Row, dict[str, Any], int, int | None]] = [
    ("one", PLAIN, {"n": 1}, 1, None),
    ("more than the model takes", PLAIN, {"n": 3}, 3, None),
    ("as many as it takes", FOUR, {"n": 4}, 1, 4),
    ("one too many", FOUR, {"n": 5}, 5, None),
    ("with tools", FOUR, {"n": 2, "tools": [function()]}, 2, None),
    ("while it thinks", FOUR, {"n": 2, "enable_thinking": True}, 2, None),
    ("a model that thinks by itself", replace(AWAKE, max_choices=4), {"n": 2}, 2, None),
]


@pytest.mark.parametrize(
    ("row", "asked", "calls", "sent"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES]
)
def test_choices_come_from_one_call_or_from_many(row: Row, asked: dict[str, Any], calls: int, sent: int | None) -> None:
    outcome = ruled(row, **asked)
    assert (outcome.calls, outcome.chat.get("n")) == (calls, sent)


def test_every_call_of_several_has_a_seed_of_its_own() -> None:
    outcome = ruled(n=3, seed=2**31 - 1)
    assert [outcome.chat_for(choice)["seed"] for choice in range(3)] == [2**31 - 1, 0, 1]
    assert [outcome.chat_for(choice) | {"seed": 0} for choice in range(3)] == [outcome.chat | {"seed": 0}] * 3
    assert "seed" not in ruled(n=3).chat_for(2)
