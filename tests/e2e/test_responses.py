"""POST /v1/responses by the official client, strictly, over all three dialects, and on the wire."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from openai import APIError, APIStatusError, BadRequestError
from openai.types.responses import Response
from pydantic import BaseModel

from qwenproxy.wire.openai import Json
from tests.support import responses
from tests.support.apps import IN_TWO_CITIES, RIGA, Simulated, simulated
from tests.support.simulated import png

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
CODER, THINKER = "qwen3-coder-plus", "qwen3.7-plus"
WEATHER: Json = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}
CITY: Json = {
    "type": "json_schema",
    "name": "city",
    "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
}
SEEN: list[Json] = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": png(640, 480), "detail": "auto"},
        ],
    }
]
HISTORY: list[Json] = [
    {"role": "user", "content": IN_TWO_CITIES},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": RIGA},
    {"type": "function_call_output", "call_id": "call_1", "output": "4 C, rain"},
]

SCENARIOS: dict[str, Json] = {
    "plain": {"input": "Hello"},
    "thinking": {"input": "Hello", "model": THINKER, "reasoning": {"effort": "low", "summary": "auto"}},
    "thinking off": {"input": "Hello", "model": THINKER, "reasoning": {"effort": "none"}},
    "two calls": {"input": IN_TWO_CITIES, "tools": [WEATHER]},
    "a call while thinking": {"input": IN_TWO_CITIES, "tools": [WEATHER], "model": THINKER},
    "a demanded call": {
        "input": "Hello",
        "tools": [WEATHER],
        "tool_choice": {"type": "function", "name": "get_weather"},
    },
    "a custom tool": {"input": "[sim: call run] Hello", "tools": [{"type": "custom", "name": "run"}]},
    "a tool of a namespace": {
        "input": "[sim: call crm__get_weather] Riga",
        "tools": [{"type": "namespace", "name": "crm", "description": "d", "tools": [WEATHER]}],
    },
    "a shell": {"input": "[sim: call shell] Hello", "tools": [{"type": "shell", "environment": {"type": "local"}}]},
    "a patch": {"input": "[sim: call apply_patch] Hello", "tools": [{"type": "apply_patch"}]},
    "a search": {"input": "Riga", "tools": [{"type": "web_search"}]},
    "sealed thinking": {"input": "Hello", "model": THINKER, "include": ["reasoning.encrypted_content"], "store": False},
    "log probabilities": {
        "input": "Hello",
        "model": "qwen3-8b",
        "reasoning": {"effort": "none"},
        "include": ["message.output_text.logprobs"],
        "top_logprobs": 2,
    },
    "a history": {"input": HISTORY, "tools": [WEATHER]},
    "an image": {"input": SEEN, "model": THINKER},
    "instructions": {"input": "Hello", "instructions": "Be brief."},
    "a schema": {"input": "Riga", "text": {"format": CITY}},
    "cut by length": {"input": "Hello", "max_output_tokens": 3},
    "filtered": {"input": "[sim: content-filter] Hello"},
}
STATUS = {"cut by length": "incomplete", "filtered": "incomplete"}


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FACES)
async def stage(confdir: Path, request: pytest.FixtureRequest) -> AsyncIterator[Simulated]:
    async with simulated(confdir, face=FACES[request.param], idle_timeout="20") as found:
        yield found


async def ask(stage: Simulated, fields: Mapping[str, Any]) -> Response:
    answer: Response = await stage.app.responses.create(**({"model": CODER} | dict(fields)))
    return answer


def shape(response: Json) -> list[tuple[str, str, str]]:
    """What *response* puts out: the type of each item, its tool, its text."""
    return [(item["type"], item.get("name") or "", text_of(item)) for item in response["output"]]


def text_of(item: Json) -> str:
    parts = item.get("content") or item.get("summary") or ()
    return str(item.get("arguments") or item.get("input") or "".join(part["text"] for part in parts))


@pytest.mark.parametrize("name", SCENARIOS)
async def test_whole_and_streamed_an_answer_is_the_same(stage: Simulated, name: str) -> None:
    fields = SCENARIOS[name]
    whole = (await ask(stage, fields)).to_dict(mode="json")
    responses.validate_response(whole)
    assert whole["status"] == STATUS.get(name, "completed")
    stream = await wire(stage, {"model": CODER, "stream": True} | fields)
    ended = responses.check(responses.read(stream))
    assert shape(ended) == shape(whole)
    assert ended["usage"]["total_tokens"] == ended["usage"]["input_tokens"] + ended["usage"]["output_tokens"] > 0


async def wire(stage: Simulated, body: Json) -> bytes:
    """The bytes of a streamed answer."""
    async with aiohttp.ClientSession() as http, http.post(f"{stage.proxy.base_url}/responses", json=body) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        return await answer.read()


async def test_the_clients_own_stream_takes_every_event(stage: Simulated) -> None:
    """It raises for events out of order, for an id that changes, and for a piece of an unknown item."""
    tools: Any = [WEATHER]
    async with stage.app.responses.stream(model=THINKER, input=IN_TWO_CITIES, tools=tools) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_response()
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    cities = [orjson.loads(item.arguments)["city"] for item in final.output if item.type == "function_call"]
    assert cities == ["Riga", "Oslo"]


class City(BaseModel):
    name: str


async def test_structured_output_is_parsed(stage: Simulated) -> None:
    parsed = await stage.app.responses.parse(model=CODER, input="Riga", text_format=City)
    assert isinstance(parsed.output_parsed, City)
    async with stage.app.responses.stream(model=CODER, input="Riga", text_format=City) as stream:
        assert isinstance((await stream.get_final_response()).output_parsed, City)


async def test_a_turn_with_a_tool_is_carried_on(stage: Simulated) -> None:
    """The output goes back as input, as apps do that keep the conversation themselves."""
    first = await ask(stage, SCENARIOS["two calls"])
    said: list[Any] = [{"role": "user", "content": IN_TWO_CITIES}, *(item.to_dict() for item in first.output)]
    for item in first.output:
        if item.type == "function_call":
            said.append({"type": "function_call_output", "call_id": item.call_id, "output": "4 C"})
    second = await ask(stage, {"input": said, "tools": [WEATHER]})
    assert "get_weather says: “4 C”" in second.output_text


REFUSED: dict[str, tuple[Json, str | None, str | None]] = {
    "a stored response": ({"previous_response_id": "resp_1"}, "previous_response_not_found", "previous_response_id"),
    "background": ({"background": True, "store": False}, None, "background"),
    "a template": ({"prompt": {"id": "p"}}, "unsupported_parameter", "prompt"),
    "a wrong part": ({"input": [{"role": "user", "content": 5}]}, "invalid_type", "input[0].content"),
    "no such model": ({"model": "qwen-nowhere"}, "model_not_found", "model"),
    "nothing to answer": ({"input": []}, "invalid_value", "input"),
    "a demanded hosted tool": (
        {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}], "tool_choice": {"type": "file_search"}},
        "unsupported_tool",
        "tool_choice.type",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_cannot_be_done_is_refused_by_name(stage: Simulated, name: str) -> None:
    fields, code, param = REFUSED[name]
    for stream in (False, True):
        with pytest.raises(BadRequestError) as caught:
            await ask(stage, {"input": "Hi"} | fields | {"stream": stream})
        assert (caught.value.code, caught.value.param) == (code, param)


FAILURES = {
    "cut": "upstream_stream_cut",
    "closed": "upstream_stream_cut",
    "reset": "upstream_stream_cut",
    "stream-error": "upstream_error",
}


@pytest.mark.parametrize("marker", FAILURES)
async def test_a_stream_always_comes_to_its_end(stage: Simulated, marker: str) -> None:
    said = f"[sim: {marker}] Hello"
    events = responses.read(await wire(stage, {"model": CODER, "input": said, "stream": True}))
    response = responses.check(events)
    assert (response["status"], response["error"]["code"]) == ("failed", "server_error")
    assert (events[-2]["type"], events[-2]["code"]) == ("error", FAILURES[marker])
    with pytest.raises(APIError):
        async for _ in await stage.app.responses.create(model=CODER, input=said, stream=True):
            pass


async def test_an_error_before_the_first_byte_is_a_status(stage: Simulated) -> None:
    with pytest.raises(APIStatusError) as caught:
        await ask(stage, {"input": "[sim: error limit_requests] Hello", "stream": True})
    assert (caught.value.status_code, caught.value.code) == (429, "rate_limit_exceeded")


async def test_what_was_left_out_is_named(stage: Simulated) -> None:
    answer = await stage.app.responses.with_raw_response.create(
        model=CODER,
        input="Hi",
        truncation="auto",
        include=["code_interpreter_call.outputs"],
        tools=[{"type": "file_search", "vector_store_ids": ["v"]}],
    )
    dropped = answer.headers["x-qwenproxy-dropped"].split(", ")
    assert {"truncation", "include", "tools.file_search"} <= set(dropped)
    assert answer.parse().status == "completed"


async def test_heartbeats_are_comments(confdir: Path) -> None:
    async with simulated(confdir, heartbeat="1") as stage:
        stream = await wire(stage, {"model": CODER, "input": "[sim: slow 2] Hello", "stream": True})
        assert stream.startswith(b": keep-alive\n\n")
        assert responses.check(responses.read(stream))["status"] == "completed"
        late = await wire(stage, {"model": CODER, "input": "[sim: slow 2] [sim: first-error] Hi", "stream": True})
        assert late.startswith(b": keep-alive\n\n")
        assert responses.check(responses.read(late))["error"]["code"] == "server_error"


async def test_hosted_tools_are_refused_where_the_setting_says_so(confdir: Path) -> None:
    async with simulated(confdir, unsupported="refuse") as stage:
        with pytest.raises(BadRequestError) as caught:
            await ask(stage, {"input": "Hi", "tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]})
        assert (caught.value.code, caught.value.param) == ("unsupported_tool", "tools[0].type")
