"""A piece goes the shortest way where nothing lies between, and no app can tell by its bytes or their order."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.proxy import server
from mitmproxy.proxy.layers import http as layers
from mitmproxy.proxy.layers.http import _http1

from qwenproxy import sse
from qwenproxy.flows import fit, live, shortcut
from tests.support.clients import HELLO, App, App2, connected, request, trusting, tunnelled
from tests.support.processes import authority
from tests.support.proxy import Running
from tests.support.simulated import until
from tests.support.stage import ANSWER, DONE, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Upstream, upstream, whole

STREAMED = HELLO | {"stream": True}
WORDS = [f"word {number}" for number in range(20)]


async def wordy(connection: Connection) -> None:
    """An answer of many pieces, each of which goes on by itself."""
    await connection.send(STREAM_HEAD)
    for word in WORDS:
        await connection.send(event(word))
        await asyncio.sleep(0.001)
    await connection.send(event("", "stop") + DONE + STREAM_END)


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(wordy) as found:
        yield found


class Layers:
    """How many pieces mitmproxy's HTTP/1 layer was given to write."""

    def __init__(self) -> None:
        self.pieces = 0


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Layers:
    counted, send = Layers(), _http1.Http1Server.send

    def counting(self: _http1.Http1Server, event: Any) -> Iterator[Any]:
        counted.pieces += isinstance(event, layers.ResponseData)
        yield from send(self, event)

    monkeypatch.setattr(_http1.Http1Server, "send", counting)
    return counted


def said(body: bytes) -> list[str]:
    """The words in a streamed answer, which must be whole."""
    assert body.endswith(sse.DONE)
    return [word for word in WORDS if b'"%s"' % word.encode() in body]


@asynccontextmanager
async def encrypted(running: Running, confdir: Path) -> AsyncIterator[App]:
    async with connected(running.ports[0]) as app:
        await app.writer.start_tls(trusting(authority(confdir), "http/1.1"), server_hostname="api.openai.com")
        yield app


async def test_over_plain_http_no_piece_goes_through_the_layers(running: Running, through: Layers) -> None:
    async with connected(running.ports[0]) as app:
        reply = await app.ask(body=STREAMED)
    assert (reply.broken, said(reply.body), through.pieces) == (False, WORDS, 0)


async def test_nor_does_it_for_a_plain_request_to_the_https_proxy(running: Running, through: Layers) -> None:
    async with connected(running.ports[1]) as app:
        reply = await app.ask(path="http://api.openai.com/v1/chat/completions", body=STREAMED)
    assert (reply.broken, said(reply.body), through.pieces) == (False, WORDS, 0)


async def test_over_tls_every_piece_does(running: Running, confdir: Path, through: Layers) -> None:
    async with encrypted(running, confdir) as app:
        reply = await app.ask(body=STREAMED)
    assert (reply.broken, said(reply.body)) == (False, WORDS)
    assert through.pieces >= len(WORDS)


@pytest.mark.parametrize("tls", [True, False])
async def test_in_a_tunnel_every_piece_does(running: Running, confdir: Path, through: Layers, tls: bool) -> None:
    trust = trusting(authority(confdir), "http/1.1") if tls else None
    async with tunnelled(running.ports[1], "api.openai.com:443", trust) as app:
        reply = await app.ask(body=STREAMED)
    assert (reply.broken, said(reply.body)) == (False, WORDS)
    assert through.pieces >= len(WORDS)


async def test_over_http2_they_come_all_the_same(running: Running, confdir: Path) -> None:
    async with connected(running.ports[0]) as app:
        await app.writer.start_tls(trusting(authority(confdir), "h2"), server_hostname="api.openai.com")
        reply = await App2(app).ask(STREAMED)
    assert (reply.broken, said(reply.body)) == (False, WORDS)


