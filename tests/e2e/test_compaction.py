"""Conversations that are compacted, and thinking that is sealed, by the official client: stored and stateless."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from openai import AsyncOpenAI, BadRequestError
from openai.types.responses import Response

from qwenproxy.endpoints.responses.compaction import PREFACE, REQUEST
from qwenproxy.wire.openai import Json
from tests.support import responses
from tests.support.apps import App, Simulated, simulated

CODER, THINKER = "qwen3-coder-plus", "qwen3.7-plus"
LONG: Any = [{"type": "compaction", "compact_threshold": 30}]
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
HISTORY: list[Any] = [
    {"role": "user", "content": "My name is Ann, and I live in Riga. " * 5},
    {"role": "assistant", "content": "Hello Ann."},
    {"role": "user", "content": "Where do I live?"},
]

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, tools="current_time") as found:
        yield found


async def ask(app: Any, said: Any, **fields: Any) -> Response:
    answer: Response = await app.responses.create(input=said, **({"model": CODER} | fields))
    responses.validate_response(answer.to_dict())
    return answer


async def streamed(stage: Simulated, **body: Any) -> Json:
    """The response that a stream ends with, every event of which is checked."""
    asked = {"model": CODER, "stream": True} | body
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{stage.proxy.base_url}/responses", json=asked, headers={"authorization": "Bearer fake-api-key"}
        ) as answer,
    ):
        return responses.check(responses.read(await answer.read()))


def said(asked: Json) -> list[str]:
    return [f"{message['role']}: {message['content']}" for message in asked["messages"]]


def text_of(message: Any) -> str:
    return str(message["content"][0]["text"])


def back(response: Any) -> list[Any]:
    """The output as an app puts it into its next input."""
    return [
        item if isinstance(item, dict) else item.to_dict(warnings=False)
        for item in getattr(response, "output", response)
    ]


async def test_a_conversation_is_compacted_and_gone_on_from(stage: Simulated) -> None:
    stage.asked()
    async with AsyncOpenAI(base_url=stage.proxy.base_url, api_key="fake-api-key") as app:  # strictly, no user speaks
        made = await app.responses.compact(model=CODER, input=HISTORY, instructions="Be brief.")
    (asked,) = stage.asked()
    assert said(asked)[-1] == f"user: {REQUEST}"
    assert "tools" not in asked, "the proxy's own are not for summaries"
    *users, item = made.output
    assert made.object == "response.compaction"
    assert made.usage.total_tokens > 0
    assert [text_of(user.to_dict(warnings=False)) for user in users] == [
        HISTORY[0]["content"],
        HISTORY[2]["content"],
    ]
    assert item.type == "compaction"
    await ask(stage.app, [*back(made), {"role": "user", "content": "So?"}], store=False)
    (asked,) = stage.asked()
    roles = [line.split(": ")[0] for line in said(asked)]
    assert roles == ["user", "user", "user", "user"]
    assert said(asked)[2].startswith(f"user: {PREFACE}")


async def test_a_stored_response_is_compacted_by_its_id(stage: Simulated) -> None:
    first = await ask(stage.app, HISTORY)
    stage.asked()
    async with aiohttp.ClientSession() as http:
        body = {"model": CODER, "previous_response_id": first.id}
        headers = {"authorization": "Bearer fake-api-key"}
        async with http.post(f"{stage.proxy.base_url}/responses/compact", json=body, headers=headers) as answer:
            made = await answer.json()
    assert [item["type"] for item in made["output"]] == ["message", "message", "compaction"]
    (asked,) = stage.asked()
    assert len(asked["messages"]) == len(HISTORY) + 2


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "stateless"])
async def test_beyond_the_threshold_it_is_compacted_on_the_way(stage: Simulated, stored: bool) -> None:
    """And then goes on from the summary, whole and streamed, with the app's own tool."""
    stage.asked()
    fields: Json = {"context_management": LONG, "store": stored, "tools": [WEATHER]}
    first = await streamed(stage, input=HISTORY, **fields)
    summing, answering = stage.asked()
    assert said(summing)[-1] == f"user: {REQUEST}"
    assert [line.split(": ")[0] for line in said(answering)] == ["user", "user"]
    assert {tool["function"]["name"] for tool in answering["tools"]} == {"get_weather", "current_time"}
    assert first["output"][0]["type"] == "compaction"
    asked: list[Any] = [{"role": "user", "content": "What is the weather in Oslo?"}]
    before = [] if stored else [*HISTORY, *first["output"]]
    more: Json = {"previous_response_id": first["id"]} if stored else {}
    rest: Json = {"store": stored, "tools": [WEATHER]}
    second = await ask(stage.app, [*before, *asked], **rest, **more)
    (sent,) = stage.asked()
    assert HISTORY[0]["content"] not in str(sent), "it is in the summary only"
    assert said(sent)[0].startswith(f"user: {PREFACE}")
    (call,) = [item for item in second.output if item.type == "function_call"]
    gave: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "4 C"}
    before = [] if stored else [*before, *asked, *back(second)]
    more = {"previous_response_id": second.id} if stored else {}
    third = await streamed(stage, input=[*before, gave], context_management=LONG, **rest, **more)
    kinds = [item["type"] for item in third["output"]]
    assert kinds == ["compaction", "message"]
    assert "4 C" in str(third["output"][1]), "the result that was to be answered is there word for word"


