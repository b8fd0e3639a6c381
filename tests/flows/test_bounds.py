"""What one connection may take, over real ones."""

import asyncio
import contextlib

import orjson
import pytest

from qwenproxy.flows.door import door
from tests.support.bounded import SOON, Start
from tests.support.clients import HELLO, App, connected, request, tunnelled
from tests.support.simulated import until
from tests.support.stage import ANSWER
from tests.support.upstream import Connection, Upstream, whole

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\n"


def head(size: int) -> bytes:
    """A request's head of *size* bytes."""
    begin = b"GET /v1/models HTTP/1.1\r\nhost: api.openai.com\r\nx-long: "
    return begin + b"x" * (size - len(begin) - 4) + b"\r\n\r\n"


LIMIT = 4096


@pytest.mark.parametrize("size", [100, LIMIT])
async def test_a_head_up_to_the_limit_is_taken(bounded: Start, size: int) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        for _ in range(2):
            await app.send(head(size))
            assert (await app.reply()).status == 200
    assert not proxy.hits


async def test_a_body_behind_the_head_does_not_count(bounded: Start) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        long = {"messages": [{"role": "user", "content": "x" * 3 * LIMIT}]}
        assert (await app.ask(body=HELLO | long)).status == 200


@pytest.mark.parametrize("data", [head(2 * LIMIT), b"x" * 2 * LIMIT, b"\r\n" + head(2 * LIMIT)])
async def test_a_head_beyond_it_is_refused_in_openais_shape(bounded: Start, data: bytes) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        await app.send(data)
        refused = await app.reply()
        assert refused.error == (431, "headers_too_large")
        assert refused.headers["x-request-id"].startswith("req_")
        assert await app.ended()
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


async def test_so_is_one_of_too_many_lines(bounded: Start) -> None:
    proxy = await bounded(header_lines="20")
    async with proxy.connected() as app:
        refused = await app.ask(body=HELLO, **{f"x-{number}": "1" for number in range(20)})
        assert refused.error == (431, "headers_too_large")
        assert (await app.ask(body=HELLO)).status == 200
    assert proxy.hits == {"header_lines": 1}


async def drip(app: App, data: bytes, pause: float = 0.05) -> None:
    """Send *data* byte by byte, until the proxy has enough of it."""
    try:
        for byte in data:
            await app.send(bytes([byte]))
            await asyncio.sleep(pause)
    except ConnectionError:
        pass


