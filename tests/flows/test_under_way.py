"""Which of the apps' connections are idle, and which visits are under way: over HTTP/1.1, HTTP/2 and a tunnel."""

import asyncio
from pathlib import Path

from mitmproxy.addons.proxyserver import Proxyserver

from qwenproxy.flows import under_way
from tests.support.clients import HELLO, App2, connected, request, trusting, tunnelled
from tests.support.clock import until
from tests.support.original import original
from tests.support.processes import authority
from tests.support.proxy import Running
from tests.support.stage import ANSWER
from tests.support.upstream import Connection, Upstream, whole


class Gate:
    """An upstream that answers when it is opened."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        await self.open.wait()
        await connection.send(whole(ANSWER))


def server_of(running: Running) -> Proxyserver:
    found = running.master.addons.get("proxyserver")
    assert isinstance(found, Proxyserver)
    return found


def busy(running: Running) -> list[bool]:
    return [under_way.is_busy(each.layer) for each in under_way.open_ones(server_of(running))]


def open_visits(running: Running) -> int:
    return len(under_way.visits(server_of(running)))


async def test_a_connection_is_busy_from_a_request_to_its_answer(running: Running, qwen: Upstream) -> None:
    qwen.replies[:] = [gate := Gate()]
    async with connected(running.ports[0]) as app:
        assert await until(lambda: busy(running) == [False])
        asking = asyncio.ensure_future(app.ask(body=HELLO))
        assert await until(lambda: bool(qwen.asked))
        assert (busy(running), open_visits(running)) == ([True], 1)
        under_way.close_idle(server_of(running), 0)
        gate.open.set()
        assert (await asking).status == 200
        assert await until(lambda: busy(running) == [False])
        under_way.close_idle(server_of(running), 60)
        assert (await app.ask(body=HELLO)).status == 200, "it has not been silent for long"
        under_way.close_idle(server_of(running), 0)
        assert await app.ended()
    assert await until(lambda: busy(running) == [])


async def test_a_request_in_the_making_keeps_its_connection(running: Running) -> None:
    sent = request(body=HELLO)
    async with connected(running.ports[0]) as app:
        await app.send(sent[:-5])
        assert await until(lambda: busy(running) == [True])
        under_way.close_idle(server_of(running), 0)
        await app.send(sent[-5:])
        assert (await app.reply()).status == 200


async def test_every_stream_of_a_connection_counts(running: Running, qwen: Upstream, confdir: Path) -> None:
    qwen.replies[:] = [gate := Gate()]
    async with tunnelled(running.ports[1], "api.openai.com:443", trusting(authority(confdir), "h2")) as app:
        http = App2(app)
        streams = [await http.send(HELLO), await http.send(HELLO)]
        assert await until(lambda: len(qwen.asked) == 2)
        assert (busy(running), open_visits(running)) == ([True], 2)
        gate.open.set()
        await http.until(lambda: all(stream.ended for stream in streams))
        assert await until(lambda: (busy(running), open_visits(running)) == ([False], 0))


async def test_a_tunnel_that_is_relayed_unread_is_idle_when_it_is_silent(running: Running) -> None:
    async with original() as other, tunnelled(running.ports[1], f"127.0.0.1:{other.port}") as app:
        await app.send(b"\x16\x03\x01\x00\x05hello")
        assert busy(running) == [False]
        under_way.close_idle(server_of(running), 0)
        assert await app.ended()
