"""The pooled client and its credential."""

import asyncio
from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.auth.credentials import ApiKey, Credential, NoCredential
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.transcript import Transcript
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


def told() -> tuple[Record, Transcript]:
    """A record, and what it keeps for viewing."""
    record = Record("req_1", "POST", "chat", asyncio.get_running_loop().time, keep=1000)
    assert record.transcript is not None
    return record, record.transcript


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
    assert (caught.value.failure, caught.value.limit) == (errors.UPSTREAM_TIMEOUT, "idle_timeout")


async def test_only_the_upstreams_own_silence_counts_not_the_time_until_the_next_read() -> None:
    async def reply(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + scripted.chunk(b"x"))
        await asyncio.sleep(0.3)
        await connection.send(scripted.chunk(b"y") + scripted.chunk(b""))

    async with scripted.upstream(reply) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=0.2)
        answer = await client.open(REQUEST, "agent")
        assert await answer.read() == b"x"
        await asyncio.sleep(0.25)  # the app reads slowly: nobody waits for the upstream
        assert await answer.read() == b"y"
        assert await answer.read() == b""
        await answer.close()
        await client.retire()


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


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/9.9 sk-HIDDEN\r\n\r\n",
        b"HTTP/1.1 sk-HIDDEN\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nsk-HIDDEN\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: sk-HIDDEN\0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: sk-HIDDEN" + b"y" * 20_000,
        b"HTTP/1.1 200 OK\r\ncontent-encoding: sk-HIDDEN\r\ncontent-length: sk-HIDDEN\r\n\r\n",
        scripted.STREAM_HEAD + b"sk-HIDDEN\r\n",
        scripted.STREAM_HEAD + scripted.chunk(b"x") + b"sk-HIDDEN\r\n",
        scripted.STREAM_HEAD + scripted.chunk(b"x") + b"0\r\nsk-HIDDEN\r\n\r\n",
    ],
)
async def test_what_cannot_be_read_is_not_quoted(reply: bytes) -> None:
    """It may be the credential."""
    async with scripted.upstream(reply) as server:
        with pytest.raises(ProxyError) as caught:
            await ask(server, ApiKey("sk-HIDDEN"))
    assert caught.value.status == 502
    assert "HIDDEN" not in caught.value.message


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


async def test_each_call_is_kept_for_viewing_without_its_token(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-new\n")
    refused = scripted.whole({"error": "no sk-old"}, status=401)
    record, kept = told()
    async with scripted.upstream(refused, OK) as server:
        client = Upstream(server.base_url, ApiKey("sk-old", tmp_path / "key"), idle_timeout=5.0)
        answer = await client.open(REQUEST, "agent/1", record)
        await answer.read_all(1000)
        await answer.close()
        await client.retire()
    kept.settle()
    assert [each["status"] for each in kept.rounds] == [401, 200]
    assert record.retries == ["token_renewed"]
    assert [each["answer"] for each in kept.rounds] == [b'{"error":"no [secret]"}', b'{"ok":true}']
    for each in kept.rounds:
        assert (each["method"], each["url"], each["body"]) == ("POST", f"{server.base_url}{REQUEST.path}", b'{"a":1}')
        sent = {name.lower(): value for name, value in each["headers"]}
        assert sent["user-agent"] == "agent/1"
        assert sent["host"] == f"127.0.0.1:{server.port}"
        assert "sk-" not in str(sent)


async def test_a_call_that_fails_is_kept_with_the_reason() -> None:
    record, kept = told()
    client = Upstream("http://127.0.0.1:1/v1", NoCredential(), idle_timeout=5.0)
    with pytest.raises(ProxyError) as caught:
        await client.open(REQUEST, "agent/1", record)
    await client.retire()
    (each,) = kept.rounds
    assert (each["status"], each["error"]) == (None, caught.value.message)


async def test_an_answer_that_breaks_off_is_kept_with_the_reason() -> None:
    async def cut(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + scripted.chunk(b"Hel"))
        connection.writer.close()

    record, kept = told()
    async with scripted.upstream(cut) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        answer = await client.open(REQUEST, "agent/1", record)
        with pytest.raises(ProxyError) as caught:
            await answer.read_all(1000)
        await answer.close()
        await client.retire()
    kept.settle()
    (each,) = kept.rounds
    assert (each["answer"], each["whole"], each["error"]) == (b"Hel", False, caught.value.message)
