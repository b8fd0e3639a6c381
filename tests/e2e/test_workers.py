"""`qwenproxy run --workers`: several processes, and to the world one proxy."""

import asyncio
import os
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest

from qwenproxy.commands.workers import standing
from tests.support.clients import HELLO, connected
from tests.support.clock import until
from tests.support.fleet import fleet
from tests.support.launched import gone, has_ended
from tests.support.processes import QWENPROXY, clean, running
from tests.support.streams import Slow, Streams, busy
from tests.support.upstream import Upstream, upstream


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
async def qwen(slow: Slow) -> AsyncIterator[Upstream]:
    async with upstream(slow) as found:
        yield found


async def ask(port: int) -> int:
    async with connected(port) as app:
        return (await app.ask(body=HELLO)).status


def environ_of(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")


def killed_first(pid: int) -> int:
    """How much the kernel would rather end *pid* than others, where memory runs out."""
    return int(Path(f"/proc/{pid}/oom_score_adj").read_text())


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def stat_of(path: str) -> int | None:
    """Who may do what with *path*; None if it is not there."""
    return stat.S_IMODE(os.stat(path).st_mode) if os.path.lexists(path) else None


async def test_two_workers_are_one_proxy_to_the_world(tmp_path: Path, confdir: Path, qwen: Upstream) -> None:
    """What it says, what its workers are given, what `status` tells; and all of it is gone at the end."""
    async with fleet(tmp_path, confdir, qwen) as found:
        assert found.process.output.splitlines() == [f"listening reverse=http://127.0.0.1:{found.port}"]
        before = descriptors(found.process.pid)
        assert [await ask(found.port) for _ in range(6)] == [200] * 6
        assert await until(lambda: descriptors(found.process.pid) == before), "it holds no connection that has ended"
        await found.process.until(": POST chat 200 ", 6)
        assert found.process.output.count(" I worker ") == 6
        first, second = await found.workers()
        assert [first["worker"], second["worker"]] == [1, 2]
        environs = [environ_of(each["pid"]) for each in (first, second)]
        assert b"QWENPROXY_WORKER=2" in environs[1]
        for each in (first, second):
            assert killed_first(each["pid"]) == killed_first(found.process.pid) + 100, "where memory runs out"
        folders = {line for environ in environs for line in environ if line.startswith(b"PROMETHEUS_MULTIPROC_DIR=")}
        metrics = folders.pop().decode().partition("=")[2]
        assert folders == set()
        assert stat_of(metrics) == 0o700
        async with running((*QWENPROXY, "status", "--json"), found.environ) as status:
            await status.ended()
        told = orjson.loads(status.output)["launchers"]
        assert [worker["pid"] for worker in told[0]["workers"]] == [first["pid"], second["pid"]]
        async with running((*QWENPROXY, "status"), found.environ) as status:
            await status.ended()
        assert f"2 workers of process {found.process.pid}" in status.output
        assert f"worker 2   pid {second['pid']}, for " in status.output
        found.signal(signal.SIGTERM)
        assert await found.process.ended() == 0
        assert stat_of(metrics) is None
        assert await asyncio.to_thread(standing.ask, found.environ) == []
        assert has_ended(first["pid"])
        assert has_ended(second["pid"])


async def test_loaded_anew_it_has_new_settings_and_loses_nothing(
    tmp_path: Path, confdir: Path, qwen: Upstream, slow: Slow
) -> None:
    """Wrong ones leave all as it is, and say why."""
    settings = tmp_path / "qwenproxy.toml"
    settings.write_text("heartbeat = 15")
    async with fleet(tmp_path, confdir, qwen) as found, AsyncExitStack() as stack:
        streams = Streams(stack, found.port)
        await busy(found, streams)
        before = await found.pids()
        settings.write_text("heartbeat = 'soon'")
        found.signal(signal.SIGHUP)
        await found.process.until("not loaded anew")
        assert "qwenproxy.toml: heartbeat: expected a number of seconds" in found.process.output
        assert await found.pids() == before
        settings.write_text("unsupported = 'refuse'")
        found.signal(signal.SIGHUP)
        await found.process.until("loaded anew: 2 workers")
        assert not set(before) & set(await found.pids())
        async with connected(found.port) as app:
            assert (await app.ask(body=HELLO | {"logit_bias": {"1": 1}})).error == (400, "unsupported_parameter")
        slow.go_on.set()
        assert {reply.body[-14:] for reply in await streams.rest()} == {b"data: [DONE]\n\n"}
        for pid in before:
            assert await gone(pid)


async def test_a_start_that_is_refused_says_why_and_ends(tmp_path: Path) -> None:
    command = (*QWENPROXY, "run", "--workers", "2", "--port", "0", "--proxy-port", "0")
    async with running((*command, "--set", "qwen_heartbeat=soon"), clean(tmp_path, auth="none")) as process:
        assert await process.ended() == 2
    assert process.output.startswith("qwenproxy run: option qwen_heartbeat: expected")
    assert "Traceback" not in process.output