async def test_requests_that_are_sent_ahead_are_answered_one_after_the_other(running: Running, qwen: Upstream) -> None:
    qwen.replies[:] = [wordy, whole(ANSWER), wordy]
    async with connected(running.ports[0]) as app:
        await app.send(request(body=STREAMED) + request(body=HELLO) + request(body=STREAMED))
        first, second, third = [await app.reply() for _ in range(3)]
    assert said(first.body) == said(third.body) == WORDS
    assert second.json["choices"][0]["message"]["content"] == "Hi"


async def test_to_an_app_of_http_1_0_a_piece_is_not_framed(running: Running, through: Layers) -> None:
    async with connected(running.ports[0]) as app:
        await app.send(request(body=STREAMED).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert "transfer-encoding" not in (await app.head()).headers
        async with asyncio.timeout(10):
            body = await app.reader.read(-1)
    assert (said(body), through.pieces) == (WORDS, 0)
    assert body.startswith(b"data: ")


class Meddler:
    """A foreign addon, with a hand on the flow whose answer has just begun."""

    def __init__(self, *, holds: bool = False) -> None:
        self.flow: http.HTTPFlow | None = None
        self._holds = holds

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        self.flow = flow
        if self._holds:
            flow.intercept()


async def test_a_flow_that_is_killed_ends_there_and_its_call_with_it(running: Running, qwen: Upstream) -> None:
    gone, go_on = asyncio.Event(), asyncio.Event()

    async def reply(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        await go_on.wait()
        await connection.send(event("two"))
        await connection.gone()
        gone.set()

    qwen.replies[:] = [reply]
    running.master.addons.add(meddler := Meddler())
    async with connected(running.ports[0]) as app:
        await app.send(request(body=STREAMED))
        await app.head()
        while b'"one"' not in await app.chunk():
            pass
        assert meddler.flow is not None
        meddler.flow.kill()
        go_on.set()
        with pytest.raises(asyncio.IncompleteReadError) as ended:
            await app.chunk()
        assert b'"two"' not in ended.value.partial
        async with asyncio.timeout(10):
            await gone.wait()


async def test_a_flow_that_is_held_up_goes_on_from_its_beginning(running: Running) -> None:
    running.master.addons.add(meddler := Meddler(holds=True))
    async with connected(running.ports[0]) as app:
        await app.send(request(body=STREAMED))
        assert await until(lambda: meddler.flow is not None)
        assert meddler.flow is not None
        meddler.flow.resume()
        assert said((await app.reply()).body) == WORDS


async def test_a_connection_in_use_is_not_taken_for_an_idle_one(running: Running, qwen: Upstream) -> None:
    """mitmproxy closes connections on which nothing happens for `tcp_timeout` seconds: pieces are what happens."""
    running.master.options.update(tcp_timeout=1)

    async def slow(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        for word in WORDS[:8]:
            await connection.send(event(word))
            await asyncio.sleep(0.3)
        await connection.send(event("", "stop") + DONE + STREAM_END)

    qwen.replies[:] = [slow]
    async with connected(running.ports[0]) as app:
        reply = await app.ask(body=STREAMED)
    assert (reply.broken, said(reply.body)) == (False, WORDS[:8])


def test_mitmproxy_is_the_one_that_this_was_written_for() -> None:
    assert shortcut.bent() == []


@pytest.mark.parametrize(
    ("owner", "name", "value", "told"),
    [
        (_http1.Http1Server, "send", lambda self, event: iter(()), "Http1Server.send"),
        (server.ConnectionHandler, "__annotations__", {}, "ConnectionHandler.transports"),
        (server.ConnectionIO, "__annotations__", {}, "ConnectionIO.writer"),
        (server.TimeoutWatchdog, "register_activity", lambda self, now: None, "register_activity"),
    ],
)
def test_another_one_is_refused(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, value: Any, told: str) -> None:
    monkeypatch.setattr(layers, "HttpStream", live.LiveStream.__mro__[1])
    monkeypatch.setattr(owner, name, value)
    with pytest.raises(fit.Misfit, match=told):
        fit.check()
