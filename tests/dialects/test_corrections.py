"""What refusals teach: after each lesson the rulings write a request without the fault."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from qwenproxy.dialects.corrections import difference, learn
from qwenproxy.dialects.draft import Ruled
from qwenproxy.models import FAMILIES, Row
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ABLE, AWAKE, PLAIN, RESTLESS, choice, function, ruled

ALGO = "<400> InternalError.Algo.InvalidParameter: "
FORCED = "The tool_choice parameter does not support being set to required or object in thinking mode"
SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
OBJECT: Json = {"type": "json_object"}
TOOLS = [function("look"), function("see")]
MIXED: list[Json] = [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Be brief."}]
PARTS: list[Json] = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]


class Case(NamedTuple):
    """A refusal.  `fault` finds in a request what was refused, `learned` is what is new in the row."""

    name: str
    message: str
    row: Row
    asked: Json
    fault: Callable[[Ruled], Any]
    learned: tuple[str, ...]


def _forced(outcome: Ruled) -> bool:
    return outcome.chat.get("tool_choice") not in (None, "none", "auto")


def _forced_awake(outcome: Ruled) -> bool:
    return _forced(outcome) and outcome.chat.get("enable_thinking") is not False


def _format(kind: str) -> Callable[[Ruled], bool]:
    return lambda outcome: (outcome.chat.get("response_format") or {}).get("type") == kind


def _json_awake(outcome: Ruled) -> bool:
    return "response_format" in outcome.chat and outcome.chat.get("enable_thinking") is not False


def _without_word(outcome: Ruled) -> bool:
    return not any("json" in str(message["content"]).lower() for message in outcome.chat["messages"])


def _above(name: str, most: float) -> Callable[[Ruled], bool]:
    return lambda outcome: outcome.chat.get(name, 0) > most


def _has(name: str) -> Callable[[Ruled], bool]:
    return lambda outcome: name in outcome.chat


WHOLE = replace(PLAIN, max_completion_tokens=True)
WORDS = replace(AWAKE, efforts={"low": "low"})
FORCEFUL = replace(AWAKE, forced_choice_while_thinking=True)

CASES = [
    Case(
        "max_tokens",
        ALGO + "Range of max_tokens should be [1, 8192]",
        PLAIN,
        {"max_tokens": 20_000},
        _above("max_tokens", 8192),
        ("max_output=8192",),
    ),
    Case(
        "max_completion_tokens",
        "Range of max_completion_tokens should be [1, 8192]",
        WHOLE,
        {"max_completion_tokens": 20_000},
        _above("max_completion_tokens", 8192),
        ("max_output=8192",),
    ),
    Case(
        "max_tokens, in OpenAI's words",
        "max_tokens is too large: 20000. This model supports at most 8192 completion tokens",
        PLAIN,
        {"max_tokens": 20_000},
        _above("max_tokens", 8192),
        ("max_output=8192",),
    ),
    Case(
        "max_completion_tokens unsupported",
        "The max_completion_tokens parameter is not supported by this model",
        WHOLE,
        {"max_completion_tokens": 5},
        _has("max_completion_tokens"),
        ("max_completion_tokens=false",),
    ),
    Case(
        "max_completion_tokens unsupported, turned round",
        "Unsupported parameter: 'max_completion_tokens'",
        WHOLE,
        {"max_completion_tokens": 5},
        _has("max_completion_tokens"),
        ("max_completion_tokens=false",),
    ),
    Case(
        "thinking_budget",
        ALGO + "The thinking_budget parameter must be a positive integer and not greater than 38912",
        ABLE,
        {"thinking_budget": 77_824},
        _above("thinking_budget", 38_912),
        ("max_thinking=38912",),
    ),
    Case(
        "thinking_budget unsupported",
        "thinking_budget is not supported",
        AWAKE,
        {"thinking_budget": 100},
        _has("thinking_budget"),
        ("max_thinking=0",),
    ),
    Case(
        "reasoning_effort unsupported",
        "The reasoning_effort parameter is not supported",
        WORDS,
        {"reasoning_effort": "low"},
        _has("reasoning_effort"),
        ("efforts=none",),
    ),
    Case(
        "forced choice while thinking",
        ALGO + FORCED,
        FORCEFUL,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced_awake,
        ("forced_choice_while_thinking=false",),
    ),
    Case(
        "forced choice, thinking unknown",
        FORCED,
        ABLE,
        {"tools": TOOLS, "tool_choice": choice("see")},
        _forced_awake,
        ("thinking=on",),
    ),
    Case(
        "forced choice, thinking turned off",
        FORCED,
        AWAKE,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced,
        ("required_choice=false", "named_choice=false"),
    ),
    Case(
        "forced choice, DeepSeek's words",
        "Thinking mode does not support this tool_choice",
        FORCEFUL,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced_awake,
        ("forced_choice_while_thinking=false",),
    ),
    Case(
        "required choice",
        "The tool_choice parameter does not support being set to required",
        ABLE,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced,
        ("required_choice=false",),
    ),
    Case(
        "required or named choice",
        "tool_choice parameter does not support being set to required or object",
        ABLE,
        {"tools": TOOLS, "tool_choice": choice("see")},
        _forced,
        ("required_choice=false", "named_choice=false"),
    ),
    Case(
        "named choice",
        "tool_choice parameter does not support being set to object",
        ABLE,
        {"tools": TOOLS, "tool_choice": choice("see")},
        _forced,
        ("named_choice=false",),
    ),
    Case(
        "choice of two words",
        "tool_choice is one of the strings that should be ['none', 'auto']",
        ABLE,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced,
        ("required_choice=false", "named_choice=false"),
    ),
    Case(
        "required choice, turned round",
        "tool_choice 'required' is not supported",
        ABLE,
        {"tools": TOOLS, "tool_choice": "required"},
        _forced,
        ("required_choice=false",),
    ),
    Case(
        "reserved name",
        ALGO + "Tool names are not allowed to be [lookup]",
        PLAIN,
        {"tools": [function("lookup")]},
        lambda outcome: outcome.chat["tools"][0]["function"]["name"] == "lookup",
        ("reserved_names=lookup+search",),
    ),
    Case(
        "whole call while thinking",
        "parameter.enable_thinking must be set to false for non-streaming calls",
        PLAIN,
        {},
        lambda outcome: not outcome.stream,
        ("thinking=on", "thinks_only_streaming=true"),
    ),
    Case(
        "whole call while thinking, ModelScope's words",
        "Thinking is not supported when stream is False",
        ABLE,
        {},
        lambda outcome: not outcome.stream,
        ("thinking=on", "thinks_only_streaming=true"),
    ),
    Case(
        "streams only",
        "This model only support stream mode, please enable the stream parameter to access the model.",
        PLAIN,
        {},
        lambda outcome: not outcome.stream,
        ("streams_only=true",),
    ),
    Case(
        "thinking only",
        "The value of the enable_thinking parameter is restricted to True.",
        AWAKE,
        {"enable_thinking": False},
        lambda outcome: outcome.chat.get("enable_thinking") is False,
        ("thinking=always",),
    ),
    Case(
        "never thinking",
        "The value of the enable_thinking parameter is restricted to False.",
        AWAKE,
        {"enable_thinking": True},
        _has("enable_thinking"),
        ("thinking=never",),
    ),
    Case(
        "no switch for thinking",
        "Parameter enable_thinking is not supported",
        ABLE,
        {"reasoning_effort": "low"},
        _has("enable_thinking"),
        ("thinking=never",),
    ),
    Case(
        "the word",
        ALGO + "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        replace(PLAIN, json_word=False),
        {"response_format": OBJECT},
        _without_word,
        ("json_word=true",),
    ),
    Case(
        "JSON while thinking",
        "Json mode response is not supported when enable_thinking is true",
        AWAKE,
        {"response_format": OBJECT},
        _json_awake,
        ("json_while_thinking=false",),
    ),
    Case(
        "JSON while thinking, unknown",
        "Json mode response is not supported when enable_thinking is true",
        ABLE,
        {"response_format": SCHEMA},
        _json_awake,
        ("thinking=on", "json_while_thinking=false"),
    ),
    Case(
        "JSON, always thinking",
        "Json mode response is not supported when enable_thinking is true",
        RESTLESS,
        {"response_format": SCHEMA},
        _has("response_format"),
        ("json_while_thinking=false",),
    ),
    Case(
        "schema",
        "response_format of type json_schema is not supported by this model",
        PLAIN,
        {"response_format": SCHEMA},
        _format("json_schema"),
        ("json_schema=false",),
    ),
    Case(
        "schema, unknown",
        "unknown response_format",
        PLAIN,
        {"response_format": SCHEMA},
        _format("json_schema"),
        ("json_schema=false",),
    ),
    Case(
        "schema, other types told",
        "'response_format.type' must be 'json_object' or 'text'",
        PLAIN,
        {"response_format": SCHEMA},
        _format("json_schema"),
        ("json_schema=false",),
    ),
    Case(
        "object, other types told",
        "'response_format.type' must be 'json_schema' or 'text'",
        PLAIN,
        {"response_format": OBJECT},
        _format("json_object"),
        ("json_object=false",),
    ),
    Case(
        "object, unknown",
        "unknown response_format",
        replace(PLAIN, json_schema=False),
        {"response_format": OBJECT},
        _format("json_object"),
        ("json_object=false",),
    ),
    Case(
        "no JSON mode",
        "Json mode is not supported",
        PLAIN,
        {"response_format": OBJECT},
        _has("response_format"),
        ("json_object=false", "json_schema=false"),
    ),
    Case(
        "no formats",
        "The response_format parameter is not supported",
        PLAIN,
        {"response_format": SCHEMA},
        _has("response_format"),
        ("json_object=false", "json_schema=false"),
    ),
    Case(
        "logprobs",
        "logprobs is not supported for this model",
        replace(PLAIN, logprobs=True),
        {"logprobs": True, "top_logprobs": 2},
        _has("logprobs"),
        ("logprobs=false",),
    ),
    Case(
        "n",
        ALGO + "Range of n should be [1, 2]",
        replace(PLAIN, max_choices=4),
        {"n": 3},
        _above("n", 2),
        ("max_choices=2",),
    ),
    Case(
        "n of one",
        "n must be 1 for this model",
        replace(PLAIN, max_choices=4),
        {"n": 3},
        _has("n"),
        ("max_choices=1",),
    ),
    Case(
        "n while thinking, unknown",
        ALGO + "n should be 1 in thinking mode",
        replace(ABLE, max_choices=4),
        {"n": 3},
        _has("n"),
        ("thinking=on",),
    ),
    Case(
        "top_p",
        ALGO + "Range of top_p should be (0.0, 1.0)",
        PLAIN,
        {"top_p": 1},
        lambda outcome: outcome.chat["top_p"] >= 1,
        ("max_top_p=0.99",),
    ),
    Case(
        "top_p, with an end",
        ALGO + "Range of top_p should be (0.0, 0.9]",
        PLAIN,
        {"top_p": 1},
        _above("top_p", 0.9),
        ("max_top_p=0.9",),
    ),
    Case(
        "system first",
        "System message must be at the beginning.",
        replace(PLAIN, system_first=False),
        {"messages": MIXED},
        lambda outcome: outcome.chat["messages"][0]["role"] != "system",
        ("system_first=true",),
    ),
    Case(
        "no system",
        "System role not supported",
        PLAIN,
        {"messages": MIXED},
        lambda outcome: any(message["role"] == "system" for message in outcome.chat["messages"]),
        ("system=false",),
    ),
    Case(
        "strings only",
        ALGO + "Input content must be a string.",
        PLAIN,
        {"messages": PARTS},
        lambda outcome: not isinstance(outcome.chat["messages"][0]["content"], str),
        ("flat_text=true",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_after_a_lesson_the_request_has_the_fault_no_more(case: Case) -> None:
    new = learn(case.message, case.row)
    assert new is not None
    assert set(difference(case.row, new)) == set(case.learned)
    assert case.fault(ruled(case.row, **case.asked)), "the case shows no fault to begin with"
    assert not case.fault(ruled(new, **case.asked))


TWICE = {
    "forced choice while thinking",
    "forced choice, thinking unknown",
    "forced choice, DeepSeek's words",
    "schema, unknown",
    "n while thinking, unknown",
}
"""Refusals that teach more when they come again: if it was not the one thing, it is the other."""


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_no_refusal_teaches_for_ever(case: Case) -> None:
    row, lessons = case.row, 0
    while (new := learn(case.message, row)) is not None and lessons < 5:
        row, lessons = new, lessons + 1
    assert lessons == (2 if case.name in TWICE else 1)


NOTHING = [
    "",
    "bad request",
    "Range of input length should be [1, 983616]",
    "Range of max_tokens should be [1, 99999999]",
    "Range of max_tokens should be [1, 0]",
    "The provided URL does not appear to be valid. Ensure it is correctly formatted.",
    "'function' is a required property",
    "Repetitive tool calls detected",
    "Free allocated quota exceeded.",
    "Input data may contain inappropriate content.",
    "Coding Plan is currently only available for Coding Agents",
    "invalid access token or token expired",
    "The model `x` does not exist or you do not have access to it.",
    "The thinking_budget parameter must be a positive integer and not greater than 0",
]


@pytest.mark.parametrize("message", NOTHING)
@pytest.mark.parametrize("row", [PLAIN, ABLE, AWAKE, RESTLESS], ids=["never", "off", "on", "always"])
def test_other_refusals_teach_nothing(message: str, row: Row) -> None:
    assert learn(message, row) is None


@pytest.mark.parametrize("multimodal", [False, True])
@pytest.mark.parametrize(
    "message",
    [
        "url error, check url!",
        "url error, please check url！",
        ALGO + "Url error, please check the URL. (Qwen's request id: 7d1c)",
        "url error，check url",
    ],
)
def test_a_model_that_is_not_served_at_one_native_address_is_served_at_the_other(
    message: str, multimodal: bool
) -> None:
    row = replace(PLAIN, multimodal=multimodal)
    new = learn(message, row)
    assert new == replace(row, multimodal=not multimodal)


def test_what_a_row_knows_already_teaches_nothing() -> None:
    assert learn("Range of max_tokens should be [1, 8192]", replace(PLAIN, max_output=4096)) is None
    assert learn(FORCED, RESTLESS) is None


def test_all_that_a_message_says_is_learned_at_once() -> None:
    message = "Range of max_tokens should be [1, 8192]; Range of n should be [1, 1]"
    new = learn(message, replace(PLAIN, max_choices=4))
    assert new is not None
    assert (new.max_output, new.max_choices) == (8192, 1)


DIFFERENCES: list[tuple[Row, tuple[str, ...]]] = [
    (PLAIN, ()),
    (replace(PLAIN, max_output=8192), ("max_output=8192",)),
    (replace(PLAIN, streams_only=True, thinking="always"), ("thinking=always", "streams_only=true")),
    (replace(PLAIN, efforts={"low": "low", "max": "max"}), ("efforts=low+max",)),
]


@pytest.mark.parametrize(("new", "told"), DIFFERENCES, ids=[" ".join(row[1]) or "none" for row in DIFFERENCES])
def test_a_difference_is_told_in_short(new: Row, told: tuple[str, ...]) -> None:
    assert difference(PLAIN, new) == told


def test_differences_can_stand_in_a_header() -> None:
    for _, row in FAMILIES:
        assert all(
            part.isascii() and "," not in part
            for part in difference(replace(row, source=""), replace(PLAIN, source=""))
        )
