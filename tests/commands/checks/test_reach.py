"""How far one gets to an upstream: which stage failed, and in which time."""

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.commands.checks import reach as module
from qwenproxy.commands.checks.reach import reach
from qwenproxy.commands.run import free_port
from tests.support.certificates import DAY, Made, authority, server
from tests.support.upstream import Connection, upstream, whole

type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIMIT = 5.0


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(whole({"error": {}}, 401, date="Tue, 03 Nov 2026 10:00:00 GMT"))
    writer.close()


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    found = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield found.sockets[0].getsockname()[1]
    finally:
        found.close()
        found.close_clients()


async def test_a_server_that_answers_is_reached_without_a_credential() -> None:
    async with upstream(whole({"error": {}}, 401)) as qwen:
        found = await reach(qwen.base_url, LIMIT)
        assert (found.error, found.status, list(found.times)) == ("", 401, ["TCP", "HTTP"])
        (asked,) = qwen.asked
        assert (asked.method, asked.path, asked.headers["host"]) == ("GET", "/v1/models", f"127.0.0.1:{qwen.port}")
        assert "authorization" not in asked.headers


async def test_names_are_looked_up() -> None:
    async with upstream(whole({})) as qwen:
        found = await reach(f"http://localhost:{qwen.port}/v1", LIMIT)
        assert list(found.times) == ["DNS", "TCP", "HTTP"]


async def test_a_name_that_is_none_fails_at_once() -> None:
    for name in ("no-such-host.invalid", f"{'a' * 70}.example"):
        found = await reach(f"http://{name}/v1", LIMIT)
        assert (found.stage, found.times, found.error != "") == ("DNS", {}, True)


async def test_a_resolver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(*_: object, **__: object) -> list[object]:
        time.sleep(1.0)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    found = await reach("http://dashscope.example/v1", 0.05)
    assert (found.stage, found.error) == ("DNS", "no answer within 0.05 s")


async def test_a_closed_port_fails_at_tcp() -> None:
    found = await reach(f"http://127.0.0.1:{free_port('127.0.0.1')}/v1", LIMIT)
    assert (found.stage, found.error) == ("TCP", "Connection refused")


async def test_the_next_address_is_tried() -> None:
    async with upstream(whole({})) as qwen:
        addresses = [("127.0.0.1", free_port("127.0.0.1")), ("127.0.0.1", qwen.port)]
        _, writer = await module.connect(addresses)
        assert writer.get_extra_info("peername")[1] == qwen.port
        writer.close()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def stall(connection: Connection) -> None:
    await connection.gone()


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async with upstream(stall) as qwen:
        found = await reach(qwen.base_url, 0.1)
        assert (found.stage, found.error, list(found.times)) == ("HTTP", "no answer within 0.1 s", ["TCP"])


NOT_HTTP: dict[str, tuple[bytes, str]] = {
    "another protocol": (b"220 mail ready\r\n", "what answers does not speak HTTP"),
    "a head without end": (b"HTTP/1.1 200 OK\r\nx: y\r\n", "bytes"),
    "a line without end": (b"x" * 200_000, ""),
    "no status": (b"HTTP/1.1 abc\r\n\r\n", "what answers does not speak HTTP"),
    "nothing": (b"", "the connection was closed without an answer"),
}


@pytest.mark.parametrize(("said", "error"), NOT_HTTP.values(), ids=NOT_HTTP.keys())
async def test_what_is_not_http_fails_there(said: bytes, error: str) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with listening(say) as port:
        found = await reach(f"http://127.0.0.1:{port}/v1", LIMIT)
        assert found.stage == "HTTP"
        assert found.error
        assert error in found.error


def trusting(made: Made) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cadata=made.pem.decode())


async def test_tls_is_a_stage_of_its_own(tmp_path: Path) -> None:
    now = time.time()
    own = authority(begins=now - DAY, ends=now + DAY)
    context = server(own, now - DAY, now + DAY).serving(tmp_path)
    async with listening(answer, context) as port:
        found = await reach(f"https://127.0.0.1:{port}/v1", LIMIT, trusting(own), lambda: 4711.0)
        assert (found.error, found.status, list(found.times)) == ("", 401, ["TCP", "TLS", "HTTP"])
        assert (found.headers["date"], found.at) == ("Tue, 03 Nov 2026 10:00:00 GMT", 4711.0)


async def test_a_certificate_that_nobody_vouches_for_fails_there(tmp_path: Path) -> None:
    now = time.time()
    context = server(authority(), now - DAY, now + DAY).serving(tmp_path)
    async with listening(answer, context) as port:
        found = await reach(f"https://127.0.0.1:{port}/v1", LIMIT)
        assert (found.stage, found.bad_date) == ("TLS", False)
        assert found.error.startswith("its certificate is not trusted (")


DATES = {"ended": (-9 * DAY, -DAY), "not begun": (DAY, 9 * DAY)}


@pytest.mark.parametrize(("begins", "ends"), DATES.values(), ids=DATES.keys())
async def test_a_certificate_of_another_time_hints_at_the_clock(tmp_path: Path, begins: float, ends: float) -> None:
    now = time.time()
    own = authority(begins=now - 99 * DAY, ends=now + 99 * DAY)
    context = server(own, now + begins, now + ends).serving(tmp_path)
    async with listening(answer, context) as port:
        found = await reach(f"https://127.0.0.1:{port}/v1", LIMIT, trusting(own))
        assert (found.stage, found.bad_date) == ("TLS", True)


async def test_a_server_without_tls_fails_there() -> None:
    async with upstream(b"HTTP/1.1 400 Bad Request\r\n\r\n") as qwen:
        found = await reach(qwen.base_url.replace("http:", "https:"), 1.0)
        assert found.stage == "TLS"
        assert found.error


async def test_a_tls_handshake_that_stalls_is_given_up() -> None:
    async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(wait) as port:
        found = await reach(f"https://127.0.0.1:{port}/v1", 0.2)
        assert (found.stage, found.error) == ("TLS", "no answer within 0.2 s")


async def test_a_connection_that_is_hung_up_says_so() -> None:
    async with listening(hang_up) as port:
        found = await reach(f"http://127.0.0.1:{port}/v1", LIMIT)
        assert (found.stage, found.error != "") == ("HTTP", True)
