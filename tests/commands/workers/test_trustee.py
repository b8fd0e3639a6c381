"""What apps are told for a worker that was killed, whatever it was about to say."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from qwenproxy import sse
from qwenproxy.commands.workers.trustee import Room, Settled, Trustee
from qwenproxy.flows.accounts import PLACE
from qwenproxy.flows.ledger import Account, Ledger, Owed
from tests.support.clients import HELLO, App, Reply, connected, request, trusting
from tests.support.clock import until
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE
from tests.support.sending import pair
from tests.support.sockets import upgraded
from tests.support.stage import ANSWER, DONE, event
from tests.support.trusted import Trusted, trusted
from tests.support.upstream import STREAM_HEAD, Connection, Upstream, upstream, whole

STREAMED = HELLO | {"stream": True}
PROMPT = {"model": "gpt-3.5-turbo-instruct", "prompt": "hello", "stream": True}
INPUT = {"model": "gpt-4o", "input": "hello", "stream": True}


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mitmproxy")


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(whole(ANSWER)) as found:
        yield found


@pytest.fixture
async def found(qwen: Upstream, confdir: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Trusted]:
    authority(confdir)
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none"}
    async with trusted(environ, confdir, monkeypatch, modes=(REVERSE, REGULAR)) as found:
        yield found


async def silent(connection: Connection) -> None:
    await connection.gone()


async def half(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


async def all_but_the_end(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one", "stop") + DONE)
    await connection.gone()


async def flood(connection: Connection) -> None:
    await connection.send(STREAM_HEAD)
    for _ in range(100):
        await connection.send(event("word " * 50_000))
    await connection.gone()


async def begun(app: App, body: Any, path: str = "/v1/chat/completions") -> Reply:
    """A stream whose first word is there."""
    await app.send(request(path=path, body=body))
    reply = await app.head()
    while b"one" not in reply.body:
        reply.body += await app.chunk()
    return reply


def held(found: Trusted, number: int) -> Any:
    return until(lambda: found.room.taken == number)


async def test_a_request_that_waits_gets_a_whole_answer(found: Trusted, qwen: Upstream) -> None:
    qwen.replies[:] = [silent]
    async with connected(found.port) as app:
        await app.send(request(body=HELLO))
        assert await held(found, 1)
        assert found.trustee.settle() == Settled(told=1, cut=0)
        reply = await app.reply()
        assert (reply.broken, reply.error) == (False, (502, "proxy_worker_gone"))
        assert reply.headers["connection"] == "close"
        assert await app.ended()


async def test_so_does_one_whose_body_is_on_its_way(found: Trusted, qwen: Upstream) -> None:
    async with connected(found.port) as app:
        await app.send(request(body=HELLO)[:-1])
        assert await held(found, 1)
        assert found.trustee.settle() == Settled(told=1, cut=0)
        assert (await app.reply()).error == (502, "proxy_worker_gone")
    assert qwen.asked == []


async def test_so_does_one_that_may_go_on_and_whose_body_has_not_come(found: Trusted) -> None:
    """The head that has been sent is not that of its answer."""
    async with connected(found.port) as app:
        await app.send(request(body=HELLO, expect="100-continue").partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
        assert (await app.head()).status == 100
        assert found.trustee.settle() == Settled(told=1, cut=0)
        assert (await app.reply()).error == (502, "proxy_worker_gone")


async def test_so_does_the_second_one_on_a_connection(found: Trusted, qwen: Upstream) -> None:
    qwen.replies[:] = [whole(ANSWER), silent]
    async with connected(found.port) as app:
        assert (await app.ask(body=HELLO)).status == 200
        await app.send(request(body=HELLO))
        assert await until(lambda: len(qwen.asked) == 2)
        assert found.trustee.settle() == Settled(told=1, cut=0)
        assert (await app.reply()).error == (502, "proxy_worker_gone")


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/v1/chat/completions", STREAMED), ("/v1/completions", PROMPT), ("/v1/responses", INPUT)],
)
async def test_a_stream_gets_one_error_event_and_its_end(found: Trusted, qwen: Upstream, path: str, asked: Any) -> None:
    qwen.replies[:] = [half]
    async with connected(found.port) as app:
        reply = await begun(app, asked, path)
        assert found.trustee.settle() == Settled(told=1, cut=0)
        payloads = sse.Decoder().feed(reply.body + await app._body(reply.headers))
        assert [b'"proxy_worker_gone"' in each for each in payloads].count(True) == 1
        assert b'"proxy_worker_gone"' in payloads[-1]
        assert await app.ended()


async def test_one_that_is_not_framed_gets_it_too(found: Trusted, qwen: Upstream) -> None:
    qwen.replies[:] = [half]
    async with connected(found.port) as app:
        await app.send(request(body=STREAMED).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        await app.head()
        body = await app.reader.readuntil(b'"one"')
        assert await held(found, 1)
        assert found.trustee.settle() == Settled(told=1, cut=0)
        async with asyncio.timeout(10):
            body += await app.reader.read(-1)
        assert body.count(b'"proxy_worker_gone"') == 1
        assert body.endswith(b"}}\n\n")


async def test_a_stream_through_the_https_proxy_in_plain_http_gets_it_too(found: Trusted, qwen: Upstream) -> None:
    qwen.replies[:] = [half]
    async with connected(found.running.ports[1]) as app:
        await begun(app, STREAMED, "http://api.openai.com/v1/chat/completions")
        assert found.trustee.settle() == Settled(told=1, cut=0)


async def test_a_heartbeat_is_one_of_the_pieces(qwen: Upstream, confdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    qwen.replies[:] = [silent]
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_HEARTBEAT": "0.1"}
    authority(confdir)
    async with trusted(environ, confdir, monkeypatch) as found, connected(found.port) as app:
        await app.send(request(body=STREAMED))
        reply = await app.head()
        for _ in range(3):
            assert await app.chunk() == sse.KEEP_ALIVE
        assert found.trustee.settle() == Settled(told=1, cut=0)
        assert b'"proxy_worker_gone"' in await app._body(reply.headers)


async def test_an_app_that_does_not_read_is_cut_off(found: Trusted, qwen: Upstream) -> None:
    """Nothing is written into the middle of what its connection has not taken yet."""
    qwen.replies[:] = [flood]
    async with connected(found.port) as app:
        await app.send(request(body=STREAMED))
        reply = await app.head()
        (handler,) = found.connections.values()
        writer = handler.transports[handler.client].writer
        assert isinstance(writer, asyncio.StreamWriter)
        assert await until(lambda: writer.transport.get_write_buffer_size() > 0)
        assert found.trustee.settle() == Settled(told=0, cut=1)
        with pytest.raises(asyncio.IncompleteReadError) as ended:
            await app._body(reply.headers)
        assert b"proxy_worker_gone" not in ended.value.partial


async def test_an_idle_connection_is_closed_and_no_loss(found: Trusted) -> None:
    async with connected(found.port) as app:
        assert (await app.ask(body=HELLO)).status == 200
        assert await held(found, 1)
        assert found.trustee.settle() == Settled(0, 0)
        assert await app.reader.read() == b""


async def test_a_whole_stream_is_one(found: Trusted, qwen: Upstream) -> None:
    """Its upstream has yet to close, and it is over all the same."""
    qwen.replies[:] = [all_but_the_end]
    async with connected(found.port) as app:
        reply = await app.ask(body=STREAMED)
        assert reply.body.endswith(sse.DONE)
        assert await held(found, 1)
        assert found.trustee.settle() == Settled(0, 0)


async def test_a_websocket_is_closed_and_told_why(found: Trusted, qwen: Upstream) -> None:
    qwen.replies[:] = [half]
    async with connected(found.port) as app:
        ws = await upgraded(app)
        await ws.create()
        while (await ws.next())["type"] != "response.output_text.delta":
            pass
        assert found.trustee.settle() == Settled(told=1, cut=0)
        assert (await ws.closed())[0] == 1011


async def test_what_is_encrypted_is_not_its_to_hold(found: Trusted, qwen: Upstream, confdir: Path) -> None:
    async with connected(found.port) as app:
        await app.writer.start_tls(trusting(authority(confdir), "http/1.1"), server_hostname="api.openai.com")
        assert (await app.ask(body=HELLO)).status == 200
        assert found.trustee.settle() == Settled(0, 0)
        assert (await app.ask(body=HELLO)).status == 200
    assert found.room.taken == 0


class Played:
    """A worker that the test plays: it has a trustee, one of those of *room*."""

    def __init__(self, room: Room) -> None:
        self.trustee = Trustee(room)
        with self.trustee.passing() as own:
            self.ledger = Ledger(own["ledger"])
            self._channel = socket.socket(fileno=os.dup(own["channel"]))

    def __enter__(self) -> "Played":
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self.trustee.settle()

    def passes(self, place: int, connection: socket.socket) -> Account:
        socket.send_fds(self._channel, [PLACE.pack(place)], [connection.fileno()])
        return Account(self.ledger.words, place, 0)

    def frees(self, place: int) -> None:
        self._channel.send(PLACE.pack(place))


async def test_one_that_was_killed_as_it_wrote_is_not_continued() -> None:
    """It has noted what it was about to write, and has not written all of it."""
    with Played(Room(9)) as worker, pair() as (ours, its):
        account = worker.passes(3, ours)
        account.owe(Owed.EVENTS)
        account.sends(10)
        ours.send(b"12345")
        ours.close()
        assert worker.trustee.settle() == Settled(told=0, cut=1)
        assert its.recv(100) == b"12345"
        assert its.recv(100) == b""


async def test_connections_are_held_until_their_places_are_free_and_no_longer() -> None:
    room = Room(9)
    with Played(room) as worker, pair() as (first, firsts), pair() as (second, seconds):
        worker.passes(3, first).owe(Owed.ANSWER)
        assert await until(lambda: room.taken == 1)
        first.close()
        worker.frees(3)
        assert await until(lambda: room.taken == 0)
        assert firsts.recv(100) == b""
        worker.passes(3, second).owe(Owed.ANSWER)
        worker.trustee.settle()
        assert seconds.recv(12) == b"HTTP/1.1 502"
        assert room.taken == 0


async def test_a_request_that_was_not_even_read_is_answered_too() -> None:
    """And the answer arrives: the connection is not reset over what was not read."""
    with Played(Room(9)) as worker, pair() as (ours, its):
        worker.passes(0, ours).owe(Owed.NOTHING)
        its.sendall(request(body=HELLO) + b"x" * 100_000)
        ours.close()
        assert worker.trustee.settle() == Settled(told=1, cut=0)
        told = b"".join(iter(lambda: its.recv(65536), b""))
        assert told.startswith(b"HTTP/1.1 502")
        assert b"proxy_worker_gone" in told


async def test_what_was_said_just_before_the_end_is_heard() -> None:
    with Played(Room(9)) as worker, pair() as (ours, _):
        worker.passes(0, ours).owe(Owed.ANSWER)
        assert worker.trustee.settle() == Settled(told=1, cut=0)
        assert worker.trustee.settle() == Settled(0, 0), "once is enough"


async def test_an_app_that_has_left_is_not_told() -> None:
    with Played(Room(9)) as worker, pair() as (ours, its):
        worker.passes(0, ours).owe(Owed.ANSWER)
        its.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        its.close()
        assert worker.trustee.settle() == Settled(told=0, cut=1)


async def test_one_whose_worker_cannot_be_started_holds_nothing() -> None:
    trustee = Trustee(Room(9))
    with pytest.raises(OSError, match="no room"), trustee.passing() as own:
        raise OSError("no room")
    assert own["ledger"] > 0
    for each in own.values():
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(each)


async def test_so_many_are_held_for_all_workers_and_the_log_says_once_that_there_are_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    room = Room(2)
    with Played(room) as one, Played(room) as two, pair() as (ours, _):
        for worker in (one, two):
            worker.passes(0, ours).owe(Owed.NOTHING)
            worker.passes(1, ours).owe(Owed.ANSWER)
            assert await until(lambda: room.taken == 2)
        two.passes(1, ours)
        two.trustee.settle()
        assert room.taken == 2
        one.frees(0)
        assert await until(lambda: room.taken == 1)
    assert room.taken == 0
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("more than 2 connections")
