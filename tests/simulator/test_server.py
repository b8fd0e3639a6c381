"""The simulator as a server: its key, its paths, its records, and the official client against it."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import openai
import orjson
import pytest

from qwenproxy.simulator.doors import COMPATIBLE, PORTAL
from qwenproxy.simulator.known import LISTED
from qwenproxy.simulator.server import Simulator
from tests.support.simulated import MODEL, WEATHER, Client, until

CHAT = f"{COMPATIBLE}/chat/completions"
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
async def sdk(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    url = simulator.base_url + COMPATIBLE
    async with openai.AsyncOpenAI(base_url=url, api_key=simulator.key, max_retries=0) as sdk:
        yield sdk


@pytest.mark.parametrize("path", [CHAT, f"{PORTAL}/chat/completions"])
async def test_a_wrong_key_is_refused(client: Client, path: str) -> None:
    answer = await client.send("POST", path, HELLO, key="sk-other")
    assert answer.status == 401
    assert answer.error["code"] == "invalid_api_key"
    assert "sk-other" not in answer.body.decode()


async def test_no_key_is_refused(simulator: Simulator) -> None:
    async with aiohttp.ClientSession() as session, session.get(simulator.base_url + f"{PORTAL}/models") as response:
        assert response.status == 401


async def test_the_key_is_whatever_it_was_made_with() -> None:
    simulator = Simulator(key="sk-mine", pace=0)
    await simulator.start()
    async with aiohttp.ClientSession() as session:
        assert (await Client(session, simulator).chat("Hello")).status == 200
        assert (await Client(session, simulator).send("POST", CHAT, HELLO, key="sk-simulator")).status == 401
    await simulator.stop()


@pytest.mark.parametrize(
    "model",
    ["gpt-4o", "Qwen3-Coder-Plus", "minimax-m2.5", "qwen3-coder-plus-x", "text-embedding-v4", None],
    ids=str,
)
async def test_a_model_that_is_not_there_is_not_found(client: Client, model: str | None) -> None:
    answer = await client.chat("Hello", model=model)
    assert (answer.status, answer.error["code"]) == (404, "model_not_found")


@pytest.mark.parametrize("model", ["qwen-plus-latest", "qwen3-max-2026-01-23", "deepseek-v4-pro-0813", "MiniMax-M2.5"])
async def test_snapshots_of_known_models_are_there(client: Client, model: str) -> None:
    assert (await client.chat("Hello", model=model, stream=True)).done


@pytest.mark.parametrize("base", [COMPATIBLE, PORTAL])
async def test_models_are_listed(client: Client, base: str) -> None:
    answer = await client.send("GET", f"{base}/models")
    assert [model["id"] for model in answer.json["data"]] == list(LISTED)
    assert all(model.keys() == {"id", "object", "created", "owned_by"} for model in answer.json["data"])


async def test_one_model_can_be_looked_up(client: Client) -> None:
    assert (await client.send("GET", f"{COMPATIBLE}/models/kimi/kimi-k3")).json["id"] == "kimi/kimi-k3"
    assert (await client.send("GET", f"{COMPATIBLE}/models/gpt-4o")).status == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", f"{COMPATIBLE}/responses", "Invalid URL (POST /compatible-mode/v1/responses)"),
        ("GET", CHAT, f"Invalid URL (GET {CHAT})"),
        ("POST", "/v1/chat/completions/chat/completions", ""),
        ("GET", "/", ""),
    ],
)
async def test_all_else_is_not_found(client: Client, method: str, path: str, body: str) -> None:
    answer = await client.send(method, path, {} if method == "POST" else None)
    assert answer.status == 404
    assert (body in answer.body.decode()) if body else answer.body == b""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff"])
async def test_a_body_that_is_no_object_is_refused(client: Client, body: bytes) -> None:
    answer = await client.send("POST", CHAT, body)
    assert (answer.status, answer.error["code"]) == (400, "invalid_parameter_error")


async def test_a_large_body_is_taken(client: Client) -> None:
    answer = await client.chat("[sim: row context=16000000]" + "a" * 60_000_000)
    assert answer.status == 200


async def test_a_body_beyond_the_limit_is_refused(client: Client) -> None:
    answer = await client.send("POST", CHAT, b" " * (64 * 1024 * 1024 + 1))
    assert answer.status == 413


async def test_requests_are_recorded(client: Client, simulator: Simulator) -> None:
    await client.chat("Hello", temperature=0.5)
    await client.send("POST", CHAT, b"{")
    first, second = simulator.requests
    assert (first.method, first.path) == ("POST", CHAT)
    assert first.headers["authorization"] == f"Bearer {simulator.key}"
    assert first.body == {**HELLO, "temperature": 0.5}
    assert second.body is None


async def test_the_record_is_bounded(client: Client, simulator: Simulator) -> None:
    for number in range(210):
        await client.send("GET", f"/{number}")
    assert [asked.path for asked in simulator.requests] == [f"/{number}" for number in range(10, 210)]


async def test_the_body_of_a_large_request_is_not_kept(client: Client, simulator: Simulator) -> None:
    await client.chat("a" * 2_000_000)
    assert simulator.requests[0].body is None


async def test_answers_carry_the_services_headers(client: Client) -> None:
    answer = await client.chat("Hello")
    assert answer.headers["x-request-id"] == answer.json["id"].removeprefix("chatcmpl-")
    assert answer.headers["x-dashscope-call-gateway"] == "true"


async def test_equal_seeds_make_equal_ids() -> None:
    answers = []
    for _ in range(2):
        simulator = Simulator(pace=0, seed=7)
        await simulator.start()
        async with aiohttp.ClientSession() as session:
            answers.append((await Client(session, simulator).chat("Hello")).json["id"])
        await simulator.stop()
    assert answers[0] == answers[1]


async def test_at_a_pace_the_pieces_come_one_by_one() -> None:
    simulator = Simulator(pace=0.01)
    await simulator.start()
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession() as session:
        start = loop.time()
        answer = await Client(session, simulator).chat("[sim: words 10]", stream=True)
        assert loop.time() - start >= 0.009 * len(answer.payloads)
        start = loop.time()
        await Client(session, simulator).chat("[sim: words 10]")
        assert loop.time() - start >= 0.05
    await simulator.stop()


async def test_a_client_that_leaves_ends_its_answer(simulator: Simulator) -> None:
    headers = {"Authorization": f"Bearer {simulator.key}"}
    body = {**HELLO, "stream": True, "messages": [{"role": "user", "content": "[sim: stall]"}]}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(simulator.base_url + CHAT, json=body) as response:
            await response.content.readany()
        assert await until(lambda: simulator.cancelled == 1)


async def test_stopping_ends_answers_and_counts_nobody_as_gone(client: Client, simulator: Simulator) -> None:
    asking = asyncio.create_task(client.chat("[sim: hang]"))
    assert await until(lambda: bool(simulator.requests))
    await simulator.stop()
    with pytest.raises(aiohttp.ClientError):
        await asking
    assert simulator.cancelled == 0


async def test_it_can_start_again() -> None:
    simulator = Simulator(pace=0)
    for _ in range(2):
        await simulator.start()
        async with aiohttp.ClientSession() as session:
            assert (await Client(session, simulator).chat("Hello")).status == 200
        await simulator.stop()
    await simulator.stop()


async def test_a_port_that_is_taken_is_an_error(simulator: Simulator) -> None:
    other = Simulator()
    with pytest.raises(OSError):
        await other.start(port=int(simulator.base_url.rpartition(":")[2]))


async def test_the_sdk_gets_a_whole_answer(sdk: openai.AsyncOpenAI) -> None:
    answer = await sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Good morning"}])
    assert answer.choices[0].finish_reason == "stop"
    assert "Good morning" in (answer.choices[0].message.content or "")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


async def test_the_sdk_gets_a_stream(sdk: openai.AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(
        model="qwen3.7-plus",
        messages=[{"role": "user", "content": "Good morning"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "Good morning" in text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None


async def test_the_sdk_gets_through_a_round_with_a_tool(sdk: openai.AsyncOpenAI) -> None:
    user = {"role": "user", "content": "What is the weather in Riga?"}
    asked = await sdk.post(  # the untyped door: the typed one wants the SDK's own classes for messages and tools
        "/chat/completions", body={"model": MODEL, "messages": [user], "tools": [WEATHER]}, cast_to=object
    )
    message = orjson.loads(orjson.dumps(asked))["choices"][0]["message"]
    call = message["tool_calls"][0]
    assert orjson.loads(call["function"]["arguments"]) == {"city": "Riga"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "4 degrees"}
    told = await sdk.post(
        "/chat/completions",
        body={"model": MODEL, "messages": [user, message, result], "tools": [WEATHER]},
        cast_to=object,
    )
    content = orjson.loads(orjson.dumps(told))["choices"][0]["message"]["content"]
    assert "get_weather" in content
    assert "4 degrees" in content


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("[sim: error invalid_api_key]", openai.AuthenticationError),
        ("[sim: error access_denied]", openai.PermissionDeniedError),
        ("[sim: error model_not_found]", openai.NotFoundError),
        ("[sim: error data_inspection_failed]", openai.BadRequestError),
        ("[sim: error limit_requests]", openai.RateLimitError),
        ("[sim: error internal_error]", openai.InternalServerError),
        ("[sim: disconnect]", openai.APIConnectionError),
    ],
)
async def test_the_sdk_understands_refusals(
    sdk: openai.AsyncOpenAI, said: str, error: type[openai.OpenAIError]
) -> None:
    with pytest.raises(error):
        await sdk.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": said}])


async def test_the_sdk_lists_models(sdk: openai.AsyncOpenAI) -> None:
    assert MODEL in [model.id async for model in sdk.models.list()]
