"""The worker's side: its launcher may be slow or gone, and no app must notice; a connection ends when it ends."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest
from mitmproxy import http

from qwenproxy.flows.accounts import AT_ONCE, PLACE, accounts, owed_of
from qwenproxy.flows.ledger import Owed
from qwenproxy.record import Record
from tests.support.clients import HELLO, App, connected, request
from tests.support.clock import until
from tests.support.proxy import proxy
from tests.support.trusted import Trusted, trusted
from tests.support.upstream import Upstream

type Start = Callable[..., AbstractAsyncContextManager[Trusted]]


@pytest.fixture
def environ(qwen: Upstream) -> dict[str, str]:
    return {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none"}


@pytest.fixture
def start(environ: dict[str, str], confdir: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    return lambda *, attended=True: trusted(environ, confdir, monkeypatch, attended=attended)


async def served(app: App) -> None:
    assert (await app.ask(body=HELLO)).status == 200


@asynccontextmanager
async def asking(port: int) -> AsyncIterator[App]:
    """An app that has had an answer."""
    async with connected(port) as app:
        await served(app)
        yield app


def fill(channel: socket.socket) -> int:
    """Say what means nothing until nobody takes any more of it; how often."""
    for times in range(1_000_000):
        try:
            channel.send(PLACE.pack(999))
        except BlockingIOError:
            return times
    raise AssertionError("it is never full")


def heard(channel: socket.socket) -> list[tuple[int, int]]:
    """What there is to hear: each place, and how many connections come with it."""
    found: list[tuple[int, int]] = []
    with suppress(BlockingIOError):
        while True:
            message, files, _, _ = socket.recv_fds(channel, PLACE.size * AT_ONCE, 1)
            for each in files:
                socket.close(each)
            found += [(place, len(files)) for (place,) in PLACE.iter_unpack(message)]
    return found


@pytest.mark.parametrize(
    ("endpoint", "owed"),
    [
        ("chat", Owed.EVENTS),
        ("completions", Owed.EVENTS),
        ("responses", Owed.RESPONSE_EVENTS),
        ("response", Owed.RESPONSE_EVENTS),
        ("embeddings", Owed.PART),
    ],
)
def test_what_a_stream_owes_is_by_its_endpoint(endpoint: str, owed: Owed) -> None:
    record = Record("req_1", "POST", endpoint, lambda: 0.0)
    chunked = http.Response.make(headers={"transfer-encoding": "chunked"})
    assert owed_of(record, chunked) == owed
    assert owed_of(record, http.Response.make()) == owed | Owed.BARE
    assert owed_of(None, chunked) == Owed.PART


async def test_a_connection_is_passed_on_once_and_told_of_at_its_end(start: Start) -> None:
    async with start(attended=False) as found:
        launchers = found.trustee._channel
        async with asking(found.port) as app:
            await served(app)
            assert heard(launchers) == [(0, 1)]
            async with asking(found.port):
                assert heard(launchers) == [(1, 1)]
        told: list[tuple[int, int]] = []
        while len(told) < 2:
            told += heard(launchers)
            await asyncio.sleep(0.01)
        assert sorted(told) == [(0, 0), (1, 0)]
        async with asking(found.port):
            assert heard(launchers) in ([(0, 1)], [(1, 1)]), "a place is used again"


async def test_one_on_which_nobody_asks_is_not_passed_on(start: Start) -> None:
    async with start(attended=False) as found, connected(found.port) as app:
        await app.send(request(body=HELLO).partition(b"\r\n\r\n")[0])
        async with asking(found.port):
            assert len(heard(found.trustee._channel)) == 1


async def test_an_app_sees_the_end_though_the_launcher_still_holds_the_connection(start: Start) -> None:
    """Nobody takes what the launcher is told: the connection stays open there."""
    async with start(attended=False) as found, connected(found.port) as app:
        assert (await app.ask(body=HELLO, connection="close")).status == 200
        async with asyncio.timeout(5):
            assert await app.reader.read() == b""


async def test_a_launcher_that_is_slow_holds_up_nobody(start: Start) -> None:
    async with start(attended=False) as found:
        launchers = found.trustee._channel
        async with asking(found.port):
            assert heard(launchers) == [(0, 1)]
            times = fill(found.channel)
        async with asking(found.port) as app:
            assert heard(launchers) == [(999, 0)] * times, "neither the end of the first one, nor the second one"
            assert await until(lambda: heard(launchers) == [(0, 0)])
            await served(app)
            assert heard(launchers) == [(0, 1)], "now there is room for it, and a place"


async def test_a_launcher_that_is_gone_leaves_no_trace(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    async with start() as found:
        async with asking(found.port):
            found.trustee.settle()
        async with asking(found.port) as app:
            await served(app)
    assert not caplog.records


async def test_without_a_launcher_nothing_is_kept(environ: dict[str, str], confdir: Path) -> None:
    async with proxy(environ, confdir) as running, asking(running.ports[0]):
        (handler,) = running.master.addons.get("proxyserver").connections.values()
        assert accounts._ledger is None
        (http1,) = handler.layer.context.layers[1].connections.values()
        assert http1.account is None
