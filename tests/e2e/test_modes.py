"""The ways in which apps reach the proxy, and those that lead past it on purpose."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qwenproxy.commands.run import free_port
from tests.support.clients import HELLO, App, App2, connected, request, trusting, tunnelled
from tests.support.foreign import foreign_certificate
from tests.support.original import Original, original
from tests.support.stage import ANSWER, KEY, RUNNING, Stage, dumping, stage
from tests.support.upstream import whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

OURS: dict[str, Any] = {"body": HELLO, "authorization": KEY}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("home"), confdir, RUNNING) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_leaks(proxy: Stage) -> AsyncIterator[None]:
    await proxy.says(whole(ANSWER))
    yield
    assert b"SECRET" not in proxy.original.text
    proxy.original.received.clear()


@asynccontextmanager
async def dribbling(port: int, size: int, times: int) -> AsyncIterator[int]:
    """A relay to *port* that cuts *size* bytes off the first *times* pieces that the app sends: its own port."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cuts: int) -> None:
        while piece := await reader.read(65536):
            if cuts:
                cuts -= 1
                writer.write(piece[:size])
                await asyncio.sleep(0.03)
                piece = piece[size:]
            writer.write(piece)
        writer.close()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(forward(reader, back, times), forward(there, writer, 0))

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    server.close_clients()


async def test_the_local_openai_answers(proxy: Stage) -> None:
    async with proxy.local() as app:
        assert (await app.ask(**OURS, host="localhost")).json["object"] == "chat.completion"


async def test_it_takes_tls_on_the_same_port(proxy: Stage) -> None:
    async with proxy.local() as app:
        await app.writer.start_tls(trusting(proxy.authority), server_hostname="localhost")
        assert (await app.ask(**OURS)).status == 200


@pytest.mark.parametrize("name", ["api.openai.com", "us.api.openai.com"])
async def test_an_address_with_openais_server_name_is_ours(proxy: Stage, name: str) -> None:
    """As it comes from transparent mode."""
    async with proxy.tunnel(name=name) as app:
        assert (await app.ask(**OURS, host="127.0.0.1")).status == 200
    assert proxy.original.received == []


async def test_an_address_with_openais_host_header_is_ours(proxy: Stage) -> None:
    async with proxy.tunnel(tls=False) as app:
        assert (await app.ask(**OURS)).status == 200
    async with connected(proxy.regular) as app:
        assert (await app.ask(path=f"http://127.0.0.1:{proxy.original.port}/v1/chat/completions", **OURS)).status == 200
    assert proxy.original.received == []


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 20])
@pytest.mark.parametrize("tls", [True, False], ids=["tls", "plain"])
async def test_whose_a_connection_is_does_not_depend_on_how_it_is_cut(proxy: Stage, size: int, tls: bool) -> None:
    """mitmproxy decides by the first bytes that come; the third piece is the first one within TLS."""
    async with dribbling(proxy.regular, size, 6) as port:
        trust = trusting(proxy.authority) if tls else None
        async with tunnelled(port, f"127.0.0.1:{proxy.original.port}", trust) as app:
            assert (await app.ask(**OURS)).status == 200
    assert proxy.original.received == []


@pytest.mark.parametrize("first", [b"P", b"PO", b"POST", b"\r\n"])
async def test_nor_does_it_on_how_the_request_within_it_begins(proxy: Stage, first: bytes) -> None:
    """Bytes that do not look like HTTP yet, mitmproxy would relay to OpenAI, with all that follows."""
    whole_request = request(body=HELLO, authorization=KEY)
    async with proxy.tunnel() as app:
        await app.send(first)
        await asyncio.sleep(0.03)
        await app.send(whole_request.removeprefix(first))
        assert (await app.reply()).status == 200
    assert proxy.original.received == []


@pytest.mark.parametrize("first", [b"\x00\x01\x02\r\n", b"EHLO me\r\n"])
async def test_what_is_no_http_is_not_relayed_to_openai(proxy: Stage, first: bytes) -> None:
    async with proxy.tunnel() as app:
        await app.send(first + request(body=HELLO, authorization=KEY))
        assert (await app.head()).status == 400
    assert proxy.original.received == []


async def test_both_doors_take_http2(proxy: Stage) -> None:
    async with proxy.tunnel("h2") as tunnel, proxy.local() as local:
        await local.writer.start_tls(trusting(proxy.authority, "h2"), server_hostname="localhost")
        for app in (App2(tunnel), App2(local)):
            streams = [await app.send(HELLO, authorization=KEY) for _ in range(10)]
            await app.until(lambda streams=streams: all(stream.ended for stream in streams))
            assert {stream.headers[":status"] for stream in streams} == {"200"}


