"""A hostile upstream, a hostile app: a clear answer, nothing passed on that must not be, and the next is served."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.support.clients import HELLO, request
from tests.support.stage import ANSWER, RUNNING, Stage, event, stage
from tests.support.upstream import STREAM_HEAD, Connection, Reply, chunk, stream, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "sk-qwen-HIDDEN-0123456789"
MIB = 1024 * 1024
BODY = orjson.dumps(ANSWER)
OURS = {"content-type", "cache-control", "content-length", "transfer-encoding", "retry-after", "retry-after-ms"}
OURS |= {"x-request-id", "x-qwenproxy-model", "x-should-retry", "openai-processing-ms", "openai-version", "connection"}
"""Headers of answers: none is the upstream's own."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    home = tmp_path_factory.mktemp("home")
    async with stage(home, confdir, RUNNING, {"api_key": KEY, "idle_timeout": "5", "body_limit": "1m"}) as found:
        yield found
    assert "Traceback" not in found.process.output
    assert not [word for word in ("HIDDEN", "SECRET", "\x1b", "\nforged") if word in found.process.output]


def head(*lines: bytes, body: bytes = BODY) -> bytes:
    first = (b"HTTP/1.1 200 OK", b"content-type: application/json", b"content-length: %d" % len(body))
    return b"\r\n".join((*first, *lines, b"", body))


def refused(status: int = 400, **error: str) -> bytes:
    return whole({"error": error}, status)


