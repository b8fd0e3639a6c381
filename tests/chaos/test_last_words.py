"""What the official client makes of a worker that is killed, and of a proxy that is gone as a whole."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.support.clients import connected
from tests.support.fleet import Fleet, fleet
from tests.support.stage import ANSWER, event
from tests.support.upstream import STREAM_HEAD, Connection, Upstream, upstream, whole

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]

SAID: Any = [{"role": "user", "content": "hello"}]
ASKED: Mapping[str, Callable[[Any], Any]] = {
    "chat": lambda client: client.chat.completions.create(model="gpt-4o", messages=SAID, stream=True),
    "completions": lambda client: client.completions.create(model="gpt-4o", prompt="hello", stream=True),
    "responses": lambda client: client.responses.create(model="gpt-4o", input="hello", stream=True),
}


async def half(connection: Connection) -> None:
    """A stream of one event, or no answer at all."""
    if connection.asked.json.get("stream"):
        await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(half) as found:
        yield found


@pytest.fixture
async def found(tmp_path: Path, confdir: Path, qwen: Upstream) -> AsyncIterator[Fleet]:
    """One worker: each request is its own."""
    async with fleet(tmp_path, confdir, qwen, workers=1) as found:
        yield found


async def killed(found: Fleet) -> None:
    (pid,) = await found.pids()
    os.kill(pid, signal.SIGKILL)


def address(found: Fleet) -> dict[str, Any]:
    return {"base_url": f"http://127.0.0.1:{found.port}/v1", "api_key": "any", "max_retries": 0}


async def broken(client: AsyncOpenAI, ask: Callable[[Any], Any], breaks: Callable[[], Any]) -> None:
    """Read a stream that *breaks* after its first event."""
    stream = await ask(client)
    await anext(stream)
    await breaks()
    async for _ in stream:
        pass


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED.keys())
async def test_a_stream_ends_in_an_error_that_says_what_to_do(found: Fleet, ask: Callable[[Any], Any]) -> None:
    async with AsyncOpenAI(**address(found)) as client:
        with pytest.raises(openai.APIError, match="not complete: send the request again") as caught:
            await broken(client, ask, lambda: killed(found))
    assert caught.value.code == "proxy_worker_gone"
    await found.process.until(": 1 told so, 0 cut off")
    await found.until(lambda workers: bool(workers) and workers[0]["restarts"] == 1)
    async with connected(found.port) as app:
        figures = await app.ask("GET", "/metrics", host="localhost")
    assert b'qwenproxy_answers_left_total{outcome="told"} 1.0\n' in figures.body


def blocked(found: Fleet, breaks: Callable[[], Any], going: asyncio.AbstractEventLoop) -> None:
    """The same with the client that blocks."""
    with OpenAI(**address(found)) as client:
        stream = ASKED["chat"](client)
        next(stream)
        asyncio.run_coroutine_threadsafe(breaks(), going).result(10)
        list(stream)


async def test_so_does_one_of_the_client_that_blocks(found: Fleet) -> None:
    with pytest.raises(openai.APIError, match="send the request again"):
        await asyncio.to_thread(blocked, found, lambda: killed(found), asyncio.get_running_loop())


async def test_an_answer_that_has_not_begun_is_asked_for_again_by_itself(found: Fleet, qwen: Upstream) -> None:
    """As the client comes: the user does not even notice."""
    qwen.replies[:] = [half, whole(ANSWER)]
    async with AsyncOpenAI(**(address(found) | {"max_retries": 2})) as client:
        asking = asyncio.ensure_future(client.chat.completions.create(model="gpt-4o", messages=SAID))
        await found.until(lambda workers: workers[0]["under_way"] == 1)
        await killed(found)
        assert (await asking).choices[0].message.content == "Hi"
    assert len(qwen.asked) == 2


async def test_one_that_does_not_ask_again_gets_a_502(found: Fleet) -> None:
    async with AsyncOpenAI(**address(found)) as client:
        asking = asyncio.ensure_future(client.chat.completions.create(model="gpt-4o", messages=SAID))
        await found.until(lambda workers: workers[0]["under_way"] == 1)
        await killed(found)
        with pytest.raises(openai.InternalServerError, match="send the request again") as caught:
            await asking
    assert (caught.value.status_code, caught.value.code) == (502, "proxy_worker_gone")


async def all_killed(found: Fleet) -> None:
    pids = [found.process.pid, *await found.pids()]
    os.kill(pids[0], signal.SIGSTOP)  # so that it says nothing
    for pid in reversed(pids):
        os.kill(pid, signal.SIGKILL)


async def test_of_a_proxy_that_is_gone_as_a_whole_the_client_tells_itself(found: Fleet) -> None:
    """Its stream breaks off in the middle of its encoding, which is not an end."""
    async with AsyncOpenAI(**address(found)) as client:
        with pytest.raises(httpx.TransportError):
            await broken(client, ASKED["chat"], lambda: all_killed(found))


async def test_and_so_does_the_client_that_blocks(found: Fleet) -> None:
    with pytest.raises(httpx.TransportError):
        await asyncio.to_thread(blocked, found, lambda: all_killed(found), asyncio.get_running_loop())
