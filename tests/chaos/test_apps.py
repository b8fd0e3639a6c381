"""Apps that leave, wait or talk nonsense, at every stage: they get what they can, and nothing stays of them."""

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from qwenproxy import sse
from tests.chaos.faults import FLOOD, ORDER, ordered
from tests.chaos.outcomes import WHOLE, outcome, settle
from tests.chaos.test_upstream import WAYS, ask, body
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.clients import App, parts, request
from tests.support.clock import until
from tests.support.evidence import UPSTREAM_KEY, found_in
from tests.support.stage import Stage, stage

SETTINGS = {"api_key": UPSTREAM_KEY, "body_limit": "100k", "heartbeat": "0.3", "stall_timeout": "8"}
CLOSED = "the connection is closed"
PAGE = "400, mitmproxy's own"
"""What no hook sees, mitmproxy refuses itself."""
LEFT = "nothing stays of it"
BUSY = ORDER + "floods with 20,000 events"
SILENT = ORDER + "says nothing"
HALFWAY = ORDER + "stalls in the middle"

type Behaviour = Callable[[Stage, App], Awaitable[str]]
"""What an app does on a connection, and what it got."""


def sent(prompt: str = "good", *, stream: bool = False, **headers: Any) -> bytes:
    return request(body=body(prompt, stream=stream), host="localhost", **headers)


async def asked(found: Stage, prompt: str) -> None:
    """Until the upstream has been asked so."""
    await until(lambda: any(prompt in str(each.body) for each in found.upstream.asked))


def leaves(app: App) -> str:
    app.writer.close()
    return LEFT


def vanishes(app: App) -> str:
    """As a process that is killed with unread data."""
    link: socket.socket = app.writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    app.writer.transport.abort()
    return LEFT


async def leaves_in_the_head(found: Stage, app: App) -> str:
    await app.send(sent()[:60])
    return leaves(app)


async def leaves_in_the_body(found: Stage, app: App) -> str:
    await app.send(sent()[:-20])
    return leaves(app)


async def leaves_while_opening(found: Stage, app: App) -> str:
    await app.send(sent(SILENT))
    await asked(found, SILENT)
    return leaves(app)


async def leaves_while_opening_a_stream(found: Stage, app: App) -> str:
    await app.send(sent(SILENT, stream=True))
    await asked(found, SILENT)
    await app.head()  # with the first heartbeat
    return leaves(app)


async def leaves_after_the_first_event(found: Stage, app: App) -> str:
    await app.send(sent(HALFWAY, stream=True))
    await app.head()
    await app.chunk()
    return leaves(app)


async def leaves_in_mid_stream(found: Stage, app: App) -> str:
    await app.send(sent(BUSY, stream=True))
    await app.head()
    for _ in range(10):
        await app.chunk()
    return leaves(app)


async def vanishes_in_mid_stream(found: Stage, app: App) -> str:
    await app.send(sent(BUSY, stream=True))
    await app.head()
    await app.chunk()
    return vanishes(app)


async def leaves_a_whole_answer(found: Stage, app: App) -> str:
    await app.send(sent())
    await asked(found, "good")
    return leaves(app)


async def reads_late(found: Stage, app: App) -> str:
    """Nothing for two seconds, in which others are served, then all of it."""
    await app.send(sent(BUSY, stream=True))
    end = time.monotonic() + 2
    async with asyncio.timeout(20), found.local() as other:
        while time.monotonic() < end:
            assert await ask(other, "good", stream=True) == WHOLE
    reply = await app.reply()
    events = sse.Decoder().feed(reply.body)
    assert len(events) > FLOOD
    return outcome(reply)


async def never_reads_and_leaves(found: Stage, app: App) -> str:
    await app.send(sent(BUSY, stream=True))
    await asked(found, BUSY)
    await asyncio.sleep(1)
    return vanishes(app)


async def never_reads(found: Stage, app: App) -> str:
    """Until the proxy has given it up; then it looks what there is."""
    transport = app.writer.transport
    assert isinstance(transport, asyncio.Transport)
    transport.pause_reading()
    await app.send(sent(BUSY, stream=True))
    assert await until(lambda: "left its answer unread" in found.process.output, 30)
    transport.resume_reading()
    try:
        reply = await app.reply()
    except ConnectionError:
        return CLOSED
    return CLOSED if reply.broken and b"[DONE]" not in reply.body else outcome(reply)


