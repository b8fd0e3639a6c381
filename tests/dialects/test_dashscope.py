"""DashScope's native protocol: the bytes of a call, and the way back."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.corrections import learn
from qwenproxy.dialects.dashscope import MULTIMODAL, TEXT, UNSAID, DashScope
from qwenproxy.dialects.rulings import TABLE, rule
from qwenproxy.errors import (
    CONTENT_FILTER,
    INVALID_REQUEST,
    MODEL_NOT_FOUND,
    QUOTA,
    RATE_LIMIT,
    TOKEN_LIMIT,
    UPSTREAM_KEY,
    Failure,
)
from qwenproxy.lines import DIALECTS
from qwenproxy.models import Row, row_of
from qwenproxy.plans import GATEWAY, SELF_HOSTED, STANDARD, Plan
from qwenproxy.wire.openai import Delta, Json
from tests.dialects.asking import ask, function
from tests.dialects.dashscope_reading import answer, frame
from tests.support.answers import Answer, numbered_ids

PLAIN = Row()
SERVED = Row(multimodal=True)
ABLE = Row(
    thinking="off",
    max_thinking=None,
    audio_output=True,
    max_choices=4,
    logprobs=True,
    max_completion_tokens=True,
    vision=True,
    extras=True,
)
"""A row that lets through whatever a request may say."""
TALKS = replace(ABLE, thinking="on", efforts={"low": "low"})


def _request(row: Row = PLAIN, plan: Plan = STANDARD, stream: bool = False, **fields: Any) -> UpstreamRequest:
    return DashScope(plan).request(ask(**fields), row, stream=stream)


def _sent(row: Row = PLAIN, plan: Plan = STANDARD, stream: bool = False, **fields: Any) -> Json:
    body: Json = orjson.loads(_request(row, plan, stream, **fields).body)
    return body


def _parameters(stream: bool = False, **fields: Any) -> Json:
    parameters: Json = _sent(stream=stream, **fields)["parameters"]
    return parameters


def test_it_is_a_dialect_of_the_native_face() -> None:
    dialect: Dialect = DIALECTS["dashscope"](STANDARD)
    assert isinstance(dialect, DashScope)
    assert dialect.name == "dashscope"


ADDRESSES = [
    ("qwen-plus", TEXT),
    ("qwen3-max", TEXT),
    ("qwen3-coder-plus", TEXT),
    ("deepseek-v3", TEXT),
    ("qwen3-vl-plus", MULTIMODAL),
    ("qwen3.5-plus", MULTIMODAL),
    ("qwen3.7-plus", MULTIMODAL),
    ("qwen3.8-max", MULTIMODAL),
]


@pytest.mark.parametrize(("model", "path"), ADDRESSES)
def test_a_models_row_says_which_generation_serves_it(model: str, path: str) -> None:
    assert _request(row_of(model)).path == path


@pytest.mark.parametrize("row", [PLAIN, SERVED], ids=["text", "multimodal"])
def test_the_refusal_of_one_address_leads_to_the_other(row: Row) -> None:
    body = b'{"code":"InvalidParameter","message":"url error, check url!","request_id":"r1"}'
    refused = DashScope().failure(400, {}, body)
    learned = learn(refused.message, row)
    assert learned is not None
    assert {_request(row).path, _request(learned).path} == {TEXT, MULTIMODAL}


def test_a_whole_call() -> None:
    request = _request(temperature=0.5)
    assert (request.method, request.stream, request.headers) == ("POST", False, {})
    assert orjson.loads(request.body) == {
        "model": "qwen-test",
        "input": {"messages": [{"role": "user", "content": "Hi"}]},
        "parameters": {"temperature": 0.5, "result_format": "message"},
    }


def test_a_streamed_call_asks_for_events_in_increments() -> None:
    request = _request(SERVED, stream=True)
    assert request.stream
    assert request.headers == {"accept": "text/event-stream", "x-dashscope-sse": "enable"}
    assert orjson.loads(request.body) == {
        "model": "qwen-test",
        "input": {"messages": [{"role": "user", "content": [{"text": "Hi"}]}]},
        "parameters": {"result_format": "message", "incremental_output": True},
    }


def test_the_form_of_the_answer_is_not_the_apps_to_choose() -> None:
    sent = _parameters(stream=True, result_format="text", incremental_output=False)
    assert sent == {"result_format": "message", "incremental_output": True}


def test_arguments_of_tools_are_streamed_in_pieces() -> None:
    assert _parameters(stream=True, tools=[function()])["tool_stream"] is True
    assert _parameters(stream=True, tools=[function()], tool_stream=False)["tool_stream"] is False
    assert "tool_stream" not in _parameters(tools=[function()])
    assert "tool_stream" not in _parameters(stream=True)


THOUGHTS: list[tuple[Json, Json]] = [
    ({"enable_thinking": True}, {"enable_thinking": True}),
    ({"enable_thinking": True, "thinking_budget": 9}, {"enable_thinking": True, "thinking_budget": 9}),
    ({"enable_thinking": True, "reasoning_effort": "low"}, {"reasoning_effort": "low"}),
    ({"enable_thinking": False}, {"enable_thinking": False}),
]


@pytest.mark.parametrize(("asked", "sent"), THOUGHTS)
def test_an_effort_says_by_itself_that_the_model_thinks(asked: Json, sent: Json) -> None:
    assert _parameters(**asked) == {**sent, "result_format": "message"}


SEARCHES: list[tuple[str, Json, Json]] = [
    ("a search", {"enable_search": True}, {"enable_search": True, "search_options": {"enable_source": True}}),
    (
        "a forced one",
        {"enable_search": True, "search_options": {"forced_search": True}},
        {"enable_search": True, "search_options": {"enable_source": True, "forced_search": True}},
    ),
    (
        "without sources",
        {"enable_search": True, "search_options": {"enable_source": False}},
        {"enable_search": True, "search_options": {"enable_source": False}},
    ),
    (
        "with citations",
        {"enable_search": True, "search_options": {"enable_citation": True}},
        {
            "enable_search": True,
            "search_options": {
                "citation_format": "[ref_<number>]",
                "enable_source": True,
                "enable_citation": True,
            },
        },
    ),
    (
        "with citations of the app's form",
        {"enable_search": True, "search_options": {"enable_citation": True, "citation_format": "[<number>]"}},
        {
            "enable_search": True,
            "search_options": {"enable_source": True, "enable_citation": True, "citation_format": "[<number>]"},
        },
    ),
    ("odd options", {"enable_search": True, "search_options": 5}, {"enable_search": True, "search_options": 5}),
    ("no search", {"enable_search": False}, {"enable_search": False}),
    ("options alone", {"search_options": {}}, {"search_options": {}}),
]


@pytest.mark.parametrize(("asked", "sent"), [row[1:] for row in SEARCHES], ids=[row[0] for row in SEARCHES])
def test_a_search_tells_its_sources(asked: Json, sent: Json) -> None:
    assert _parameters(**asked) == {**sent, "result_format": "message"}


FIELDS: Json = {
    "max_tokens": 100,
    "max_completion_tokens": 100,
    "temperature": 0.5,
    "top_p": 0.5,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "seed": 5,
    "stop": ["END"],
    "n": 2,
    "logprobs": True,
    "top_logprobs": 2,
    "parallel_tool_calls": True,
    "tools": [function()],
    "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    "reasoning_effort": "low",
    "modalities": ["text"],
    "web_search_options": {},
    "top_k": 20,
    "repetition_penalty": 1.1,
    "enable_thinking": True,
    "thinking": {"type": "enabled"},
    "thinking_budget": 50,
    "preserve_thinking": True,
    "chat_template_kwargs": {"a": 1},
    "enable_search": True,
    "search_options": {"forced_search": True},
    "tool_stream": True,
    "translation_options": {"source_lang": "auto", "target_lang": "English"},
    "enable_code_interpreter": True,
    "vl_high_resolution_images": True,
    "vl_enable_image_hw_output": True,
    "min_pixels": 100,
    "max_pixels": 1000,
    "asr_options": {"language": "lv"},
    "ocr_options": {"task": "text_recognition"},
}
"""Every field that can reach an upstream, with a value that does."""
NEVER = {name for name, ruling in TABLE.items() if ruling.kind == "dropped"}
NEVER |= {"model", "messages", "stream", "stream_options", "functions", "function_call", "audio"}
"""Fields that no dialect is given, that make up the call itself, or that are refused."""
BESIDES: dict[str, Json] = {
    "tool_choice": {"tools": [function()]},
    "parallel_tool_calls": {"tools": [function()]},
    "top_logprobs": {"logprobs": True},
}


def test_the_fields_are_all_that_there_are() -> None:
    assert set(FIELDS) | NEVER == set(TABLE)
    assert not set(FIELDS) & NEVER


SEEN: Json = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a/b.png"}}]}


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("row", [ABLE, TALKS], ids=["able", "by efforts"])
def test_every_field_is_said_or_named_as_unsaid(name: str, row: Row) -> None:
    chat = ask(**{name: FIELDS[name], **BESIDES.get(name, {}), "messages": [SEEN]})
    ruled = rule(chat, row, refuse=False, unsaid=DashScope.unsaid)
    assert (name in ruled.dropped) == (name in UNSAID)
    body = orjson.loads(DashScope().request(ruled.chat, row, stream=False).body)
    (picture,) = body["input"]["messages"][0]["content"]
    said = body["parameters"].keys() | picture.keys()
    unsaid = set(ruled.chat) - {"model", "messages"} - said
    assert unsaid == ({"enable_thinking"} if "reasoning_effort" in ruled.chat else set())


def test_what_is_not_said_has_a_reason_and_a_ruling() -> None:
    assert set(UNSAID) <= set(TABLE)
    assert all(UNSAID.values())


def test_fields_that_nobody_knows_go_where_the_others_are() -> None:
    ruled = rule(ask(max_input_tokens=9), ABLE, refuse=False, unsaid=DashScope.unsaid)
    assert orjson.loads(DashScope().request(ruled.chat, ABLE, stream=False).body)["parameters"]["max_input_tokens"] == 9


def test_files_in_the_services_own_store_are_announced() -> None:
    image = {"type": "image_url", "image_url": {"url": "oss://bucket/a.png"}}
    request = _request(SERVED, messages=[{"role": "user", "content": [image]}])
    assert request.headers["x-dashscope-ossresourceresolve"] == "enable"
    assert not _request(SERVED).headers


@pytest.mark.parametrize("plan", [STANDARD, GATEWAY, SELF_HOSTED], ids=lambda plan: plan.name)
def test_no_credential_and_no_agents_name_is_added(plan: Plan) -> None:
    headers = _request(plan=plan, stream=True).headers
    assert not {"authorization", "user-agent", "x-dashscope-useragent"} & set(headers)


def test_an_answer_is_read() -> None:
    reader = DashScope().reader("text/event-stream", tools=frozenset(), new_id=numbered_ids())
    assert reader.feed(frame(answer("Riga."))) == [Delta(0, {"role": "assistant"}), Delta(0, {"content": "Riga."})]
    assert (reader.started, reader.answered, reader.finished) == (True, False, False)
    reader.feed(frame(answer("", "stop")))
    assert (reader.answered, reader.finished) == (True, False)
    assert reader.feed(b"") == [Delta(0, {}, "stop")]
    assert reader.finished


@pytest.mark.parametrize(("plan", "calls"), [(STANDARD, 0), (SELF_HOSTED, 1)], ids=["service", "own server"])
def test_calls_written_as_text_are_rescued_where_servers_do_that(plan: Plan, calls: int) -> None:
    reader = DashScope(plan).reader("text/event-stream", tools=frozenset({"now"}), new_id=numbered_ids())
    text = '<tool_call>{"name": "now", "arguments": {}}</tool_call>'
    events = [*reader.feed(frame(answer(text, "stop"))), *reader.feed(b"")]
    assert len(Answer(events).calls) == calls


def test_thinking_may_leak_where_servers_do_that() -> None:
    for plan, thought in ((STANDARD, ""), (SELF_HOSTED, "A city.")):
        reader = DashScope(plan).reader("", tools=frozenset(), new_id=numbered_ids(), think="inside")
        events = [*reader.feed(frame(answer("A city.</think>Riga", "stop"))), *reader.feed(b"")]
        assert Answer(events).reasoning.startswith(thought)


FAILURES: list[tuple[int, str, str, Failure]] = [
    (400, "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: Range of top_p should be", INVALID_REQUEST),
    (400, "DataInspectionFailed", "Input data may contain inappropriate content.", CONTENT_FILTER),
    (401, "InvalidApiKey", "Invalid API-key provided.", UPSTREAM_KEY),
    (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.", QUOTA),
    (404, "ModelNotFound", "Model not exist.", MODEL_NOT_FOUND),
    (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", RATE_LIMIT),
    (429, "Throttling.AllocationQuota", "Allocated quota exceeded.", TOKEN_LIMIT),
]


@pytest.mark.parametrize(("status", "code", "message", "failure"), FAILURES, ids=[row[1] for row in FAILURES])
def test_a_refusal_means_the_same_as_a_body_and_as_an_event(
    status: int, code: str, message: str, failure: Failure
) -> None:
    body = {"code": code, "message": message, "request_id": "7d1c"}
    refused = DashScope().failure(status, {}, orjson.dumps(body))
    assert (refused.failure, "7d1c" in refused.message) == (failure, True)
    reader = DashScope().reader("text/event-stream", tools=frozenset(), new_id=numbered_ids())
    broken = Answer(reader.feed(frame(answer("Ri")) + frame(body, kind="error", status=status))).error
    assert broken is not None
    assert (broken.failure, broken.message) == (failure, refused.message)
