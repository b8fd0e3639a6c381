"""The pooled client and its credential."""

import asyncio
from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.auth.credentials import ApiKey, Credential, NoCredential
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.errors import ProxyError
from qwenproxy.upstream import Round, Upstream
from tests.support import upstream as scripted

REQUEST = UpstreamRequest("/chat/completions", {"x-extra": "1"}, b'{"a":1}', stream=True)
OK = scripted.whole({"ok": True})
REFUSED = scripted.whole({"error": {}}, status=401)


async def ask(server: scripted.Upstream, credential: Credential, *, idle_timeout: float = 5.0) -> tuple[int, bytes]:
    """Status and body of one call."""
    client = Upstream(server.base_url, credential, idle_timeout=idle_timeout)
    try:
        answer = await client.open(REQUEST, "agent/1")
        try:
            return answer.status, await answer.read_all(1000)
        finally:
            await answer.close()
    finally:
        await client.retire()


async def test_a_call_carries_its_body_its_key_and_nothing_of_the_environment() -> None:
    async with scripted.upstream(OK) as server:
        assert await ask(server, ApiKey("sk-1")) == (200, b'{"ok":true}')
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/v1/chat/completions", b'{"a":1}')
    assert asked.headers["authorization"] == "Bearer sk-1"
    assert asked.headers["user-agent"] == "agent/1"
    assert asked.headers["accept-encoding"] == "identity"
    assert asked.headers["x-extra"] == "1"
    assert "cookie" not in asked.headers


async def test_without_a_key_nothing_is_sent_for_one() -> None:
    async with scripted.upstream(OK) as server:
        await ask(server, NoCredential())
    assert "authorization" not in server.asked[0].headers


async def test_a_refused_key_that_was_replaced_in_its_file_is_sent_again_once(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-new\n")
    async with scripted.upstream(REFUSED, OK) as server:
        assert (await ask(server, ApiKey("sk-old", tmp_path / "key")))[0] == 200
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer sk-old", "Bearer sk-new"]


async def test_a_key_that_stays_refused_is_not_sent_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-new")
    async with scripted.upstream(REFUSED) as server:
        assert (await ask(server, ApiKey("sk-old", tmp_path / "key")))[0] == 401
        assert len(server.asked) == 2
        assert (await ask(server, ApiKey("sk-other")))[0] == 401
        assert len(server.asked) == 3


async def drop(connection: scripted.Connection) -> None:
    """Close without a word."""
    connection.writer.close()


async def test_a_dropped_connection_is_reopened_once() -> None:
    async with scripted.upstream(drop, OK) as server:
        assert (await ask(server, NoCredential()))[0] == 200
    assert server.connections == 2


async def test_a_connection_that_drops_again_is_an_error() -> None:
    async with scripted.upstream(drop) as server:
        with pytest.raises(ProxyError) as caught:
            await ask(server, NoCredential())
    assert caught.value.failure is errors.UPSTREAM_UNREACHABLE
    assert len(server.asked) == 2


async def test_a_connection_serves_again_even_if_its_formal_end_comes_late() -> None:
    async def late_end(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + scripted.chunk(b"data: [DONE]\n\n"))
        await asyncio.sleep(0.05)
        await connection.send(scripted.STREAM_END)

    async with scripted.upstream(late_end) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        for _ in range(3):
            answer = await client.open(REQUEST, "agent/1")
            assert await answer.read() == b"data: [DONE]\n\n"
            await answer.close(drain=True)
        assert server.connections == 1
        await client.retire()


async def test_a_redirect_is_not_followed() -> None:
    async with scripted.upstream(OK) as other:
        moved = scripted.whole(b"", status=307, location=f"{other.base_url}/chat/completions")
        async with scripted.upstream(moved) as server:
            assert (await ask(server, ApiKey("sk-1")))[0] == 307
    assert other.connections == 0


async def stall(connection: scripted.Connection) -> None:
    await connection.send(scripted.STREAM_HEAD + scripted.chunk(b"x"))
    await connection.gone()


async def mute(connection: scripted.Connection) -> None:
    await connection.gone()


@pytest.mark.parametrize("reply", [stall, mute])
async def test_silence_is_given_up(reply: scripted.Reply) -> None:
    async with scripted.upstream(reply) as server:
        with pytest.raises(ProxyError) as caught:
            await ask(server, NoCredential(), idle_timeout=0.2)
    assert caught.value.failure is errors.UPSTREAM_TIMEOUT


@pytest.mark.parametrize(
    ("reply", "failure"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", errors.UPSTREAM_GARBLED),
        (scripted.STREAM_HEAD + b"zz\r\n", errors.UPSTREAM_GARBLED),
    ],
)
async def test_what_is_no_http_is_told_as_that(reply: bytes, failure: errors.Failure) -> None:
    async with scripted.upstream(reply) as server:
        with pytest.raises(ProxyError) as caught:
            await ask(server, NoCredential())
    assert caught.value.failure is failure


async def test_an_upstream_that_is_down_is_named() -> None:
    async with scripted.upstream(OK) as server:
        pass
    with pytest.raises(ProxyError, match=f"127.0.0.1:{server.port}") as caught:
        await ask(server, NoCredential())
    assert caught.value.failure is errors.UPSTREAM_UNREACHABLE


async def test_a_retired_upstream_lets_its_rounds_end() -> None:
    go = asyncio.Event()

    async def slow(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + scripted.chunk(b"one"))
        await go.wait()
        await connection.send(scripted.chunk(b"two") + scripted.STREAM_END)

    async with scripted.upstream(slow) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        answer: Round = await client.open(REQUEST, "agent/1")
        await client.retire()
        go.set()
        assert await answer.read_all(1000) == b"onetwo"
        await answer.close()
