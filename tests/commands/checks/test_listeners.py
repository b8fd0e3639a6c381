"""The proxy's ports: free, its own, or taken by a stranger."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.commands.checks.listeners import HOST6, Occupant, beside, listener, occupant
from qwenproxy.commands.launch import joining
from qwenproxy.commands.run import free_port
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE, proxy
from tests.support.upstream import Connection, Reply, upstream, whole


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "PATIENCE", 1.0)


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("ours")
    authority(found)
    return found


@pytest.fixture(scope="module")
def pem(confdir: Path) -> bytes:
    return joining.authority(confdir / "mitmproxy-ca-cert.pem")


@asynccontextmanager
async def stranger(*replies: Reply) -> AsyncIterator[int]:
    """The port of somebody else's server."""
    async with upstream(*replies) as found:
        yield found.port


@pytest.mark.parametrize("keys", ["", "team-key"], ids=["for everyone", "with client keys"])
async def test_a_proxy_of_ours_is_known_by_its_answers(confdir: Path, pem: bytes, keys: str) -> None:
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://127.0.0.1:9/v1", "QWENPROXY_CLIENT_KEYS": keys}
    async with proxy(environ, confdir, modes=(REGULAR, REVERSE)) as running:
        regular, reverse = running.ports
        assert (await occupant(regular, pem)).kind == "proxy"
        assert (await occupant(reverse, pem)).kind == "openai"
        assert (await occupant(regular, b"")).kind == "other proxy", "without an authority to check it by"


async def test_nobody_is_told_from_somebody() -> None:
    assert await occupant(free_port("127.0.0.1"), b"") == Occupant("nobody")


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6 here")
async def test_who_is_at_the_other_loopback_is_looked_at_apart(confdir: Path, pem: bytes) -> None:
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://127.0.0.1:9/v1"}
    modes = tuple(each.replace("127.0.0.1", HOST6) for each in (REGULAR, REVERSE))
    async with proxy(environ, confdir, modes=modes) as running:
        for port, kind in zip(running.ports, ("proxy", "openai"), strict=True):
            assert (await occupant(port, pem, HOST6)).kind == kind
            assert (await occupant(port, pem)).kind == "nobody"
    async with stranger(whole(b"hello", 404, server="nginx")) as port:
        assert (await occupant(port, pem, HOST6)).kind == "nobody"
    server = await asyncio.start_server(lambda reader, writer: writer.close(), HOST6, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        found = await occupant(port, pem, HOST6)
        assert (found.kind, f"process {os.getpid()}" in found.who) == ("stranger", True)


async def hang(connection: Connection) -> None:
    await connection.gone()


STRANGERS: dict[str, tuple[Reply, str]] = {
    "a web server": (whole(b"hello", content_type="text/html", server="nginx/1"), "calls itself nginx/1"),
    "one that claims nothing": (whole(b"hello", 404), "process"),
    "one that does not speak HTTP": (b"220 mail ready\r\n", "process"),
    "one that never answers": (hang, "process"),
}


@pytest.mark.parametrize(("reply", "known"), STRANGERS.values(), ids=STRANGERS.keys())
async def test_a_stranger_is_named_as_far_as_one_can(pem: bytes, reply: Reply, known: str) -> None:
    async with stranger(reply) as port:
        found = await occupant(port, pem)
        assert found.kind == "stranger"
        assert known in found.who
        assert f"process {os.getpid()}" in found.who


async def test_a_listener_that_accepts_nothing_is_a_stranger_soon(pem: bytes) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        async with asyncio.timeout(5):
            assert (await occupant(deaf.getsockname()[1], pem)).kind == "stranger"


async def test_a_port_that_may_not_be_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert await occupant(1, b"") == Occupant("refused", "Permission denied")


async def test_who_is_at_a_port_that_may_not_be_taken_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(13, "Permission denied")

    async with stranger(whole(b"hello", 404, server="nginx")) as port:
        monkeypatch.setattr(socket.socket, "bind", refuse)
        found = await occupant(port, b"")
        assert (found.kind, "calls itself nginx" in found.who) == ("stranger", True)


SAID: dict[str, tuple[Occupant, str, str, str]] = {
    "free": (Occupant("nobody"), "ok", "8080 is free for the local OpenAI", ""),
    "ours": (Occupant("openai"), "ok", "8080: qwenproxy's local OpenAI runs there", ""),
    "our other half": (Occupant("proxy"), "ok", "8080: qwenproxy's HTTPS proxy runs there", ""),
    "another authority": (Occupant("other proxy"), "warn", "with another authority", "must trust"),
    "a stranger": (Occupant("stranger", "nginx (process 7)"), "fail", "taken by nginx (process 7)", "--port 9080"),
    "an unknown stranger": (Occupant("stranger"), "fail", "taken by somebody else", "lsof -i :8080"),
    "not allowed": (Occupant("refused", "Permission denied"), "fail", "Permission denied", "--port 9080"),
}


@pytest.mark.parametrize(("found", "level", "what", "next"), SAID.values(), ids=SAID.keys())
def test_each_is_told_with_what_to_do(found: Occupant, level: str, what: str, next: str) -> None:
    finding = listener("port", 8080, found)
    assert (finding.name, finding.level) == ("port", level)
    assert what in finding.what
    assert next in finding.next
    assert bool(finding.next) is (level != "ok")


BESIDE: dict[str, tuple[Occupant, Occupant, list[str]]] = {
    "nobody": (Occupant("openai"), Occupant("nobody"), []),
    "no IPv6": (Occupant("openai"), Occupant("refused", "there is no IPv6"), []),
    "the same on both": (Occupant("openai"), Occupant("openai"), []),
    "one stranger on both": (Occupant("stranger", "nginx"), Occupant("stranger", "nginx"), []),
    "ours only there": (Occupant("nobody"), Occupant("openai"), ["ok"]),
    "a stranger beside ours": (Occupant("openai"), Occupant("stranger", "nginx"), ["fail"]),
    "a stranger where ours would be": (Occupant("nobody"), Occupant("stranger"), ["fail"]),
}


@pytest.mark.parametrize(("found", "other", "levels"), BESIDE.values(), ids=BESIDE.keys())
def test_what_is_beside_is_told_if_it_is_another(found: Occupant, other: Occupant, levels: list[str]) -> None:
    told = list(beside("port", 8080, found, other))
    assert [each.level for each in told] == levels
    assert all("8080 at [::1]" in each.what for each in told)
    assert all("127.0.0.1:8080" in each.next for each in told if each.level == "fail")


def test_another_port_is_one_that_there_is() -> None:
    assert "--proxy-port 64535" in listener("proxy-port", 65535, Occupant("stranger")).next