def endless(begin: bytes, piece: bytes) -> Reply:
    """An answer that goes on as long as anybody reads it."""

    async def reply(connection: Connection) -> None:
        await connection.send(begin)
        for _ in range(400 * MIB // len(piece)):
            await connection.send(piece)

    return reply


def bomb(kind: str, window: int) -> bytes:
    """256 MiB in a quarter of one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window)
    packed = b"".join(packer.compress(bytes(MIB)) for _ in range(256)) + packer.flush()
    return whole(packed, content_encoding=kind)


def deep(kind: bytes) -> bytes:
    return b'{"%s":' % kind + b"[" * 100_000 + b"]" * 100_000 + b"}"


GARBLED, CUT = (502, "bad_upstream_answer"), (502, "upstream_stream_cut")
TOO_MUCH = (502, None)
"""By either code: as the network cuts it, it is too much at once, or in all."""
UPSTREAM: Mapping[str, tuple[Reply, tuple[int, str | None]]] = {
    "headers for the app": (head(b"set-cookie: a=b", b"location: /x", b"alt-svc: h3", b"upgrade: h2c"), (200, None)),
    "a value over two lines": (head(b"x: a", b" set-cookie: b"), (200, None)),
    "a value with CR": (head(b"x: a\rset-cookie: b"), GARBLED),
    "a value with NUL": (head(b"x: a\0"), GARBLED),
    "a name with a space": (head(b"x y: a"), GARBLED),
    "a header of a mebibyte": (head(b"x: " + b"y" * MIB), GARBLED),
    "5,000 headers": (head(*(b"x-%d: y" % number for number in range(5000))), GARBLED),
    "headers without end": (endless(b"HTTP/1.1 200 OK\r\n", b"x: " + b"y" * 1000 + b"\r\n"), GARBLED),
    "a status without end": (endless(b"HTTP/1.1 200 ", b"y" * 1000), GARBLED),
    "interim answers without end": (endless(b"", b"HTTP/1.1 103 Wait\r\n\r\n"), (504, "upstream_timeout")),
    "a length and chunks": (head(b"transfer-encoding: chunked"), GARBLED),
    "two lengths": (head(b"content-length: 3"), GARBLED),
    "another protocol": (b"HTTP/1.1 101 X\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", CUT),
    "a redirect to a file": (whole(b"", 302, location="file:///etc/passwd"), (502, "upstream_error")),
    "the key as a header": (head(KEY.encode()), GARBLED),
    "the key as a message": (refused(message=f"no {KEY}", param=KEY, code=KEY, type=KEY), (400, None)),
    "the key in a page": (whole(f"<html>{KEY}".encode(), 502, "text/html"), (502, "upstream_blocked")),
    "control characters": (refused(message="a\r\nforged\x1b[2J\0b", param="p\x1b", code="c\r\n"), (400, None)),
    "a model's name with lines": (whole(ANSWER | {"model": "a\r\nset-cookie: b", "id": "a\r\nb"}), (200, None)),
    "gzip": (head(b"content-encoding: gzip", body=gzip.compress(BODY)), (200, None)),
    "gzip in gzip": (head(b"content-encoding: gzip, gzip", body=gzip.compress(gzip.compress(BODY))), GARBLED),
    "gzip that is none": (head(b"content-encoding: gzip"), CUT),
    "a bomb of gzip": (bomb("gzip", 31), TOO_MUCH),
    "a bomb of deflate": (bomb("deflate", 15), TOO_MUCH),
    "deep JSON": (whole(deep(b"choices")), GARBLED),
    "a deep refusal": (whole(deep(b"error"), 400), (400, None)),
    "huge numbers": (whole(b'{"choices":[{"index":1e999}],"usage":{"prompt_tokens":%s}}' % (b"9" * 5000)), GARBLED),
    "half a character": (whole(BODY.replace(b"Hi", b"\\ud800")), (200, None)),
    "keys twice": (whole(BODY.replace(b'"id"', b'"choices":[],"id"')), (200, None)),
    "words without end": (endless(STREAM_HEAD, event("x" * MIB)), GARBLED),
    "an event without end": (endless(STREAM_HEAD + chunk(b"data: "), chunk(b"x" * MIB)), GARBLED),
    "empty lines of data": (endless(STREAM_HEAD, chunk(b"data:\n" * 100_000)), GARBLED),
    "fields of a stream": (
        stream(b"retry: 1\nid: a\nevent: b\n", event("a", "stop"), b"data: [DONE]\n\n"),
        (200, None),
    ),
}


@pytest.mark.parametrize("case", UPSTREAM)
async def test_an_upstream_gets_nothing_past_the_proxy(proxy: Stage, case: str) -> None:
    reply, (status, code) = UPSTREAM[case]
    await proxy.says(reply)
    before = proxy.process.resident()
    async with asyncio.timeout(60), proxy.local() as app:
        app.patience = 50
        found = await app.ask(body=HELLO, host="localhost", authorization="Bearer sk-app-SECRET")
    assert (found.status, found.broken) == (status, False)
    assert found.headers.keys() <= OURS
    assert not [word for word in (b"HIDDEN", b"SECRET", b"\\u001b", b"\\u0000", b"forged\\n") if word in found.body]
    if status == 200:
        assert found.json["choices"][0]["finish_reason"] == "stop"
    else:
        assert found.json["error"].keys() == {"message", "type", "param", "code"}
        assert code is None or found.error == (status, code)
    assert proxy.process.resident() < before + 300 * MIB
    await proxy.says(whole(ANSWER))
    async with proxy.local() as app:
        assert (await app.ask(body=HELLO, host="localhost")).status == 200


def asked(*lines: str, start: str = "POST /v1/chat/completions", host: str = "localhost", length: bool = True) -> bytes:
    """A request, with its parts as they are."""
    body = orjson.dumps(HELLO)
    size = (f"content-length: {len(body)}",) if length else ()
    words = (f"{start} HTTP/1.1", f"host: {host}", "authorization: Bearer sk-app-SECRET", *size, *lines, "", "")
    return "\r\n".join(words).encode() + body


HTML, UNKNOWN = 400, (404, "unknown_url")
APP: Mapping[str, tuple[bytes, int | tuple[int, str | None]]] = {
    "a length and chunks": (asked("transfer-encoding: chunked"), HTML),
    "chunks by another name": (asked("transfer-encoding: xchunked", length=False), HTML),
    "a name with a space behind it": (asked("transfer-encoding : chunked"), HTML),
    "two lengths": (asked("content-length: 3"), HTML),
    "a length with a sign": (asked("content-length: +3", length=False), HTML),
    "another Host besides": (asked("host: evil.example"), (403, "forbidden")),
    "a Host over two lines": (asked(host="localhost\r\n evil.example"), (403, "forbidden")),
    "a Host with a user": (asked(host="localhost@evil.example"), (403, "forbidden")),
    "a Host that begins well": (asked(host="localhost.evil.example"), (403, "forbidden")),
    "a Host as a number": (asked(host="2130706433"), (403, "forbidden")),
    "OpenAI's, with the root's dot": (asked(host="API.OPENAI.COM.:8443"), 200),
    "a page elsewhere": (asked("origin: https://evil.example"), (403, "forbidden")),
    "a page of nobody's": (asked("origin: null"), (403, "forbidden")),
    "two origins": (asked("origin: http://localhost", "origin: https://evil.example"), (403, "forbidden")),
    "metrics, by a name of its own": (asked(start="GET /metrics", host="evil.example"), (403, "forbidden")),
    "a way up": (asked(start="POST /v1/../v1/chat/completions"), UNKNOWN),
    "a slash in code": (asked(start="POST /v1%2fchat%2fcompletions"), UNKNOWN),
    "a parameter of the path": (asked(start="POST /v1/chat/completions;x"), UNKNOWN),
    "backslashes": (asked(start="POST /v1\\chat\\completions"), UNKNOWN),
    "a whole address": (asked(start="POST http://evil.example/v1/chat/completions"), 200),
    "a user in it": (asked(start="POST http://a:b@api.openai.com/v1/chat/completions"), HTML),
    "a model with lines": (asked(start="GET /v1/models/a%0d%0aset-cookie:b"), (404, "model_not_found")),
    "codings upon codings": (
        asked(f"content-encoding: {', '.join(['gzip'] * 9)}"),
        (415, "unsupported_content_encoding"),
    ),
    "CONNECT": (asked(start="CONNECT evil.example:443"), HTML),
}


@pytest.mark.parametrize("case", APP)
async def test_an_app_gets_nothing_past_the_proxy(proxy: Stage, case: str) -> None:
    data, wanted = APP[case]
    await proxy.says(whole(ANSWER))
    async with proxy.local() as app:
        await app.send(data)
        found = await app.reply()
    if isinstance(wanted, int):
        assert found.status == wanted
    else:
        assert found.error == wanted
    assert "set-cookie" not in found.headers
    called = [each.path for each in proxy.upstream.asked if each.method == "POST"]
    assert called == ["/v1/chat/completions"] * (wanted == 200)
    assert not [each for each in proxy.upstream.asked if "SECRET" in str(each)]
    assert proxy.original.received == []
    async with proxy.local() as app:
        await app.send(request(body=HELLO, host="localhost"))
        assert (await app.reply()).status == 200
