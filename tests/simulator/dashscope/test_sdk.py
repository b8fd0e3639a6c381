"""The `dashscope` package against the simulator: it finds what it expects of the real service."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import dashscope
import orjson
import pytest
from dashscope.aigc.generation import AioGeneration
from dashscope.api_entities.aio_session import close_shared_aio_session
from dashscope.api_entities.http_request import close_shared_sync_session

from qwenproxy.simulator.doors import NATIVE
from qwenproxy.simulator.server import Simulator
from qwenproxy.wire.openai import Json
from tests.support.simulated import MODEL, WEATHER, png

THINKER = "qwen3.7-plus"
CITIES = "What is the weather in Riga and Oslo?"


@pytest.fixture(autouse=True)
async def package(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The package set up for the simulator; it keeps its connections until it is told to close them."""
    monkeypatch.setattr(dashscope, "base_http_api_url", simulator.base_url + NATIVE)
    monkeypatch.setattr(dashscope, "api_key", simulator.key)
    yield
    close_shared_sync_session()
    await close_shared_aio_session()


def user(content: Any) -> Any:
    return {"role": "user", "content": content}


async def text(**fields: Any) -> Any:
    """`Generation.call`, which blocks."""
    return await asyncio.to_thread(dashscope.Generation.call, **{"result_format": "message", **fields})


async def seeing(**fields: Any) -> Any:
    return await asyncio.to_thread(dashscope.MultiModalConversation.call, **fields)


async def texts(**fields: Any) -> list[Any]:
    """Every answer of a streamed `Generation.call`."""
    call: Any = dashscope.Generation.call
    return await asyncio.to_thread(lambda: list(call(**{"stream": True, **fields})))


async def seen(**fields: Any) -> list[Any]:
    call: Any = dashscope.MultiModalConversation.call
    return await asyncio.to_thread(lambda: list(call(**{"stream": True, **fields})))


def message(answer: Any) -> Any:
    return answer.output.choices[0].message


async def test_a_whole_text() -> None:
    answer = await text(model=MODEL, messages=[user("Good morning")])
    assert (answer.status_code, answer.code) == (200, "")
    assert "Good morning" in message(answer).content
    assert answer.output.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


async def test_a_prompt_gets_the_old_form() -> None:
    answer = await text(model="qwen-plus", prompt="Good morning", result_format=None)
    assert "Good morning" in answer.output.text
    assert answer.output.finish_reason == "stop"


async def test_increments_of_a_text() -> None:
    answers = await texts(
        model=MODEL, messages=[user("Good morning")], result_format="message", incremental_output=True
    )
    assert "Good morning" in "".join(message(answer).content for answer in answers)
    assert [answer.output.choices[0].finish_reason for answer in answers][-2:] == ["null", "stop"]


async def test_the_package_adds_increments_up_by_itself() -> None:
    answers = await texts(
        model="qwen-plus",
        messages=[user("Good morning")],
        result_format="message",
        incremental_output=False,
        enable_thinking=True,
    )
    assert "Good morning" in message(answers[-1]).content
    assert "Good morning" in message(answers[-1]).reasoning_content


async def test_several_choices_are_added_up_too() -> None:
    answers = await texts(
        model="qwen-plus", messages=[user("Hello")], result_format="message", incremental_output=False, n=2
    )
    whole = await text(model="qwen-plus", messages=[user("Hello")], n=2)
    last = answers[-1]
    assert [choice["message"]["content"] for choice in last.output.choices] == [
        choice.message.content for choice in whole.output.choices
    ]
    assert last.usage["output_tokens"] == whole.usage.output_tokens


@pytest.mark.parametrize("incremental", [True, False])
async def test_calls_in_a_stream(incremental: bool) -> None:
    answers = await texts(
        model=MODEL,
        messages=[user(CITIES)],
        tools=[WEATHER],
        result_format="message",
        incremental_output=incremental,
    )
    told: dict[int, str] = {}
    for answer in answers if incremental else answers[-1:]:
        for piece in message(answer).get("tool_calls") or ():
            told[piece["index"]] = told.get(piece["index"], "") + piece["function"]["arguments"]
    assert told == {0: '{"city": "Riga"}', 1: '{"city": "Oslo"}'}
    assert answers[-1].output.choices[0].finish_reason == "tool_calls"


