"""The proxy's own tools beside the app's over the Responses API: three turns, in every way in which apps carry them.

The app sees its own calls only, and the model all that was called, whoever keeps the conversation.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson
import pytest
import pytest_asyncio

from qwenproxy.wire.openai import Json
from tests.support import responses
from tests.support.apps import WEATHER, Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
MODELS = {"coder": "qwen3-coder-plus", "thinker": "qwen3.7-plus"}
FLAT: Json = {"type": "function", "strict": False} | WEATHER["function"]
MIXED = (
    "[sim: parallel 2] What time is it in Riga, and the weather in Oslo? "
    "What time is it in Oslo, and the weather in Riga?"
)

type Asks = Callable[[Simulated, Json], Awaitable[Json]]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FACES)
async def stage(confdir: Path, request: pytest.FixtureRequest) -> AsyncIterator[Simulated]:
    async with simulated(confdir, face=FACES[request.param], tools="current_time,calculate") as found:
        yield found


async def whole(stage: Simulated, body: Json) -> Json:
    response: Json = (await stage.app.responses.create(**body)).to_dict()
    responses.validate_response(response)
    return response


async def streamed(stage: Simulated, body: Json) -> Json:
    key = {"authorization": "Bearer fake-api-key"}
    url = f"{stage.proxy.base_url}/responses"
    async with aiohttp.ClientSession() as http, http.post(url, json=body | {"stream": True}, headers=key) as answer:
        return responses.check(responses.read(await answer.read()))


async def background(stage: Simulated, body: Json) -> Json:
    made = await stage.app.responses.create(**body, background=True)
    while made.status in ("queued", "in_progress"):
        made = await stage.app.responses.retrieve(made.id)
    return made.to_dict()


async def stored(stage: Simulated, ask: Asks, fields: Json) -> list[Json]:
    """Three turns, each of which says what is new."""
    turns = [await ask(stage, fields | {"input": MIXED})]
    for number in range(2):
        gave = results(turns[-1], number)
        turns.append(await ask(stage, fields | {"input": gave, "previous_response_id": turns[-1]["id"]}))
    return turns


async def conversation(stage: Simulated, ask: Asks, fields: Json) -> list[Json]:
    """Three turns in a conversation that the proxy keeps."""
    fields = fields | {"conversation": (await stage.app.conversations.create()).id}
    turns = [await ask(stage, fields | {"input": MIXED})]
    for number in range(2):
        turns.append(await ask(stage, fields | {"input": results(turns[-1], number)}))
    return turns


async def stateless(stage: Simulated, ask: Asks, fields: Json) -> list[Json]:
    """Three turns of an app that keeps the conversation itself."""
    fields = fields | {"store": False, "include": ["reasoning.encrypted_content"]}
    history: list[Json] = [{"role": "user", "content": MIXED}]
    turns: list[Json] = []
    for number in range(3):
        turns.append(await ask(stage, fields | {"input": history}))
        history = [*history, *turns[-1]["output"], *results(turns[-1], number)]
    return turns


def results(response: Json, number: int) -> list[Json]:
    """What the app's own tool gives for its calls in *response*."""
    return [
        {"type": "function_call_output", "call_id": item["call_id"], "output": f"rain {number}"}
        for item in response["output"]
        if item["type"] == "function_call"
    ]


WAYS: dict[str, tuple[Callable[[Simulated, Asks, Json], Awaitable[list[Json]]], Asks]] = {
    "stored, whole": (stored, whole),
    "stored, streamed": (stored, streamed),
    "stored, in the background": (stored, background),
    "a conversation, streamed": (conversation, streamed),
    "stateless, whole": (stateless, whole),
    "stateless, streamed": (stateless, streamed),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
async def test_three_turns(stage: Simulated, way: str, model: str) -> None:
    carried, ask = WAYS[way]
    stage.asked()
    first, second, third = await carried(stage, ask, {"model": MODELS[model], "tools": [FLAT]})
    assert [cities(turn) for turn in (first, second, third)] == [["Oslo"], ["Riga"], []]
    words = "".join(part["text"] for item in third["output"] for part in item.get("content") or ())
    for found in ("Europe/Riga", "Europe/Oslo", "rain 0", "rain 1"):
        assert found in words
    assert "current_time" not in str([turn["output"] for turn in (first, second)])
    assert third["usage"]["total_tokens"] > 0


def cities(response: Json) -> list[str]:
    """The cities for which the app is to find the weather."""
    calls = [item for item in response["output"] if item["type"] == "function_call"]
    assert {call["name"] for call in calls} <= {"get_weather"}
    return [orjson.loads(call["arguments"])["city"] for call in calls]
