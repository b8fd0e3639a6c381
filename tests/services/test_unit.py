"""The shipped unit of systemd, started as systemd would, by a manager that only listens."""

import asyncio
import shlex
import signal
from configparser import RawConfigParser
from pathlib import Path

import pytest

from tests.support.clients import HELLO, connected
from tests.support.clock import until
from tests.support.notified import manager
from tests.support.processes import QWENPROXY, ROOT, clean, running
from tests.support.stage import ANSWER
from tests.support.upstream import upstream, whole

pytestmark = pytest.mark.services

PROGRAM = "/opt/qwenproxy/bin/qwenproxy"


def unit() -> RawConfigParser:
    found = RawConfigParser(strict=False)
    found.read(ROOT / "scripts" / "deploy" / "qwenproxy.service")
    return found


async def test_it_says_when_it_is_ready_reloads_and_stops(tmp_path: Path) -> None:
    service = unit()["Service"]
    assert (service["Type"], service["KillMode"]) == ("notify", "mixed")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
    program, *words = shlex.split(service["ExecStart"])
    assert program == PROGRAM
    words[words.index("--port") + 1] = "0"
    with manager() as told:
        async with upstream(whole(ANSWER)) as qwen:
            environ = clean(tmp_path, upstream=qwen.base_url, auth="none", allow_remote="true", client_keys="sk-ann")
            async with running((*QWENPROXY, *words), environ | told.environ) as process:
                assert await until(lambda: told.heard == ["READY=1"], 30)
                await process.until("reverse=http://")
                port = int(process.output.split("reverse=http://")[1].split()[0].rpartition(":")[2])
                process.process.send_signal(signal.SIGHUP)
                assert await until(lambda: told.heard == ["READY=1", "RELOADING=1", "READY=1"], 30)
                async with connected(port) as app:
                    answer = await app.ask(body=HELLO, host="localhost", authorization="Bearer sk-ann")
                    assert answer.status == 200
                process.process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(float(service["TimeoutStopSec"])):
                    assert await process.process.wait() == 0
        assert await until(lambda: told.heard[3:] == ["STOPPING=1"])
