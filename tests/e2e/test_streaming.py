"""Streams in time: the first event, silence, errors, cuts, and an app that leaves, before a scripted upstream."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openai import APIError, AsyncStream, InternalServerError, RateLimitError
from openai.types.chat import ChatCompletionChunk

from qwenproxy import sse
from tests.support import completions
from tests.support.apps import Scripted, scripted, text_of
from tests.support.completions import END, failure, said, streamed, thought
from tests.support.heard import from_stream, hear
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Reply, chunk, stream

THINKER, CODER = "qwen3.7-plus", "qwen3-coder-plus"


class Held:
    """An answer that stops after its first piece until it is let go on, and knows whether the other side has left."""

    def __init__(self, first: bytes, rest: bytes = chunk(END) + STREAM_END) -> None:
        self.go_on = asyncio.Event()
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self._first = first
        self._rest = rest

    async def __call__(self, connection: Connection) -> None:
        self.asked.set()
        await connection.send(self._first)
        leaving = asyncio.create_task(connection.gone())
        going_on = asyncio.create_task(self.go_on.wait())
        await asyncio.wait({leaving, going_on}, return_when=asyncio.FIRST_COMPLETED)
        if leaving.done():
            self.left.set()
        else:
            await connection.send(self._rest)
        for task in (leaving, going_on):
            task.cancel()
        await asyncio.gather(leaving, going_on, return_exceptions=True)


async def test_the_first_event_does_not_wait_for_the_second(confdir: Path) -> None:
    held = Held(STREAM_HEAD + chunk(said("Hel")), chunk(said("lo") + END) + STREAM_END)
    async with scripted(confdir, held) as stage, asyncio.timeout(10):
        answer = await stage.app.stream()
        heard = ""
        while "Hel" not in heard:
            heard += (await anext(answer)).choices[0].delta.content or ""
        assert not held.go_on.is_set()
        held.go_on.set()
        assert heard + await text_of(answer) == "Hello"


async def test_the_first_thought_counts_as_an_event(confdir: Path) -> None:
    held = Held(STREAM_HEAD + chunk(thought("Let me see.")), chunk(said("Hello") + END) + STREAM_END)
    async with scripted(confdir, held) as stage, asyncio.timeout(10):
        answer = await stage.app.stream()
        while "reasoning_content" not in (await anext(answer)).choices[0].delta.to_dict():
            pass
        held.go_on.set()
        assert await text_of(answer) == "Hello"


async def test_silence_is_filled_with_comments(confdir: Path) -> None:
    """The model thinks before it says anything, and once more in the middle: the app's connection stays awake."""

    async def slow(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        await asyncio.sleep(0.5)
        await connection.send(chunk(said("Hello")))
        await asyncio.sleep(0.5)
        await connection.send(chunk(END) + STREAM_END)

    async with scripted(confdir, slow, heartbeat="0.2") as stage, aiohttp.ClientSession() as http:
        heard = await hear(http, stage.proxy.base_url, "Hello", stream=True)
        assert (heard.text, heard.finish, heard.error) == ("Hello", "stop", None)
        assert heard.comments >= 3


@pytest.mark.parametrize("refused", [False, True], ids=["answer", "refusal"])
async def test_comments_come_while_the_upstream_says_nothing_at_all(confdir: Path, refused: bool) -> None:
    """By then the status is said: what fails later fails within the stream."""
    rest = STREAM_HEAD + chunk(said("Hello") + END) + STREAM_END
    held = Held(b"", completions.refused(429, "Too many.", code="limit_requests") if refused else rest)
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], "stream": True}
    async with (
        scripted(confdir, held, heartbeat="0.2") as stage,
        aiohttp.ClientSession() as http,
        asyncio.timeout(10),
        http.post(f"{stage.proxy.base_url}/chat/completions", json=body) as response,
    ):
        assert response.status == 200
        assert (await response.content.readany()).startswith(sse.KEEP_ALIVE)
        held.go_on.set()
        heard = from_stream(response.headers, await response.read())
    assert (heard.text, heard.code) == (("", "rate_limit_exceeded") if refused else ("Hello", None))


FIRST_ERROR = failure("Requests rate limit exceeded.", code="limit_requests")


@pytest.mark.parametrize("first", [FIRST_ERROR, b": HTTP_STATUS/429\n\n" + FIRST_ERROR], ids=["plain", "comment"])
async def test_an_error_in_the_first_event_becomes_the_status(confdir: Path, first: bytes) -> None:
    async with scripted(confdir, stream(first)) as stage:
        with pytest.raises(RateLimitError, match="Requests rate limit exceeded") as caught:
            await stage.app.stream()
        assert caught.value.response.headers["retry-after"] == "10"
        assert len(stage.upstream.asked) == 1


async def listen(answer: AsyncStream[ChatCompletionChunk], heard: list[str | None]) -> None:
    """Add to *heard* what an answer says, as long as it says anything."""
    async for piece in answer:
        heard.append(piece.choices[0].delta.content)


async def test_an_error_further_on_is_one_event_and_the_end(confdir: Path) -> None:
    reply = stream(said("Hel"), failure("Internal server error."), said("lo"), END)
    async with scripted(confdir, reply, max_retries=2) as stage:
        heard: list[str | None] = []
        with pytest.raises(APIError, match=r"Internal server error\..*qwen-request-1") as caught:
            await listen(await stage.app.stream(), heard)
        assert ("".join(filter(None, heard)), caught.value.code, caught.value.type) == (
            "Hel",
            "upstream_error",
            "server_error",
        )
        assert len(stage.upstream.asked) == 1