async def test_a_round_with_a_tool() -> None:
    asked = await text(model=MODEL, messages=[user("What is the weather in Riga?")], tools=[WEATHER])
    (call,) = message(asked).tool_calls
    assert orjson.loads(call["function"]["arguments"]) == {"city": "Riga"}
    history = [
        user("What is the weather in Riga?"),
        dict(message(asked)),
        {"role": "tool", "tool_call_id": call["id"], "content": "4 degrees"},
    ]
    assert "4 degrees" in message(await text(model=MODEL, messages=history, tools=[WEATHER])).content


async def test_a_whole_answer_to_a_picture_with_thinking() -> None:
    answer = await seeing(model=THINKER, messages=[user([{"image": png(100, 60)}, {"text": "What is this?"}])])
    assert "100x60 pixels" in message(answer).content[0]["text"]
    assert "What is this?" in message(answer).reasoning_content
    assert answer.usage.image_tokens > 0


@pytest.mark.parametrize("incremental", [True, False])
async def test_a_streamed_answer_to_a_picture_with_thinking(incremental: bool) -> None:
    answers = await seen(
        model=THINKER,
        messages=[user([{"image": "https://a.test/b.png"}, {"text": "What is this?"}])],
        incremental_output=incremental,
    )
    told = answers if incremental else [answer for answer in answers if message(answer).content][-1:]
    assert "".join(part["text"] for answer in told for part in message(answer).content).count("I see 1 image") == 1
    assert "".join(message(answer).reasoning_content for answer in told).count("What is this?") == 1


async def test_multimodal_calls() -> None:
    answer = await seeing(model=THINKER, messages=[user([{"text": CITIES}])], tools=[WEATHER])
    assert [call["function"]["arguments"] for call in message(answer).tool_calls] == [
        '{"city": "Riga"}',
        '{"city": "Oslo"}',
    ]
    assert answer.output.choices[0].finish_reason == "tool_calls"


async def test_the_asynchronous_calls_of_the_package() -> None:
    whole: Any = await AioGeneration.call(model=MODEL, messages=[user("Good morning")], result_format="message")
    assert "Good morning" in message(whole).content
    stream: Any = await AioGeneration.call(
        model=MODEL, messages=[user("Good morning")], result_format="message", stream=True, incremental_output=True
    )
    assert "Good morning" in "".join([message(answer).content async for answer in stream])


ERRORS: dict[str, tuple[Json, int, str]] = {
    "a wrong key": ({"api_key": "sk-other"}, 401, "InvalidApiKey"),
    "an unknown model": ({"model": "gpt-4o"}, 404, "ModelNotFound"),
    "the other address": ({"model": THINKER}, 400, "InvalidParameter"),
    "a wrong parameter": ({"temperature": 2}, 400, "InvalidParameter"),
    "too much": ({"messages": [user("[sim: error limit_requests]")]}, 429, "Throttling.RateQuota"),
    "a fault": ({"messages": [user("[sim: error internal_error]")]}, 500, "InternalError"),
    "framed as events": ({"messages": [user("[sim: sse-error arrearage]")]}, 400, "Arrearage"),
}


@pytest.mark.parametrize("fault", ERRORS)
@pytest.mark.parametrize("stream", [True, False])
async def test_errors_are_understood(fault: str, stream: bool) -> None:
    fields, status, code = ERRORS[fault]
    asked = {"model": MODEL, "messages": [user("Hello")], "result_format": "message", **fields}
    answer = (await texts(**asked))[-1] if stream else await text(**asked)
    assert (answer.status_code, answer.code) == (status, code)
    assert answer.message
    assert answer.request_id


async def test_an_error_within_a_stream_is_understood() -> None:
    asked = [user("[sim: stream-error limit_requests]")]
    *said, last = await texts(model=MODEL, messages=asked, result_format="message", incremental_output=True)
    assert "".join(message(answer).content for answer in said)
    assert last.code == "Throttling.RateQuota"
