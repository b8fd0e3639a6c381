"""Each rule of the table of checks: a request that breaks it and only it, and the words of the refusal."""

from typing import Any, NamedTuple

import pytest

from qwenproxy.simulator.checks import GATEWAY, MODEL
from qwenproxy.simulator.doors import PORTAL
from qwenproxy.simulator.refusals import ALGORITHM
from qwenproxy.wire.openai import Json
from tests.support.simulated import WEATHER, Client, png

USER: Json = {"role": "user", "content": "Hello"}
SYSTEM: Json = {"role": "system", "content": "Be brief."}
MARKED: Json = {"role": "system", "content": [{"type": "text", "text": "", "cache_control": {"type": "ephemeral"}}]}
FORCED: Json = {"type": "function", "function": {"name": "get_weather"}}
THINKER = "qwen3.7-plus"


def asks(*ids: str) -> Json:
    """An assistant message that calls a tool for each id."""
    calls = [{"id": i, "type": "function", "function": {"name": "get_weather", "arguments": "{}"}} for i in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def gives(call: str, content: Any = "4 C") -> Json:
    return {"role": "tool", "tool_call_id": call, "content": content}


def named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def part(kind: str, value: Any) -> list[Json]:
    return [{"role": "user", "content": [{"type": kind, kind: value}]}]


def image(url: str) -> list[Json]:
    return part("image_url", {"url": url})


class Case(NamedTuple):
    """What breaks the rule, and a part of the complaint; `messages` None: an ordinary one."""

    fields: Json
    complaint: str
    messages: list[Json] | None = None
    row: str = ""


CASES: dict[str, list[Case]] = {
    "messages": [
        Case({}, "[] is too short - 'messages'", []),
        Case({"messages": ...}, "'messages' is a required property"),
        Case({"messages": "Hello"}, "not of type 'array'"),
    ],
    "roles": [
        Case(
            {},
            "developer is not one of ['system', 'assistant', 'user', 'tool', 'function'] - 'messages.['0].role'",
            [{"role": "developer", "content": "Be brief."}, USER],
        )
    ],
    "tools": [Case({"tools": []}, "[] is too short - 'tools'"), Case({"tools": {}}, "not of type 'array'")],
    "tool types": [
        Case({"tools": [WEATHER, {"type": "web_search"}]}, "'function' is a required property"),
        Case({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "'tools.0'"),
    ],
    "tool choice": [Case({"tools": [WEATHER], "tool_choice": "any"}, 'should be ["none", "auto"]')],
    "function role": [
        Case({}, "role function is not supported", [USER, {"role": "function", "name": "f", "content": "1"}])
    ],
    "a turn to answer": [Case({}, 'only one message with role "system"', [SYSTEM])],
    "system first": [
        Case({}, "System message must be at the beginning", [USER, SYSTEM]),
        Case({}, "System message must be at the beginning", [SYSTEM, SYSTEM, USER]),
    ],
    "content": [
        Case({}, "content is required", [{"role": "user", "content": None}]),
        Case({}, "content is required", [USER, {"role": "assistant", "content": None}, USER]),
        Case({}, "Unexpected item type", part("nonsense", 1)),
        Case({}, "Unexpected item type", [{"role": "user", "content": ["Hello"]}]),
    ],
    "flat text": [Case({}, "input content must be a string", [{"role": "user", "content": []}], row="flat_text=true")],
    "tool content": [
        Case({}, "input content must be a string", [USER, asks("a"), gives("a", [{"type": "text", "text": "4 C"}])])
    ],
    "media": [
        Case({}, "Unexpected item type", image(png(20, 20))),
        Case({"model": THINKER}, "URL does not appear to be valid", image("picture.png")),
        Case({"model": THINKER}, "Unexpected item type", part("input_audio", {"data": "data:;base64,AA=="})),
        Case({}, "audio should be a URL", part("input_audio", {"data": "AA==", "format": "wav"}), row="audio=true"),
    ],
    "picture sizes": [
        Case({"model": THINKER}, "do not meet the model restrictions", image(png(10, 200))),
        Case({"model": THINKER}, "not a valid base64", image("data:image/png;base64,!")),
        Case({"model": THINKER}, "max bytes per data-uri", image("data:image/png;base64," + "AAAA" * 3_600_000)),
    ],
    "input length": [Case({}, "Range of input length should be [1, 9]", row="context=9")],
    "calls answered": [
        Case({}, "did not have response messages: message[2].role", [USER, asks("a"), USER]),
        Case({}, "did not have response messages: message[3].role", [USER, asks("a", "b"), gives("a")]),
    ],
    "results called for": [
        Case({}, 'must be a response to a preceeding message with "tool_calls"', [USER, gives("a")]),
        Case(
            {},
            'must be a response to a preceeding message with "tool_calls"',
            [USER, asks("a"), gives("a"), gives("b")],
        ),
    ],
    "temperature": [Case({"temperature": value}, "[0.0, 2.0)") for value in (2, -0.1, "hot", True)],
    "top_p": [
        *(Case({"top_p": value}, "(0.0, 1.0]") for value in (0, 1.1)),
        Case({"top_p": 1}, "Range of top_p", row="max_top_p=0"),
    ],
    "top_k": [Case({"top_k": value}, "top_k") for value in (-1, 0.5)],
    "presence_penalty": [Case({"presence_penalty": 2.1}, "[-2.0, 2.0]")],
    "repetition_penalty": [Case({"repetition_penalty": 0}, "greater than 0.0")],
    "seed": [Case({"seed": value}, "Range of seed") for value in (-1, 2**31)],
    "stop": [Case({"stop": ["a", 1]}, "of one kind")],
    "top_logprobs": [Case({"top_logprobs": 6}, "[0, 5]")],
    "max_tokens": [
        Case({"max_tokens": 65_537}, "Range of max_tokens should be [1, 65536]"),
        Case({"max_tokens": 0}, "Range of max_tokens should be [1, 65536]"),
    ],
    "max_completion_tokens": [
        Case({"max_completion_tokens": 9}, "[1, 8]", row="max_output=8] [sim: row max_completion_tokens=true"),
        Case({"model": THINKER, "max_completion_tokens": 9, "thinking_budget": 9}, "greater than thinking_budget"),
    ],
    "n": [
        Case({"n": 5}, "Range of n should be [1, 4]", row="max_choices=9"),
        Case({"n": 2}, "Range of n should be [1, 1]"),
        Case({"n": 2, "tools": [WEATHER]}, "when tools are set", row="max_choices=4"),
        Case({"n": 2, "model": THINKER}, "in thinking mode", row="max_choices=4"),
    ],
    "streams only": [Case({}, "only support stream mode", row="streams_only=true")],
    "thinks only streaming": [Case({"model": "qwen3-32b"}, "must be set to false for non-streaming")],
    "thinks always": [Case({"enable_thinking": False}, "restricted to True", row="thinking=always")],
    "thinking": [Case({"model": THINKER, "thinking": {"clear_thinking": True}}, "'type' must be in thinking")],
    "thinking_budget": [
        Case({"model": THINKER, "thinking_budget": 0}, "must be a positive integer"),
        Case({"thinking_budget": 9}, "not greater than 8", row="max_thinking=8"),
        Case({"thinking_budget": 9}, "not supported", row="max_thinking=0"),
    ],
    "reasoning_effort": [Case({"model": THINKER, "reasoning_effort": "most"}, "reasoning_effort should be one of")],
    "json word": [Case({"response_format": {"type": "json_object"}}, "must contain the word 'json'")],
    "response_format": [
        Case(
            {"response_format": {"type": "json_schema", "json_schema": {}}},
            "Unknown response_format",
            row="json_schema=no",
        ),
        Case({"response_format": {"type": "xml"}}, "Unknown response_format"),
    ],
    "enable_search": [Case({"enable_search": True}, "does not support enable_search", row="search=no")],
    "json while thinking": [
        Case(
            {"response_format": {"type": "json_schema", "json_schema": {}}, "model": THINKER},
            "Json mode response is not supported",
            row="json_while_thinking=no",
        )
    ],
    "tool names": [
        Case({"tools": [named("search")]}, "Tool names are not allowed to be [search]"),
        Case({"tools": [named("get.weather")]}, "1 to 64 letters"),
        Case({"tools": [named("x" * 65)]}, "1 to 64 letters"),
    ],
    "tool schemas": [
        Case({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]}, "schema of type object")
    ],
    "required choice": [
        Case({"tools": [WEATHER], "tool_choice": "required"}, '["none", "auto"]', row="required_choice=no")
    ],
    "named choice": [Case({"tools": [WEATHER], "tool_choice": FORCED}, "set to an object", row="named_choice=no")],
    "forced choice while thinking": [
        Case({"model": THINKER, "tools": [WEATHER], "tool_choice": choice}, "required or object in thinking mode")
        for choice in ("required", FORCED)
    ],
    "forced choice of what is there": [
        Case({"tools": [WEATHER], "tool_choice": named("other")}, "not among the tools")
    ],
}

PORTAL_CASES: dict[str, list[Json]] = {
    "no system message": [USER],
    "a string": [SYSTEM, USER],
    "no mark": [{"role": "system", "content": [{"type": "text", "text": "Be brief."}]}, USER],
    "mark not on the last part": [
        {"role": "system", "content": [*MARKED["content"], {"type": "text", "text": "Be brief."}]},
        USER,
    ],
    "two of them": [MARKED, MARKED, USER],
    "not in front": [USER, MARKED],
}


def test_every_rule_has_its_case() -> None:
    assert {*CASES, "portal"} == {*GATEWAY, *MODEL}


ROWS = [(name, case) for name, cases in CASES.items() for case in cases]


@pytest.mark.parametrize(("name", "case"), ROWS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(ROWS)])
async def test_a_request_that_breaks_a_rule_is_refused(client: Client, name: str, case: Case) -> None:
    answer = await _ask(client, case, with_row=True)
    assert answer.status == 400
    assert answer.error.keys() == {"message", "type", "param", "code"}
    assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "invalid_parameter_error")
    assert case.complaint in answer.error["message"]
    assert answer.error["message"].startswith(ALGORITHM) is (name in MODEL)


