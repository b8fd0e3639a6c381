"""Whether a model thinks and how long: every way of asking, on every kind of model."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.thinking import leak
from qwenproxy.errors import UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.models import Row, row_of
from qwenproxy.plans import OLLAMA, SELF_HOSTED, row_on
from tests.dialects.asking import ABLE, AWAKE, PLAIN, RESTLESS, ruled, settled

WORDS = replace(AWAKE, efforts={"low": "low", "medium": "medium", "high": "xhigh", "xhigh": "xhigh", "max": "xhigh"})
CAPPED = replace(ABLE, max_thinking=10_000)
BUDGETLESS = replace(AWAKE, max_thinking=0)
ON = {"enable_thinking": True}
OFF = {"enable_thinking": False}

WISHES: list[tuple[str, Row, dict[str, Any], dict[str, Any], bool]] = [
    ("nothing said, off", ABLE, {}, {}, False),
    ("nothing said, on", AWAKE, {}, {}, True),
    ("nothing said, always", RESTLESS, {}, {}, True),
    ("enable_thinking", ABLE, ON, ON, True),
    ("enable_thinking false", AWAKE, OFF, OFF, False),
    ("enable_thinking, always", RESTLESS, ON, {}, True),
    ("thinking disabled", AWAKE, {"thinking": {"type": "disabled"}}, OFF, False),
    ("thinking enabled", ABLE, {"thinking": {"type": "enabled"}}, ON, True),
    ("thinking adaptive", ABLE, {"thinking": {"type": "adaptive"}}, ON, True),
    (
        "thinking with a budget",
        ABLE,
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
        {**ON, "thinking_budget": 2048},
        True,
    ),
    ("thinking of an unknown shape", AWAKE, {"thinking": {"clear_thinking": True}}, {}, True),
    ("template", AWAKE, {"chat_template_kwargs": {"enable_thinking": False}}, OFF, False),
    (
        "template and more",
        AWAKE,
        {"chat_template_kwargs": {"enable_thinking": False, "a": 1}},
        {"chat_template_kwargs": {"a": 1}, **OFF},
        False,
    ),
    ("budget alone", ABLE, {"thinking_budget": 100}, {**ON, "thinking_budget": 100}, True),
    ("budget too long", CAPPED, {"thinking_budget": 20_000}, {**ON, "thinking_budget": 10_000}, True),
    ("budget where none is taken", BUDGETLESS, {"thinking_budget": 100}, ON, True),
    ("budget without thinking", ABLE, {**OFF, "thinking_budget": 100}, OFF, False),
    ("the first that says something", ABLE, {**OFF, "reasoning_effort": "high"}, OFF, False),
    ("effort none", AWAKE, {"reasoning_effort": "none"}, OFF, False),
    ("effort minimal", AWAKE, {"reasoning_effort": "minimal"}, OFF, False),
    ("effort low", ABLE, {"reasoning_effort": "low"}, {**ON, "thinking_budget": 4_096}, True),
    ("effort medium", ABLE, {"reasoning_effort": "medium"}, {**ON, "thinking_budget": 16_384}, True),
    ("effort high", ABLE, {"reasoning_effort": "high"}, {**ON, "thinking_budget": 32_768}, True),
    ("effort xhigh", ABLE, {"reasoning_effort": "xhigh"}, ON, True),
    ("effort max", ABLE, {"reasoning_effort": "max"}, ON, True),
    ("effort high, capped", CAPPED, {"reasoning_effort": "high"}, {**ON, "thinking_budget": 10_000}, True),
    ("effort, no budget taken", BUDGETLESS, {"reasoning_effort": "low"}, ON, True),
    ("effort low, always", RESTLESS, {"reasoning_effort": "low"}, {"thinking_budget": 4_096}, True),
    ("effort none, always", RESTLESS, {"reasoning_effort": "none"}, {"thinking_budget": 4_096}, True),
    ("effort in words", WORDS, {"reasoning_effort": "medium"}, {**ON, "reasoning_effort": "medium"}, True),
    ("effort in other words", WORDS, {"reasoning_effort": "high"}, {**ON, "reasoning_effort": "xhigh"}, True),
    ("effort none in words", WORDS, {"reasoning_effort": "none"}, OFF, False),
    (
        "effort and budget, never both",
        WORDS,
        {"reasoning_effort": "low", "thinking_budget": 500},
        {**ON, "thinking_budget": 500},
        True,
    ),
    ("a model that cannot", PLAIN, {**ON, "reasoning_effort": "high", "thinking_budget": 9}, {}, False),
    ("a model that need not", PLAIN, OFF, {}, False),
]


@pytest.mark.parametrize(
    ("row", "asked", "sent", "streamed"), [row[1:] for row in WISHES], ids=[row[0] for row in WISHES]
)
def test_thinking_is_asked_for_in_the_models_own_fields(
    row: Row, asked: dict[str, Any], sent: dict[str, Any], streamed: bool
) -> None:
    assert settled(row, **asked) == sent
    assert ruled(row, **asked).stream == streamed


def test_all_that_asks_a_model_to_think_that_cannot_is_named() -> None:
    outcome = ruled(PLAIN, enable_thinking=True, reasoning_effort="high", thinking_budget=9)
    assert set(outcome.dropped) == {"enable_thinking", "reasoning_effort", "thinking_budget"}


def test_an_effort_that_gives_way_to_a_budget_is_named() -> None:
    assert ruled(WORDS, reasoning_effort="low", thinking_budget=500).dropped == ("reasoning_effort",)


def test_a_model_that_cannot_stop_says_so() -> None:
    assert ruled(RESTLESS, enable_thinking=False).changed == ("enable_thinking: the model cannot stop thinking",)


@pytest.mark.parametrize(
    "asked", [{"enable_thinking": False}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}], ids=str
)
def test_to_stop_a_model_that_cannot_stop_can_be_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ProxyError) as raised:
        ruled(RESTLESS, refuse=True, **asked)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_PARAMETER, next(iter(asked)))


def test_the_least_effort_is_no_wish_to_stop() -> None:
    assert ruled(RESTLESS, refuse=True, reasoning_effort="minimal").chat["thinking_budget"] == 4_096


def test_an_answer_that_was_begun_is_continued_without_thinking() -> None:
    messages = [{"role": "user", "content": "Count."}, {"role": "assistant", "content": "1, 2", "partial": True}]
    outcome = ruled(AWAKE, messages=messages)
    assert outcome.chat["enable_thinking"] is False
    assert outcome.chat["messages"] == messages


@pytest.mark.parametrize("model", ["qwen3-8b", "qwen3-235b-a22b", "qwq-plus", "qvq-max"])
def test_whole_calls_of_open_weights_are_streamed_rather_than_stopped_from_thinking(model: str) -> None:
    outcome = ruled(row_of(model))
    assert outcome.stream
    assert "enable_thinking" not in outcome.chat


EFFORTS = [
    ("qwen3.8-max", "high", {"reasoning_effort": "xhigh", "enable_thinking": True}),
    ("qwen3.7-plus", "high", {"thinking_budget": 32_768, "enable_thinking": True}),
    ("glm-5.2", "low", {"reasoning_effort": "high", "enable_thinking": True}),
    ("deepseek-v4-pro", "max", {"reasoning_effort": "max", "enable_thinking": True}),
    ("MiniMax-M2.5", "low", {"thinking_budget": 4_096}),
    ("qwen3-coder-plus", "high", {}),
    ("qwen3.7-plus", "none", {"enable_thinking": False}),
]


@pytest.mark.parametrize(("model", "effort", "sent"), EFFORTS, ids=[f"{row[0]} {row[1]}" for row in EFFORTS])
def test_openais_efforts_on_real_models(model: str, effort: str, sent: dict[str, Any]) -> None:
    assert settled(row_of(model), reasoning_effort=effort) == sent


LEAKS: list[tuple[str, dict[str, Any], Think]] = [
    ("qwen3-235b-a22b-thinking-2507", {}, "inside"),
    ("qwq-32b", {}, "inside"),
    ("qwen3.5-27b", {"enable_thinking": True}, "inside"),
    ("qwen3.5-27b", {}, "start"),
    ("qwen3.5-27b", {"enable_thinking": False}, "start"),
    ("qwen3-8b", {"enable_thinking": True}, "start"),
    ("qvq-72b-preview", {}, "start"),
    ("llama3", {"enable_thinking": True}, "start"),
]


@pytest.mark.parametrize(
    ("asked", "think"), [({}, "inside"), ({"enable_thinking": False}, "start"), ({"reasoning_effort": "none"}, "start")]
)
def test_where_nobody_parts_them_an_answer_begins_inside_thinking_by_default(
    asked: dict[str, Any], think: Think
) -> None:
    for model, found in (("qwen3.5-27b", think), ("qwen3-8b", "start")):
        row = row_on(model, SELF_HOSTED)
        assert leak(ruled(row, **asked).chat, row) == found
    assert not row_on("qwen3.5-27b", OLLAMA).unparted, "it parts them itself"


@pytest.mark.parametrize(("model", "asked", "think"), LEAKS, ids=[f"{row[0]} {row[1]}" for row in LEAKS])
def test_an_answer_begins_inside_thinking_only_if_the_model_surely_thinks(
    model: str, asked: dict[str, Any], think: Think
) -> None:
    row = row_of(model)
    assert leak(ruled(row, **asked).chat, row) == think
