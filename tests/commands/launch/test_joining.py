"""Finding a proxy that runs, and telling whether it is ours."""

import asyncio
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.master import Master
from mitmproxy.options import Options

from qwenproxy.commands.launch import joining
from qwenproxy.commands.master import LeanMaster
from qwenproxy.commands.run import free_port
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE, proxy

NAMED: dict[str, tuple[dict[str, str], list[int]]] = {
    "none": ({}, []),
    "here": ({"HTTPS_PROXY": "http://127.0.0.1:8081"}, [8081]),
    "in both cases": ({"https_proxy": "http://localhost:1", "HTTPS_PROXY": "http://[::1]:2"}, [1, 2]),
    "elsewhere": ({"HTTPS_PROXY": "http://corp.example:8081"}, []),
    "by TLS": ({"HTTPS_PROXY": "https://127.0.0.1:8081"}, []),
}


@pytest.mark.parametrize(("environ", "ports"), NAMED.values(), ids=NAMED.keys())
def test_the_environment_may_name_one(environ: dict[str, str], ports: list[int]) -> None:
    assert list(joining.named(environ)) == ports


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("ours")
    authority(found)
    return found


@pytest.fixture(scope="module")
def pem(confdir: Path) -> bytes:
    return joining.authority(confdir / "mitmproxy-ca-cert.pem")


@pytest.mark.parametrize("keys", ["", "team-key"], ids=["for everyone", "with keys of its own"])
async def test_a_proxy_of_ours_is_known(confdir: Path, pem: bytes, keys: str) -> None:
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://127.0.0.1:9/v1", "QWENPROXY_CLIENT_KEYS": keys}
    async with proxy(environ, confdir, modes=(REGULAR, REVERSE)) as running:
        regular, reverse = running.ports
        assert await asyncio.to_thread(joining.is_ours, regular, pem)
        assert not await asyncio.to_thread(joining.is_ours, reverse, pem), "it takes no CONNECT"


async def test_one_with_the_authority_of_somebody_else_is_not(confdir: Path, tmp_path: Path) -> None:
    other = joining.authority(authority(tmp_path))
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://127.0.0.1:9/v1"}
    async with proxy(environ, confdir, modes=(REGULAR,)) as running:
        assert not await asyncio.to_thread(joining.is_ours, running.ports[0], other)


class Greeter:
    """Answers everything, as a script of the user's might; says when it can."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()

    def running(self) -> None:
        self.ready.set()

    def request(self, flow: http.HTTPFlow) -> None:
        flow.response = http.Response.make(404, b"hello")


async def test_a_mitmproxy_without_us_is_not(confdir: Path, pem: bytes) -> None:
    port, greeter = free_port("127.0.0.1"), Greeter()
    master = LeanMaster(Options(confdir=str(confdir), mode=[f"{REGULAR}{port}"]))
    master.options.update(connection_strategy="lazy")
    master.addons.add(greeter)
    task = asyncio.create_task(master.run())
    await greeter.ready.wait()
    assert not await asyncio.to_thread(joining.is_ours, port, pem)
    await master.addons.get("proxyserver").servers.update([])
    Master.shutdown(master)
    await task


async def test_whatever_else_listens_is_not(pem: bytes) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert not await asyncio.to_thread(joining.is_ours, port, pem)
    assert not await asyncio.to_thread(joining.is_ours, free_port("127.0.0.1"), pem), "nobody listens"