async def test_a_websocket_is_refused_and_the_app_told_to_use_http(proxy: Stage) -> None:
    upgrade = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec_websocket_key": "eA==",
        "sec_websocket_version": "13",
    }
    for door in (proxy.local(), proxy.tunnel()):
        async with door as app:
            refused = await app.ask("GET", "/v1/realtime?model=gpt-4o", authorization=KEY, **upgrade)
            assert refused.error == (426, "websocket_not_supported")
            assert (await app.ask(**OURS)).status == 200
    assert proxy.original.received == []


async def test_an_upstream_that_redirects_is_not_followed(proxy: Stage) -> None:
    there = f"http://127.0.0.1:{proxy.original.port}/v1/chat/completions"
    for status in (301, 302, 303, 307, 308):
        await proxy.says(whole(b"", status, location=there))
        async with proxy.local() as app:
            assert (await app.ask(**OURS)).status == 502
    assert proxy.original.received == []


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of a host that is not OpenAI's, nor known to the proxy."""
    return foreign_certificate(tmp_path_factory.mktemp("foreign"))


@asynccontextmanager
async def another_host(foreign: tuple[Path, Path]) -> AsyncIterator[tuple[Original, ssl.SSLContext]]:
    """A host with a certificate of its own, and the trust of an app that knows it and not the proxy."""
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*foreign)
    async with original(served) as host:
        yield host, trusting(foreign[0])


@pytest.mark.parametrize("name", ["127.0.0.1", "example.com", "mtls.api.openai.com"])
async def test_other_hosts_are_passed_through_unread(proxy: Stage, foreign: tuple[Path, Path], name: str) -> None:
    """The app sees their own certificate, or it would refuse; what it says to them is between the two."""
    async with another_host(foreign) as (host, trust):
        async with tunnelled(proxy.regular, f"127.0.0.1:{host.port}", trust, name) as app:
            assert (await app.ask(**OURS, host=name)).body == b"original"
        assert KEY.encode() in host.text


@pytest.mark.parametrize("size", [1, 2, 5])
async def test_how_they_are_cut_makes_no_difference(proxy: Stage, foreign: tuple[Path, Path], size: int) -> None:
    async with (
        another_host(foreign) as (host, trust),
        dribbling(proxy.regular, size, 6) as port,
        tunnelled(port, f"127.0.0.1:{host.port}", trust, "example.com") as app,
    ):
        assert (await app.ask(**OURS, host="example.com")).body == b"original"


async def test_plain_http_to_other_hosts_is_not_touched(proxy: Stage) -> None:
    async with original() as host, connected(proxy.regular) as app:
        path = f"http://127.0.0.1:{host.port}/v1/chat/completions"
        found = await app.ask(path=path, **OURS | {"host": "example.com"}, cookie="a=b")
        assert found.body == b"original"
        assert (KEY.encode() in host.text, b"a=b" in host.text) == (True, True)


async def through_socks(app: App, host: str, port: int) -> None:
    """SOCKS version 5 without authentication (RFC 1928)."""
    await app.send(b"\x05\x01\x00")
    assert await app.reader.readexactly(2) == b"\x05\x00"
    await app.send(b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + port.to_bytes(2))
    assert (await app.reader.readexactly(10))[1] == 0


async def test_every_mode_takes_its_apps_at_once(tmp_path: Path, confdir: Path) -> None:
    """Of several listeners, one leads to another proxy, which here is the stand-in."""
    reverse, socks, upstream = (free_port("127.0.0.1") for _ in range(3))
    modes = [
        f"reverse:https://api.openai.com@127.0.0.1:{reverse}",
        f"socks5@127.0.0.1:{socks}",
        f"upstream:http://127.0.0.1:{{original}}@127.0.0.1:{upstream}",
    ]
    command = dumping(*(word for mode in modes for word in ("--mode", mode)))
    async with stage(tmp_path, confdir, command, ready="listening at", times=5) as found:
        trust = trusting(found.authority)
        for door in (found.local(), found.tunnel(), connected(reverse)):
            async with door as app:
                assert (await app.ask(**OURS)).status == 200
        async with connected(reverse) as app:
            await app.writer.start_tls(trust, server_hostname="localhost")
            assert (await app.ask(**OURS)).status == 200
        for host in ("api.openai.com", "127.0.0.1"):
            async with connected(socks) as app:
                await through_socks(app, host, found.original.port)
                await app.writer.start_tls(trust, server_hostname="api.openai.com")
                assert (await app.ask(**OURS)).status == 200
        async with tunnelled(upstream, "api.openai.com:443", trust) as app:
            assert (await app.ask(**OURS)).status == 200
        assert found.original.received == []
        async with connected(upstream) as app:
            assert (await app.ask("GET", "http://example.com/", host="example.com")).body == b"original"