async def drips(found: Stage, app: App) -> str:
    for part in parts(sent(), 8):
        await app.send(part)
        await asyncio.sleep(0.01)
    return outcome(await app.reply())


async def drips_chunks(found: Stage, app: App) -> str:
    data = request(body=body("good"), host="localhost", chunked=True)
    for part in parts(data, 8):
        await app.send(part)
        await asyncio.sleep(0.01)
    return outcome(await app.reply())


async def closes_its_side(found: Stage, app: App) -> str:
    await app.send(sent())
    app.writer.write_eof()
    try:
        return outcome(await app.reply())
    except asyncio.IncompleteReadError:
        return CLOSED


async def asks_twice_at_once(found: Stage, app: App) -> str:
    await app.send(sent() + sent(stream=True))
    first, second = outcome(await app.reply()), outcome(await app.reply())
    return first if first == second else f"{first}, then {second}"


def says(data: bytes) -> Behaviour:
    """An app that sends *data* and listens."""

    async def behaves(found: Stage, app: App) -> str:
        await app.send(data)
        try:
            reply = await app.reply()
        except (asyncio.IncompleteReadError, ConnectionError):
            return CLOSED
        if not reply.headers.get("content-type", "").startswith("application/json"):
            assert reply.status == 400
            return PAGE
        return outcome(reply)

    return behaves


LARGE = request(body=body("x" * 200_000), host="localhost")

APPS: Mapping[str, Behaviour] = {
    "leaves in the head of its request": leaves_in_the_head,
    "leaves in the body of its request": leaves_in_the_body,
    "leaves before there is an answer": leaves_while_opening,
    "leaves before the first event": leaves_while_opening_a_stream,
    "leaves after the first event": leaves_after_the_first_event,
    "leaves in mid-stream": leaves_in_mid_stream,
    "vanishes in mid-stream": vanishes_in_mid_stream,
    "leaves a whole answer unread": leaves_a_whole_answer,
    "never reads, and vanishes": never_reads_and_leaves,
    "never reads, and stays, for `stall_timeout`": never_reads,
    "reads nothing for 2 s, then 20,000 events": reads_late,
    "drips its request, 8 bytes at a time": drips,
    "drips its request in chunks": drips_chunks,
    "closes its side behind the request": closes_its_side,
    "asks twice at once on one connection": asks_twice_at_once,
    "sends more than `body_limit`": says(LARGE),
    "announces more than `body_limit`, and asks first": says(sent(expect="100-continue", content_length="200000")),
    "sends more than `body_limit` in chunks": says(request(body=body("x" * 200_000), host="localhost", chunked=True)),
    "announces less than it sends": says(sent(content_length="20")),
    "announces no length": says(request(body=body("good"), host="localhost", content_length="")),
    "announces a length that is none": says(sent(content_length="many")),
    "writes a chunk's length that is none": says(
        request(body=body("good"), host="localhost", chunked=True).replace(b"\r\n\r\n", b"\r\n\r\nz", 1)
    ),
    "speaks no HTTP": says(b"hello?\r\n\r\n"),
    "sends JSON with half a character": says(
        request(body=b'{"model": "gpt-4o", "messages": "\xf0\x9f"}', host="localhost")
    ),
    "nests its JSON 10,000 levels deep": says(request(body=b"[" * 10_000, host="localhost")),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("way", ["qwenproxy run", pytest.param("mitmdump -s", marks=pytest.mark.chaos)])
async def test_whatever_the_app_does(way: str, tmp_path: Path, confdir: Path) -> None:
    command, ready, times = WAYS[way]
    got: dict[str, dict[str, str]] = {}
    async with stage(
        tmp_path, confdir, command, SETTINGS, ready=ready, times=times, environ=watched(tmp_path)
    ) as found:
        await found.says(ordered)
        async with found.local() as app:
            assert await ask(app, BUSY, stream=True) == WHOLE
        before = await vitals(found.process, tmp_path)
        for name, behaves in APPS.items():
            async with found.local() as app:
                try:
                    got[name] = {"gets": await behaves(found, app)}
                except TimeoutError:
                    got[name] = {"gets": "nothing in time"}
            if kept := await recovered(found.process, tmp_path, before):
                got[name] = {"gets": kept}
            async with found.local() as app:
                assert await ask(app, "good", stream=True) == WHOLE, f"behind {name}"
            await found.says(ordered)
        assert not found_in(found.process.output.encode())
    settle("apps", got, {LEFT, CLOSED, PAGE})