async def test_a_head_that_drips_is_refused(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with proxy.connected() as app:
        dripping = asyncio.create_task(drip(app, POST * 100))
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
        dripping.cancel()
    assert proxy.hits == {"head_timeout": 1}
    await proxy.serves()


async def test_also_a_later_one_and_within_tls_and_a_tunnel(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with tunnelled(proxy.running.ports[1], "api.openai.com:443", proxy.tls()) as app:
        assert (await app.ask(body=HELLO)).status == 200
        await app.send(POST)
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
    assert proxy.hits == {"head_timeout": 1}


async def test_a_connection_on_which_nothing_is_asked_is_closed(bounded: Start) -> None:
    proxy = await bounded(head_timeout=SOON)
    async with proxy.connected() as app:
        assert await app.ended()
    assert proxy.hits == {"head_timeout": 1}


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_drips_is_refused(bounded: Start, qwen: Upstream, chunked: bool) -> None:
    proxy = await bounded(body_timeout=SOON)
    async with proxy.connected() as app:
        sent = request(body=HELLO, chunked=chunked)
        begin = sent.index(b"\r\n\r\n") + 4
        await app.send(sent[:begin])
        dripping = asyncio.create_task(drip(app, sent[begin:-1]))
        assert (await app.reply()).error == (408, "request_timeout")
        assert await app.ended()
        dripping.cancel()
    assert proxy.hits == {"body_timeout": 1}
    assert qwen.asked == []
    await proxy.serves()


async def test_a_connection_between_requests_is_closed_in_time(bounded: Start) -> None:
    proxy = await bounded(keepalive_timeout=SOON)
    async with proxy.connected() as app:
        for _ in range(2):
            assert (await app.ask(body=HELLO)).status == 200
        assert await app.ended()
    assert proxy.hits == {"keepalive_timeout": 1}


async def test_an_answer_may_take_longer_than_all_of_these(bounded: Start, qwen: Upstream) -> None:
    proxy = await bounded(head_timeout=SOON, body_timeout=SOON, keepalive_timeout=SOON)

    async def slowly(connection: Connection) -> None:
        await asyncio.sleep(4 * float(SOON))
        await connection.send(whole(ANSWER))

    qwen.replies = [slowly]
    async with proxy.connected() as app:
        assert (await app.ask(body=HELLO)).status == 200
    assert not proxy.hits


async def test_requests_ahead_of_their_time_are_bounded(bounded: Start) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        with contextlib.suppress(ConnectionError):
            await app.send(request(body=HELLO) + head(LIMIT) * 100)
        await app.ended()
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


async def test_what_is_held_of_bodies_is_bounded_and_let_go(bounded: Start, qwen: Upstream) -> None:
    proxy = await bounded(buffer_limit="50k", body_limit="40k")
    content = request(body=HELLO | {"user": "x" * 30_000})
    async with proxy.connected() as first, proxy.connected() as second:
        await first.send(content[:-1])
        assert await until(lambda: door.buffered > 29_000)
        refused = await second.ask(body=HELLO | {"user": "x" * 30_000})
        assert refused.error == (503, "proxy_overloaded")
        assert refused.headers["retry-after"]
        await first.send(content[-1:])
        assert (await first.reply()).status == 200
    async with proxy.connected() as leaves:
        await leaves.send(content[:-1])
        assert await until(lambda: door.buffered > 29_000)
    assert await until(lambda: door.buffered == 0)
    assert proxy.hits == {"buffer_limit": 1}
    await proxy.serves()


@pytest.mark.parametrize("name", ["connections", "client_connections"])
async def test_a_connection_too_many_is_closed_and_the_next_is_not(bounded: Start, name: str) -> None:
    proxy = await bounded(**{name: "1"})
    async with proxy.connected() as first:
        assert (await first.ask(body=HELLO)).status == 200
        async with proxy.connected() as second:
            assert await second.ended()
        assert (await first.ask(body=HELLO)).status == 200
    assert proxy.hits == {name: 1}
    assert await until(lambda: not proxy.running.addon._connections._origins)
    await proxy.serves()


CHUNKED = POST + b"transfer-encoding: chunked\r\n\r\n"
BODY = orjson.dumps(HELLO)
LAST = b"%x\r\n%s\r\n0\r\n" % (len(BODY), BODY)


async def test_header_lines_behind_a_body_are_left_out(bounded: Start) -> None:
    proxy = await bounded()
    async with proxy.connected() as app:
        for _ in range(2):
            await app.send(CHUNKED + LAST + b"authorization: Bearer sk-SECRET\r\nhost: evil.example\r\n\r\n")
            assert (await app.reply()).status == 200


@pytest.mark.parametrize("data", [CHUNKED + b"5;", CHUNKED + LAST + b"x: "], ids=["a chunk's line", "behind a body"])
async def test_a_line_of_a_bodys_encoding_may_not_be_without_end(bounded: Start, data: bytes) -> None:
    proxy = await bounded(header_limit=str(LIMIT))
    async with proxy.connected() as app:
        await app.send(data + b"y" * 2 * LIMIT)
        assert await app.ended()
    assert proxy.hits == {"header_limit": 1}
    await proxy.serves()


HELLO_BEGUN = b"\x16\x03\x01\x40\x00\x01\xff\xff\xff\x03\x03" + bytes(0x4000 - 6)
RECORD = b"\x16\x03\x01\x40\x00" + bytes(0x4000)


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"GET / HTTP/1.1\n", b"x: " + b"y" * 8000 + b"\n"),
        (b"GET / HTTP/1.1\r\n", b"x: " + b"y" * 8000 + b"\r\n"),
        (b"GET /", b"y" * 8000),
        (HELLO_BEGUN, RECORD),
    ],
    ids=["lines of LF only", "lines", "a line", "TLS"],
)
@pytest.mark.parametrize("door", ["local", "proxy", "tunnel"])
async def test_a_beginning_without_end_is_not_gathered(bounded: Start, door: str, first: bytes, more: bytes) -> None:
    """Whoever reads all of it anew with each piece would stand still for everybody."""
    proxy = await bounded()
    local, https = proxy.running.ports
    places = {"local": connected(local), "proxy": connected(https), "tunnel": tunnelled(https, "api.openai.com:443")}
    async with places[door] as app:
        with contextlib.suppress(ConnectionError):
            for piece in (first, *[more] * 20):
                await app.send(piece)
        assert await app.ended()
    assert proxy.hits["header_limit"] == 1
    await proxy.serves()
