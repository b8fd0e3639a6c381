"""The shipped HAProxy and nginx, each in front of two proxies: streams, WebSockets, and what stays inside."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from qwenproxy.simulator.server import Simulator
from tests.support.clients import HELLO, App, Reply, connected
from tests.support.clients import request as asked
from tests.support.launched import children
from tests.support.processes import QWENPROXY, ROOT, Process, authority, clean, running
from tests.support.services import free_port, needs
from tests.support.sockets import socket

DEPLOY = ROOT / "scripts" / "deploy"
ROOTS = pytest.mark.skipif(os.geteuid() != 0, reason="nginx, as Debian builds it, logs where root may write only")
FRONTS = [
    pytest.param("haproxy", marks=needs("haproxy")),
    pytest.param("nginx", marks=[*needs("nginx"), ROOTS]),
]


@asynccontextmanager
async def haproxy(folder: Path, port: int, places: list[str]) -> AsyncIterator[Process]:
    named = dict(zip(("QWENPROXY_ONE", "QWENPROXY_TWO", "QWENPROXY_THREE"), places, strict=True))
    environ = clean(folder) | named | {"QWENPROXY_BIND": f"127.0.0.1:{port}"}
    async with running(("haproxy", "-db", "-f", str(DEPLOY / "haproxy.cfg")), environ) as found:
        yield found


@asynccontextmanager
async def nginx(folder: Path, port: int, places: list[str]) -> AsyncIterator[Process]:
    """Its file, with addresses of this machine."""
    text = (DEPLOY / "nginx.conf").read_text().replace("listen 8080;", f"listen 127.0.0.1:{port};")
    for number, place in enumerate(places, 11):
        assert f"10.0.0.{number}:8080" in text
        text = text.replace(f"10.0.0.{number}:8080", place)
    file = folder / "nginx.conf"
    file.write_text(text)
    words = ("-e", "stderr", "-g", f"daemon off; pid {folder}/nginx.pid;")
    async with running(("nginx", "-c", str(file), *words), clean(folder)) as found:
        yield found


PROGRAMS = {"haproxy": haproxy, "nginx": nginx}


@dataclass
class Front:
    """One that leads to two *proxies*; a third is not there."""

    name: str
    port: int
    proxies: list[Process]


@pytest.fixture(params=FRONTS)
async def front(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Front]:
    authority(tmp_path / "mitmproxy")
    async with AsyncExitStack() as stack:
        simulator = Simulator(pace=0.02)
        await simulator.start()
        stack.push_async_callback(simulator.stop)
        environ = clean(tmp_path, upstream=f"{simulator.base_url}/compatible-mode/v1", api_key=simulator.key)
        words = ("--workers", "1", "--port", "0", "--no-proxy-port", "--set", f"confdir={tmp_path / 'mitmproxy'}")
        command = (*QWENPROXY, "run", *words)
        proxies = [await stack.enter_async_context(running(command, environ, ready="listening")) for _ in range(2)]
        places = [f"127.0.0.1:{port}" for port in (*(each.ports[0] for each in proxies), free_port())]
        port = free_port()
        await stack.enter_async_context(PROGRAMS[request.param](tmp_path, port, places))
        await ready(port)
        yield Front(request.param, port, proxies)


async def ready(port: int) -> None:
    """Wait until somebody listens there, and finds a proxy that is ready."""
    for _ in range(600):
        with suppress(OSError, asyncio.IncompleteReadError):
            async with connected(port) as app:
                if (await app.ask("GET", "/readyz", host="localhost")).status == 200:
                    return
        await asyncio.sleep(0.05)
    raise AssertionError("nobody is ready")


async def test_what_goes_through(front: Front) -> None:
    async with connected(front.port) as app:
        await app.send(asked(body=HELLO | {"stream": True}, host="localhost"))
        reply = await app.head()
        assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "text/event-stream")
        pieces = []
        while piece := await app.chunk():
            pieces.append(piece)
        assert len(pieces) > 2, "events are passed on as they come"
        assert b"".join(pieces).endswith(b"data: [DONE]\n\n")
    async with socket(connected(front.port), host="localhost") as ws:
        for _ in range(2):
            await ws.create()
            assert (await ws.response())["status"] == "completed"
        await ws.leave()
    async with connected(front.port) as app:
        assert (await app.ask("GET", "/metrics", host="localhost")).status == 404, "for the machines inside only"


def marked(words: str, *, stream: bool = False) -> bytes:
    """A request on which the simulator does as *words* say."""
    said = [{"role": "user", "content": f"Hello [sim: {words}]"}]
    return asked(body={"model": "gpt-4o", "messages": said, "stream": stream}, host="localhost")


def told(reply: Reply) -> tuple[int, str]:
    """Status and code of an error in OpenAI's shape, which may be asked for again."""
    assert reply.headers["content-type"] == "application/json"
    error = reply.json["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"], reply.headers["retry-after"]) == ("server_error", None, "1")
    assert "again" in error["message"]
    return reply.status, error["code"]