@pytest.mark.parametrize("case", [case for _, case in ROWS if case.row], ids=lambda case: case.row)
async def test_a_rule_of_a_row_holds_for_that_row_only(client: Client, case: Case) -> None:
    answer = await _ask(client, case, with_row=False)
    assert answer.status == 200 or case.complaint not in answer.error["message"]


async def _ask(client: Client, case: Case, *, with_row: bool) -> Any:
    messages = [USER] if case.messages is None else case.messages
    if with_row and case.row:
        messages = [*messages, {"role": "user", "content": f"[sim: row {case.row}]"}]
    return await client.chat(messages, **case.fields)


@pytest.mark.parametrize("messages", PORTAL_CASES.values(), ids=PORTAL_CASES)
async def test_the_portal_wants_one_marked_system_message_in_front(client: Client, messages: list[Json]) -> None:
    answer = await client.chat(messages, base=PORTAL)
    assert (answer.status, answer.error["message"]) == (400, "bad request")
    assert answer.error["code"] == "invalid_parameter_error"


async def test_the_portal_takes_one_marked_system_message_in_front(client: Client) -> None:
    assert (await client.chat([MARKED, USER], base=PORTAL, model="coder-model")).status == 200


FINE: dict[str, tuple[list[Json], Json]] = {
    "the edges of ranges": (
        [USER],
        {"temperature": 1.99, "top_p": 1, "top_k": 0, "presence_penalty": -2, "seed": 2**31 - 1, "max_tokens": 65_536},
    ),
    "nulls": (
        [USER],
        dict.fromkeys(("temperature", "top_p", "n", "stop", "seed", "max_tokens", "tools", "tool_choice")),
    ),
    "unknown parameters": ([USER], {"store": True, "logit_bias": {"1": 2}, "nonsense": {"a": [1]}}),
    "a whole tool round": ([USER, asks("a", "b"), gives("b"), gives("a"), USER], {"tools": [WEATHER]}),
    "token ids to stop at": ([USER], {"stop": [1, 2]}),
    "the word json": ([{"role": "user", "content": "as JSON"}], {"response_format": {"type": "json_object"}}),
    "a forced choice without thinking": (
        [USER],
        {"model": THINKER, "enable_thinking": False, "tools": [WEATHER], "tool_choice": "required"},
    ),
    "an open model that is told not to think": ([USER], {"model": "qwen3-32b", "enable_thinking": False}),
    "an open model that streams": ([USER], {"model": "qwen3-32b", "stream": True}),
    "pictures by link and within": (
        [*image("https://example.com/a.png"), *image(png(11, 11))],
        {"model": THINKER},
    ),
    "pictures for models that do not look": (image(png(20, 20)), {"model": "deepseek-v4-pro"}),
    "marked parts for models that want strings": (
        [{"role": "user", "content": [{"type": "text", "text": "[sim: row flat_text=yes]", "cache_control": {}}]}],
        {},
    ),
}


@pytest.mark.parametrize(("messages", "fields"), FINE.values(), ids=FINE)
async def test_what_is_right_is_answered(client: Client, messages: list[Json], fields: Json) -> None:
    answer = await client.chat(messages, **fields)
    assert answer.status == 200, answer.body
