"""The end of a process: what is under way is answered, what is new comes elsewhere, what is late is told so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.flows import draining
from qwenproxy.flows.door import door
from tests.flows.test_under_way import Gate, server_of
from tests.support.clients import HELLO, App, App2, Reply, connected, request, trusting, tunnelled
from tests.support.clock import until
from tests.support.processes import authority
from tests.support.proxy import Running, proxy
from tests.support.stage import ANSWER, DONE, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Upstream, whole

STREAMED = HELLO | {"stream": True}
LONG = 30.0


@asynccontextmanager
async def drained(running: Running, limit: float = LONG) -> AsyncIterator[asyncio.Event]:
    """While it drains, once it has stopped to listen; at the end it must be over.  Yields what hurries it."""
    hurry = asyncio.Event()
    server = server_of(running)
    task = asyncio.ensure_future(draining.drain(server, running.addon.traffic, limit, hurry))
    assert await until(lambda: not any(each.is_running for each in server.servers))
    yield hurry
    async with asyncio.timeout(10):
        await task


async def half(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


async def begun(app: App, reply: Reply) -> Reply:
    """The rest of an answer whose head is there."""
    reply.body = await app._body(reply.headers)
    return reply


async def test_nothing_to_wait_for_is_over_at_once(running: Running) -> None:
    async with asyncio.timeout(1), drained(running):
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", running.ports[0])


async def test_what_is_under_way_is_answered_and_the_connection_closed(running: Running, qwen: Upstream) -> None:
    qwen.replies[:] = [gate := Gate()]
    async with connected(running.ports[0]) as app:
        asking = asyncio.ensure_future(app.ask(body=HELLO))
        assert await until(lambda: bool(qwen.asked))
        async with drained(running):
            gate.open.set()
            reply = await asking
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await app.ended()


async def test_a_stream_goes_on_to_its_end(running: Running, qwen: Upstream) -> None:
    go_on = asyncio.Event()

    async def slowly(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        await go_on.wait()
        await connection.send(event("two", "stop") + DONE + STREAM_END)

    qwen.replies[:] = [slowly]
    async with connected(running.ports[0]) as app:
        reply = await answered(app)
        async with drained(running):
            go_on.set()
            assert (await begun(app, reply)).body.endswith(b"data: [DONE]\n\n")
            assert await app.ended()


async def answered(app: App) -> Reply:
    """The head of a streamed answer."""
    await app.send(request(body=STREAMED))
    return await app.head()


async def test_a_request_on_a_kept_connection_is_answered_and_the_last_one(running: Running) -> None:
    async with connected(running.ports[0]) as app:
        assert "connection" not in (await app.ask(body=HELLO)).headers
        async with drained(running):
            reply = await app.ask(body=HELLO)
            assert (reply.status, reply.headers["connection"]) == (200, "close")
            assert await app.ended()


async def test_http2_goes_away_with_its_last_stream(running: Running, qwen: Upstream, confdir: Path) -> None:
    gate = Gate()
    qwen.replies[:] = [gate, whole(ANSWER)]
    async with tunnelled(running.ports[1], "api.openai.com:443", trusting(authority(confdir), "h2")) as app:
        http = App2(app)
        first = await http.send(HELLO)
        assert await until(lambda: bool(qwen.asked))
        async with drained(running):
            second = await http.send(HELLO)
            await http.until(lambda: second.ended)
            assert not http.told_to_go
            gate.open.set()
            await http.until(lambda: http.told_to_go)
            assert [each.headers[":status"] for each in (first, second)] == ["200", "200"]
            assert first.ended
            assert await app.ended()


@pytest.mark.parametrize(
    ("path", "body", "before"),
    [
        ("/v1/chat/completions", STREAMED, b"one"),
        ("/v1/responses", {"model": "gpt-4o", "input": "hello", "stream": True}, b"one"),
        ("/v1/completions", {"model": "gpt-4o", "prompt": "hello", "stream": True}, b"one"),
    ],
    ids=["chat", "responses", "completions"],
)
async def test_a_stream_that_is_late_ends_in_one_clear_error(
    running: Running, qwen: Upstream, path: str, body: object, before: bytes
) -> None:
    qwen.replies[:] = [half]
    async with connected(running.ports[0]) as app:
        asking = asyncio.ensure_future(app.ask(path=path, body=body))
        assert await until(lambda: running.addon.traffic.under_way == 1 and bool(qwen.asked))
        await asyncio.sleep(0.05)
        async with drained(running, limit=0.2):
            reply = await asking
    assert (reply.status, reply.broken) == (200, False)
    assert before in reply.body
    assert reply.body.count(b"proxy_stopping") >= 1
    assert reply.body.count(b"setting drain_timeout") >= 1
    assert b"[DONE]" not in reply.body
    assert b"response.completed" not in reply.body


async def test_an_answer_that_is_late_is_an_error_that_says_when_to_ask_again(running: Running, qwen: Upstream) -> None:
    qwen.replies[:] = [Gate()]
    async with connected(running.ports[0]) as app:
        asking = asyncio.ensure_future(app.ask(body=HELLO))
        assert await until(lambda: bool(qwen.asked))
        async with drained(running, limit=0):
            reply = await asking
    assert reply.error == (503, "proxy_stopping")
    assert (reply.headers["retry-after"], reply.headers["x-should-retry"]) == ("1", "true")
    assert reply.headers["connection"] == "close"


async def test_who_is_in_a_hurry_waits_for_nothing(running: Running, qwen: Upstream) -> None:
    qwen.replies[:] = [half]
    async with connected(running.ports[0]) as app:
        await answered(app)
        async with asyncio.timeout(2), drained(running) as hurry:
            hurry.set()


async def test_the_next_proxy_of_a_process_keeps_its_connections(confdir: Path, qwen: Upstream) -> None:
    door.parting = True
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none"}
    async with proxy(environ, confdir) as found, connected(found.ports[0]) as app:
        assert "connection" not in (await app.ask(body=HELLO)).headers