async def answer(app: App, request: bytes) -> Reply:
    await app.send(request)
    return await app.reply()


async def test_what_a_proxy_refuses_passes_as_it_is(front: Front) -> None:
    """Also where its status is one that the front gives itself."""
    async with connected(front.port) as app:
        assert (await app.ask(body={"model": "gpt-4o"}, host="localhost")).error[0] == 400
    async with connected(front.port) as app:
        failed = await answer(app, marked("error internal_error"))
        assert failed.status >= 500
        assert failed.json["error"]["code"] != "proxy_unreachable"


@asynccontextmanager
async def two_under_way(front: Front) -> AsyncIterator[tuple[App, App, Reply]]:
    """An app that waits for its answer, and one that is in the middle of its stream, which has begun so."""
    async with connected(front.port) as waiting, connected(front.port) as reading:
        await reading.send(marked("words 500", stream=True))
        begun = await reading.head()
        await reading.chunk()
        await waiting.send(marked("slow 30"))
        for _ in range(1000):
            if await under_way(front) == 2:
                break
            await asyncio.sleep(0.01)
        yield waiting, reading, begun


async def test_what_is_said_for_killed_workers_goes_through(front: Front) -> None:
    async with two_under_way(front) as (waiting, reading, begun):
        for proxy in front.proxies:
            kill(*children(proxy.pid))
        assert (await waiting.reply()).error == (502, "proxy_worker_gone")
        assert (await reading._body(begun.headers)).count(b'"proxy_worker_gone"') == 1


async def test_where_the_proxies_have_gone_the_front_says_so_in_their_shape(front: Front) -> None:
    """Before an answer has begun; in the middle of one it breaks the connection off, as the proxy would."""
    async with two_under_way(front) as (waiting, reading, begun):
        for proxy in front.proxies:
            workers = children(proxy.pid)
            proxy.process.send_signal(signal.SIGSTOP)  # so that it says nothing
            kill(*workers, proxy.pid)
        assert told(await waiting.reply()) == (502, "proxy_unreachable")
        with pytest.raises(asyncio.IncompleteReadError):
            await reading._body(begun.headers)
    async with connected(front.port) as app:
        status = 503 if front.name == "haproxy" else 502
        assert told(await answer(app, marked("words 5"))) == (status, "proxy_unreachable")


async def under_way(front: Front) -> float:
    """Exchanges that the proxies behind have begun."""
    total = 0.0
    for proxy in front.proxies:
        async with connected(proxy.ports[0]) as app:
            figures = (await app.ask("GET", "/metrics", host="localhost")).body.decode()
        total += sum(map(float, re.findall(r"^qwenproxy_exchanges_in_flight\S* (\S+)$", figures, re.MULTILINE)))
    return total


def kill(*pids: int) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
