"""What signals do to a proxy of one process, as `qwenproxy run` and as mitmdump with the script."""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.clients import HELLO, App, Reply, connected, request
from tests.support.clock import until
from tests.support.notified import manager
from tests.support.processes import QWENPROXY, clean, running
from tests.support.stage import ANSWER, DONE, RUNNING, Stage, dumping, event, stage
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, upstream, whole

COMMANDS = {"qwenproxy run": (RUNNING, 1), "mitmdump -s": (dumping(), 2)}
READY = {1: "listening reverse=", 2: "listening at"}


class Slow:
    """An upstream whose stream goes on when the test says so."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        await self.go_on.wait()
        await connection.send(event("two", "stop") + DONE + STREAM_END)


async def begun(app: App) -> Reply:
    """A stream that has begun."""
    await app.send(request(body=HELLO | {"stream": True}, host="localhost"))
    reply = await app.head()
    reply.body = await app.chunk()
    return reply


async def refuses(port: int) -> bool:
    """Whether nobody listens there any more, soon."""
    for _ in range(500):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return True
        writer.close()
        await asyncio.sleep(0.01)
    return False


@pytest.mark.parametrize(("command", "modes"), COMMANDS.values(), ids=COMMANDS.keys())
async def test_what_is_under_way_is_finished_and_what_is_late_is_told(
    tmp_path: Path, confdir: Path, command: Sequence[str], modes: int
) -> None:
    """One stream goes on to its end; one that never would ends in an error at the limit."""
    settings = {"drain_timeout": "3"}
    async with stage(tmp_path, confdir, command, settings, ready=READY[modes], times=modes) as found:
        slow, stuck = Slow(), Slow()
        await found.says(slow, stuck)
        async with found.local() as app, found.local() as late:
            reply, broken_off = await begun(app), await begun(late)
            found.process.process.send_signal(signal.SIGTERM)
            assert await refuses(found.reverse)
            slow.go_on.set()
            assert (await rest(app, reply)).endswith(b"data: [DONE]\n\n")
            told = await rest(late, broken_off)
            assert told.count(b'"code":"proxy_stopping"') == 1
            assert b"[DONE]" not in told
            assert await found.process.ended() == 0


async def rest(app: App, reply: Reply) -> bytes:
    return reply.body + await app._body(reply.headers)


@pytest.mark.parametrize(("command", "modes"), COMMANDS.values(), ids=COMMANDS.keys())
async def test_a_second_signal_ends_it_at_once(
    tmp_path: Path, confdir: Path, command: Sequence[str], modes: int
) -> None:
    async with stage(tmp_path, confdir, command, ready=READY[modes], times=modes) as found:
        await found.says(Slow())
        async with found.local() as app:
            reply = await begun(app)
            found.process.process.send_signal(signal.SIGINT)
            assert await refuses(found.reverse)
            found.process.process.send_signal(signal.SIGINT)
            async with asyncio.timeout(10):
                assert await found.process.process.wait() == 0
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await rest(app, reply)


async def refused_parameter(found: Stage) -> bool:
    async with found.local() as app:
        return (await app.ask(body=HELLO | {"logit_bias": {"1": 1}})).status == 400


async def test_to_hang_up_takes_up_new_settings_and_keeps_the_old_for_wrong_ones(tmp_path: Path, confdir: Path) -> None:
    settings = tmp_path / "qwenproxy.toml"
    settings.write_text("unsupported = 'drop'\nidle_timeout = 99")
    async with stage(tmp_path, confdir, RUNNING) as found:
        assert not await refused_parameter(found)
        settings.write_text("unsupported = 'soon'")
        found.process.process.send_signal(signal.SIGHUP)
        await found.process.until("not loaded anew: ")
        assert "qwenproxy.toml: unsupported: expected one of drop, refuse" in found.process.output
        assert not await refused_parameter(found)
        settings.write_text("unsupported = 'refuse'")
        found.process.process.send_signal(signal.SIGHUP)
        await found.process.until("settings loaded anew")
        assert await refused_parameter(found)


SERVED = [
    pytest.param((), id="alone"),
    pytest.param(("--workers", "1"), id="with a worker", marks=pytest.mark.chaos),
]


@pytest.mark.parametrize("workers", SERVED)
async def test_a_service_manager_hears_how_it_goes(tmp_path: Path, workers: Sequence[str]) -> None:
    with manager() as told:
        async with upstream(whole(ANSWER)) as qwen:
            environ = clean(tmp_path, upstream=qwen.base_url, auth="none") | told.environ
            command = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port", *workers)
            async with running(command, environ, ready="listening reverse=") as process:
                assert await until(lambda: told.heard == ["READY=1"])
                process.process.send_signal(signal.SIGHUP)
                await process.until("loaded anew")
                assert await until(lambda: told.heard == ["READY=1", "RELOADING=1", "READY=1"])
                async with connected(process.ports[0]) as app:
                    assert (await app.ask(body=HELLO, host="localhost")).status == 200
                process.process.send_signal(signal.SIGTERM)
                assert await process.ended() == 0
        assert await until(lambda: told.heard[3:] == ["STOPPING=1"])
