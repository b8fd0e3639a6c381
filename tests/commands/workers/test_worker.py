"""A worker, started as its launcher starts it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.commands.workers import process
from qwenproxy.commands.workers.listeners import Listener, bound
from qwenproxy.commands.workers.process import NotStarted, Worker
from tests.support.clients import HELLO, connected
from tests.support.launched import gone
from tests.support.processes import clean
from tests.support.stage import ANSWER
from tests.support.upstream import upstream, whole


@asynccontextmanager
async def hired(home: Path, left: Sequence[int] = (0, 0), **settings: str) -> AsyncIterator[tuple[Worker, Listener]]:
    """One worker, and the listener that it is given."""
    listener = bound("127.0.0.1", 0)
    arguments = {"host": "127.0.0.1", "port": listener.port, "no_port": False, "no_proxy_port": True}
    arguments |= {"ui": "none", "config": None, "sets": [f"confdir={home / 'mitmproxy'}"]}
    files = [each.fileno() for each in listener.sockets]
    order = {"arguments": arguments, "listeners": [(listener.host, listener.port, files)], "left": left}
    worker = await process.start(1, order, listener.sockets, clean(home, **settings))
    try:
        yield worker, listener
    finally:
        worker.kill()
        await worker.ended()
        listener.close()


async def test_it_serves_what_it_is_given_and_ends_when_told(tmp_path: Path) -> None:
    async with (
        upstream(whole(ANSWER)) as qwen,
        hired(tmp_path, upstream=qwen.base_url, auth="none", drain_timeout="7") as (worker, listener),
    ):
        await worker.ready()
        here = f"reverse=http://127.0.0.1:{listener.port}"
        assert worker.facts == {"listening": here, "drain_timeout": 7.0, "log_format": "text"}
        async with connected(listener.port) as app:
            assert (await app.ask(body=HELLO)).status == 200
        assert await worker.count() == 0
        await worker.end("quit")
        assert await worker.ended() == 0


async def test_what_others_have_left_behind_it_counts(tmp_path: Path) -> None:
    async with (
        upstream(whole(ANSWER)) as qwen,
        hired(tmp_path, left=[3, 1], upstream=qwen.base_url, auth="none") as (worker, listener),
    ):
        await worker.ready()
        async with connected(listener.port) as app:
            figures = (await app.ask("GET", "/metrics", host="localhost")).body
    assert b'qwenproxy_answers_left_total{outcome="told"} 3.0\n' in figures
    assert b'qwenproxy_answers_left_total{outcome="cut"} 1.0\n' in figures


async def test_without_its_launcher_it_ends(tmp_path: Path) -> None:
    async with hired(tmp_path, auth="none") as (worker, _):
        await worker.ready()
        worker._out.close()
        assert await gone(worker.pid)


async def test_what_it_cannot_share_it_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async with hired(tmp_path, auth="none", state="memory") as (worker, _):
        with pytest.raises(NotStarted, match="status 2"):
            await worker.ready()
    assert capfd.readouterr().err.startswith("qwenproxy run: state = memory: several workers cannot share it")
