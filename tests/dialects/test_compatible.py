"""The compatible mode: the bytes of a call on each kind of upstream, and the way back."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.compatible import Compatible
from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.rulings import rule
from qwenproxy.errors import RATE_LIMIT, ProxyError
from qwenproxy.models import Row
from qwenproxy.plans import CODING_PLAN, GATEWAY, OLLAMA, PORTAL, SELF_HOSTED, STANDARD, TOKEN_PLAN, Plan, row_on
from qwenproxy.wire.openai import Delta, Json, Usage
from tests.dialects.asking import ask, function

MARK: Json = {"cache_control": {"type": "ephemeral"}}
HI: Json = {"role": "user", "content": "Hi"}
HOSTED = [STANDARD, CODING_PLAN, TOKEN_PLAN, GATEWAY]
OWN = [SELF_HOSTED, OLLAMA]
EVERY = [*HOSTED, PORTAL, *OWN]


def _request(plan: Plan, stream: bool = False, **fields: Any) -> UpstreamRequest:
    return Compatible(plan).request(ask(**fields), Row(), stream=stream)


def _sent(plan: Plan, stream: bool = False, **fields: Any) -> Json:
    body: Json = orjson.loads(_request(plan, stream, **fields).body)
    return body


def _names(plans: list[Plan]) -> list[str]:
    return [plan.name for plan in plans]


def test_it_is_aCompatible() -> None:
    dialect: Dialect = Compatible(STANDARD)
    assert dialect.name == "compatible"


@pytest.mark.parametrize("plan", EVERY, ids=_names(EVERY))
def test_a_whole_call_says_that_it_is_none_of_events(plan: Plan) -> None:
    request = _request(plan)
    body = orjson.loads(request.body)
    assert (request.path, request.stream) == ("/chat/completions", False)
    assert body["stream"] is False
    assert "stream_options" not in body


@pytest.mark.parametrize("plan", EVERY, ids=_names(EVERY))
def test_a_stream_is_asked_for_with_its_usage(plan: Plan) -> None:
    request = _request(plan, stream=True)
    body = orjson.loads(request.body)
    assert request.stream
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize("plan", EVERY, ids=_names(EVERY))
def test_no_credential_and_no_agents_name_is_added(plan: Plan) -> None:
    assert not {"authorization", "user-agent", "x-dashscope-useragent"} & set(_request(plan).headers)


def test_the_request_is_passed_on_as_the_rulings_left_it() -> None:
    chat = ask(temperature=0.5, top_k=3, tools=[function()])
    assert _sent(STANDARD, temperature=0.5, top_k=3, tools=[function()]) == {**chat, "stream": False}


@pytest.mark.parametrize("plan", HOSTED, ids=_names(HOSTED))
def test_arguments_of_tools_are_streamed_in_pieces(plan: Plan) -> None:
    assert _sent(plan, stream=True, tools=[function()])["tool_stream"] is True
    assert _sent(plan, stream=True, tools=[function()], tool_stream=False)["tool_stream"] is False
    assert "tool_stream" not in _sent(plan, stream=False, tools=[function()])
    assert "tool_stream" not in _sent(plan, stream=True)


@pytest.mark.parametrize("plan", [PORTAL, *OWN], ids=_names([PORTAL, *OWN]))
def test_upstreams_that_do_not_know_it_are_not_asked_for_pieces(plan: Plan) -> None:
    assert "tool_stream" not in _sent(plan, stream=True, tools=[function()])


def _system(content: Any) -> Json:
    return {"role": "system", "content": content}


def _text(words: str, **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


PORTAL_SHAPES: list[tuple[str, list[Json], list[Json]]] = [
    ("no system message", [HI], [_system([_text("", **MARK)]), HI]),
    ("a string", [_system("a"), HI], [_system([_text("a", **MARK)]), HI]),
    ("parts", [_system([_text("a"), _text("b")]), HI], [_system([_text("a"), _text("b", **MARK)]), HI]),
    ("no parts", [_system([]), HI], [_system([_text("", **MARK)]), HI]),
]


@pytest.mark.parametrize(
    ("messages", "sent"), [row[1:] for row in PORTAL_SHAPES], ids=[row[0] for row in PORTAL_SHAPES]
)
def test_the_portal_gets_the_system_message_that_it_insists_on(messages: list[Json], sent: list[Json]) -> None:
    assert _sent(PORTAL, messages=messages)["messages"] == sent


def test_the_portal_gets_one_system_message_out_of_many() -> None:
    messages = [_system("a"), HI, {"role": "developer", "content": "b"}, HI]
    chat = rule(ask(messages=messages), row_on("coder-model", PORTAL), refuse=False).chat
    assert _sent(PORTAL, messages=chat["messages"])["messages"] == [_system([_text("a\n\nb", **MARK)]), HI, HI]


@pytest.mark.parametrize("plan", [*HOSTED, *OWN], ids=_names([*HOSTED, *OWN]))
def test_only_the_portal_does(plan: Plan) -> None:
    assert _sent(plan, messages=[_system("a"), HI])["messages"] == [_system("a"), HI]


def test_the_portal_hears_which_login_it_is() -> None:
    assert _request(PORTAL).headers["x-dashscope-authtype"] == "qwen-oauth"
    assert not _request(STANDARD).headers


TEMPLATES: list[tuple[str, Json, Json]] = [
    ("nothing", {}, {}),
    ("thinking off", {"enable_thinking": False}, {"chat_template_kwargs": {"enable_thinking": False}}),
    (
        "thinking, with a budget",
        {"enable_thinking": True, "thinking_budget": 9, "tool_stream": True},
        {"chat_template_kwargs": {"enable_thinking": True}},
    ),
    (
        "with others of the template",
        {"chat_template_kwargs": {"a": 1}, "enable_thinking": False, "preserve_thinking": True},
        {"chat_template_kwargs": {"a": 1, "enable_thinking": False, "preserve_thinking": True}},
    ),
    ("an own field of the server", {"min_p": 0.1}, {"min_p": 0.1}),
]


@pytest.mark.parametrize(("asked", "sent"), [row[1:] for row in TEMPLATES], ids=[row[0] for row in TEMPLATES])
def test_self_hosted_models_are_told_through_their_template(asked: Json, sent: Json) -> None:
    assert _sent(SELF_HOSTED, **asked) == {**ask(), "stream": False, **sent}


EFFORTS: list[tuple[str, Json, Json]] = [
    ("nothing", {}, {}),
    ("thinking off", {"enable_thinking": False}, {"reasoning_effort": "none"}),
    ("thinking", {"enable_thinking": True}, {"reasoning_effort": "medium"}),
    ("how much", {"enable_thinking": True, "reasoning_effort": "high"}, {"reasoning_effort": "high"}),
    ("of an earlier turn", {"preserve_thinking": True, "thinking_budget": 9}, {}),
]


@pytest.mark.parametrize(("asked", "sent"), [row[1:] for row in EFFORTS], ids=[row[0] for row in EFFORTS])
def test_ollama_is_told_by_its_effort(asked: Json, sent: Json) -> None:
    assert _sent(OLLAMA, **asked) == {**ask(), "stream": False, **sent}


def test_ollama_reads_earlier_thinking_under_its_own_name() -> None:
    thought = {"role": "assistant", "content": "4", "reasoning_content": "2 + 2"}
    messages = _sent(OLLAMA, messages=[HI, thought, HI])["messages"]
    assert messages == [HI, {"role": "assistant", "content": "4", "reasoning": "2 + 2"}, HI]


OPENAIS = [
    ({"reasoning_effort": "none"}, {"reasoning_effort": "none"}),
    ({"reasoning_effort": "xhigh"}, {"reasoning_effort": "high"}),
    ({"thinking": {"type": "disabled"}}, {"reasoning_effort": "none"}),
    ({"tool_choice": "required", "tools": [function()]}, {"tool_choice": "auto", "tools": [function()]}),
    ({"n": 2}, {}),
]


@pytest.mark.parametrize(("asked", "sent"), OPENAIS, ids=[str(row[0]) for row in OPENAIS])
def test_what_openai_has_becomes_what_ollama_takes(asked: Json, sent: Json) -> None:
    row = row_on("qwen3:8b", OLLAMA)
    body = orjson.loads(Compatible(OLLAMA).request(rule(ask(**asked), row, refuse=False).chat, row, stream=False).body)
    assert {name: body[name] for name in body if name not in ("model", "messages", "stream")} == sent


@pytest.mark.parametrize("plan", HOSTED, ids=_names(HOSTED))
def test_hosted_models_are_told_directly(plan: Plan) -> None:
    sent = _sent(plan, enable_thinking=True, thinking_budget=9)
    assert (sent["enable_thinking"], sent["thinking_budget"]) == (True, 9)


def test_files_in_the_services_own_store_are_announced() -> None:
    image = {"type": "image_url", "image_url": {"url": "oss://bucket/a.png"}}
    messages = [{"role": "user", "content": [image]}]
    assert _request(STANDARD, messages=messages).headers == {"x-dashscope-ossresourceresolve": "enable"}
    assert not _request(SELF_HOSTED, messages=messages).headers


def test_marks_for_the_cache_are_announced_and_kept() -> None:
    messages = [_system([_text("a", **MARK), _text("b")]), HI]
    assert _request(STANDARD, messages=messages).headers == {"x-dashscope-cachecontrol": "enable"}
    assert not _request(SELF_HOSTED, messages=messages).headers
    row = row_on("qwen3.7-plus", STANDARD)
    assert rule(ask(messages=messages), row, refuse=False).chat["messages"] == messages


def test_words_about_marks_are_not_marks() -> None:
    assert not _request(STANDARD, messages=[{"role": "user", "content": 'Use "cache_control": {}.'}]).headers


def _leaked(plan: Plan, words: str, think: Think = "start") -> list[Json]:
    """What is read of an answer whose content is *words*."""
    tools = frozenset({"look"})
    reader = Compatible(plan).reader("text/event-stream", tools=tools, new_id=lambda: "call_1", think=think)
    chunk = {"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": "stop"}]}
    events = reader.feed(b"data: " + orjson.dumps(chunk) + b"\n\ndata: [DONE]\n\n")
    return [event.delta for event in events if isinstance(event, Delta)]


INSIDE = [(SELF_HOSTED, "I see.", "Hi"), (STANDARD, "", "I see.</think>Hi")]


@pytest.mark.parametrize(("plan", "reasoning", "content"), INSIDE, ids=["self-hosted", "standard"])
def test_only_servers_that_leak_thinking_begin_inside_it(plan: Plan, reasoning: str, content: str) -> None:
    deltas = _leaked(plan, "I see.</think>Hi", "inside")
    assert "".join(delta.get("reasoning_content", "") for delta in deltas) == reasoning
    assert "".join(delta.get("content", "") for delta in deltas) == content


@pytest.mark.parametrize("plan", EVERY, ids=_names(EVERY))
def test_only_servers_that_leak_calls_have_them_rescued(plan: Plan) -> None:
    deltas = _leaked(plan, '<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>')
    assert sum(len(delta.get("tool_calls", ())) for delta in deltas) == (plan in OWN)


def test_a_refusal_is_said_in_openais_words() -> None:
    error = Compatible(STANDARD).failure(
        429, {"retry-after": "3"}, b'{"code":"Throttling.RateQuota","message":"Slow."}'
    )
    assert (error.failure, error.retry_after) == (RATE_LIMIT, 3)


def test_an_answer_is_read_into_events() -> None:
    reader = Compatible(STANDARD).reader("application/json", tools=frozenset({"look"}), new_id=lambda: "call_1")
    message = {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"index": 0, "type": "function", "function": {"name": "look", "arguments": "{}"}}],
    }
    answer = {
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }
    events = [*reader.feed(orjson.dumps(answer)), *reader.feed(b"")]
    calls = [call for event in events if isinstance(event, Delta) for call in event.delta.get("tool_calls", ())]
    assert calls[0]["id"] == "call_1"
    assert isinstance(events[-1], Usage)


def test_an_error_in_a_stream_is_one_of_the_table() -> None:
    reader = Compatible(STANDARD).reader("text/event-stream", tools=frozenset(), new_id=lambda: "call_1")
    events = reader.feed(b'data: {"error":{"message":"Slow.","code":"limit_requests"}}\n\n')
    assert isinstance(events[0], ProxyError)
    assert events[0].failure is RATE_LIMIT