CUTS: dict[str, bytes] = {
    "between events": STREAM_HEAD + chunk(said("Hel")) + STREAM_END,
    "within an event": STREAM_HEAD + chunk(said("Hel") + said("lo")[:30]) + STREAM_END,
    "by the connection's end": STREAM_HEAD + chunk(said("Hel")),
    "within a chunk": STREAM_HEAD + chunk(said("Hel")) + b"ffff\r\ndata: {",
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("whole", [False, True], ids=["streamed", "whole"])
async def test_a_cut_answer_is_an_error_and_never_a_stop(confdir: Path, cut: bytes, whole: bool) -> None:
    async def reply(connection: Connection) -> None:
        await connection.send(cut)
        connection.writer.close()

    async with scripted(confdir, reply) as stage, aiohttp.ClientSession() as http:
        heard = await hear(http, stage.proxy.base_url, "Hello", stream=not whole)
        assert (heard.code, heard.finish) == ("upstream_stream_cut", None)
        assert (heard.status, heard.text) == ((502, "") if whole else (200, "Hel"))


async def test_a_missing_end_is_no_fault_once_the_answer_is_finished(confdir: Path) -> None:
    async def reply(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("Hello")) + chunk(completions.finish() + completions.TOTALS))
        connection.writer.close()

    async with scripted(confdir, reply) as stage, aiohttp.ClientSession() as http:
        heard = await hear(http, stage.proxy.base_url, "Hello", stream=True)
        assert (heard.text, heard.finish, heard.error) == ("Hello", "stop", None)
        assert heard.usage is not None


EMPTY = stream(completions.TOTALS, completions.DONE)


@pytest.mark.parametrize("first", [EMPTY, STREAM_HEAD + STREAM_END], ids=["usage only", "not one byte"])
async def test_an_answer_that_says_nothing_is_asked_for_again_once(confdir: Path, first: bytes) -> None:
    async with scripted(confdir, first, streamed("Hello")) as stage:
        assert await text_of(await stage.app.stream()) == "Hello"
        assert len(stage.upstream.asked) == 2
    async with scripted(confdir, first) as stage:
        with pytest.raises(InternalServerError, match="without having said anything"):
            await stage.app.stream()
        assert len(stage.upstream.asked) == 2


async def test_an_upstream_that_falls_silent_is_given_up_and_not_asked_again(confdir: Path) -> None:
    held = Held(STREAM_HEAD)
    async with scripted(confdir, held, idle_timeout="1") as stage, aiohttp.ClientSession() as http:
        ways = [(model, streams) for model in (THINKER, CODER) for streams in (True, False)]
        for heard in await asyncio.gather(
            *(hear(http, stage.proxy.base_url, "Hello", model=model, stream=streams) for model, streams in ways)
        ):
            assert (heard.status, heard.code) == (504, "upstream_timeout")
        assert len(stage.upstream.asked) == len(ways)
        await asyncio.wait_for(held.left.wait(), 5)


async def leave(stage: Scripted, reply: Held, *, after: int, **fields: Any) -> None:
    """Ask, and go away after so many bytes of the answer (0: before there is one)."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}], **fields}
    async with aiohttp.ClientSession() as http:
        asking = asyncio.create_task(http.post(f"{stage.proxy.base_url}/chat/completions", json=body))
        await reply.asked.wait()
        if after:
            response = await asking
            await response.content.readexactly(after)
            response.close()
        else:
            await asyncio.sleep(0.1)
            asking.cancel()
    await asyncio.wait_for(reply.left.wait(), 5)


LEAVINGS: dict[str, tuple[bytes, int, dict[str, Any]]] = {
    "in the middle of a stream": (STREAM_HEAD + chunk(said("Hello")), 20, {"stream": True}),
    "before the first event": (STREAM_HEAD, 0, {"stream": True}),
    "before the upstream answers": (b"", 0, {"stream": True}),
    "before a whole answer": (b"", 0, {"model": CODER}),
    "while a stream is gathered": (STREAM_HEAD + chunk(said("Hello")), 0, {"model": THINKER}),
    "with three choices": (STREAM_HEAD + chunk(said("Hello")), 0, {"n": 3}),
}


@pytest.mark.parametrize(("first", "after", "fields"), LEAVINGS.values(), ids=LEAVINGS.keys())
async def test_an_app_that_leaves_ends_the_upstreams_work(
    confdir: Path, caplog: pytest.LogCaptureFixture, first: bytes, after: int, fields: dict[str, Any]
) -> None:
    held = Held(first)
    caplog.set_level("INFO", "qwenproxy.exchange")
    async with scripted(confdir, held) as stage:
        await leave(stage, held, after=after, **fields)
    assert [record.getMessage().split(" ")[:3] for record in caplog.records] == [["POST", "chat", "499"]]


async def test_connections_to_the_upstream_are_used_again(confdir: Path) -> None:
    async with scripted(confdir, streamed("Hello")) as stage:
        for _ in range(3):
            assert await text_of(await stage.app.stream()) == "Hello"
        assert len(stage.upstream.asked) == 3
        assert stage.upstream.connections == 1


async def test_an_idle_connection_that_the_upstream_has_closed_is_opened_again(confdir: Path) -> None:
    async def once(connection: Connection) -> None:
        await connection.send(streamed("Hello"))
        connection.writer.close()

    replies: list[Reply] = [once, streamed("Hello again")]
    async with scripted(confdir, *replies) as stage:
        assert await text_of(await stage.app.stream()) == "Hello"
        assert await text_of(await stage.app.stream()) == "Hello again"