async def test_a_short_one_is_left_as_it_is(stage: Simulated) -> None:
    stage.asked()
    for management in (LONG, [{"type": "compaction"}], [{"type": "compaction", "compact_threshold": 100_000}]):
        said = HISTORY[:1] if management is LONG else HISTORY
        made = await ask(stage.app, said, context_management=management)
        assert [item.type for item in made.output] == ["message"]
    assert len(stage.asked()) == 3


async def test_in_the_background_too(stage: Simulated) -> None:
    made = await ask(stage.app, HISTORY, context_management=LONG, background=True)
    stream = await stage.app.responses.retrieve(made.id, stream=False)
    while stream.status in ("queued", "in_progress"):
        stream = await stage.app.responses.retrieve(made.id)
    assert [item.type for item in stream.output] == ["compaction", "message"]


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
async def test_a_trigger_gives_a_compaction_alone(stage: Simulated, streams: bool) -> None:
    """As Codex asks for it, within an ordinary request."""
    fields: Json = {"input": [*HISTORY, {"type": "compaction_trigger"}], "tools": [WEATHER], "store": False}
    if streams:
        output = (await streamed(stage, **fields))["output"]
    else:
        output = back(await ask(stage.app, fields.pop("input"), **fields))
    (item,) = output
    assert item["type"] == "compaction"
    await ask(stage.app, [HISTORY[0], item, {"role": "user", "content": "So?"}])


async def test_what_cannot_be_opened_is_refused_by_its_place(stage: Simulated) -> None:
    (item,) = (await streamed(stage, input=[*HISTORY, {"type": "compaction_trigger"}]))["output"]
    so = {"role": "user", "content": "So?"}
    async with App(stage.proxy.base_url, api_key="another") as other:
        calls = [
            ask(other, [item, so]),
            ask(stage.app, [item | {"encrypted_content": "gAAAAABo"}, so]),
            ask(stage.app, [item | {"encrypted_content": item["encrypted_content"].swapcase()}, so]),
        ]
        for call in calls:
            with pytest.raises(BadRequestError, match="cannot be read here") as caught:
                await call
            assert caught.value.param == "input[0].encrypted_content"


@pytest.mark.parametrize("streams", [True, False], ids=["streamed", "whole"])
async def test_thinking_comes_back_to_a_stateless_app(confdir: Path, tmp_path: Path, streams: bool) -> None:
    """Sealed, not to be read on the way, over a restart of the proxy, and to models that take it."""
    state = str(tmp_path / "state.db")
    fields: Json = {"model": THINKER, "store": False, "include": ["reasoning.encrypted_content"], "tools": [WEATHER]}
    question = {"role": "user", "content": "What is the weather in Riga?"}
    async with simulated(confdir, state=state) as stage:
        if streams:
            output = (await streamed(stage, input=[question], **fields))["output"]
        else:
            output = back(await ask(stage.app, [question], **fields))
    thinking, call = output
    assert (thinking["type"], thinking["summary"]) == ("reasoning", [])
    gave = {"type": "function_call_output", "call_id": call["call_id"], "output": "4 C"}
    asked: list[Any] = [question, thinking, call, gave]
    async with simulated(confdir, state=state) as stage:
        again = await stage.app.responses.with_raw_response.create(
            input=asked, extra_body={"preserve_thinking": True}, **fields
        )
        (sent,) = stage.asked()
        assert sent["messages"][1]["reasoning_content"]
        assert "input.reasoning" not in again.headers.get("x-qwenproxy-dropped", "")
    os.remove(f"{state}-keys")
    async with simulated(confdir, state=state) as stage:
        again = await stage.app.responses.with_raw_response.create(input=asked, **fields)
        (sent,) = stage.asked()
        assert "reasoning_content" not in sent["messages"][1]
        assert "input.reasoning.encrypted_content" in again.headers["x-qwenproxy-dropped"]
