"""The driver of conversations: over a real connection, to a scripted server."""

import asyncio
import ssl

import aiohttp
import pytest

from qwenproxy import __version__
from qwenproxy.auth import client as module
from qwenproxy.auth.base import LockLost
from qwenproxy.auth.client import Client, read_reply, tls_context
from qwenproxy.auth.conversation import Blocked, Invitation, Refused, Reply, Unreachable
from qwenproxy.wire.oauth import DEVICE_GRANT, Server
from tests.support import upstream
from tests.support.clock import Clock
from tests.support.oauth_server import PAGE, Said, error, forever, html, oauth_server

REPLIES: list[tuple[str, tuple[int, str, bytes], Reply]] = [
    ("JSON", (200, "application/json", b'{"a": 1}'), Reply(200, {"a": 1})),
    ("JSON after spaces", (400, "application/json; charset=utf-8", b'\xef\xbb\xbf\n {"a": 1}'), Reply(400, {"a": 1})),
    ("JSON without a type", (200, "application/octet-stream", b'{"a": 1}'), Reply(200, {"a": 1})),
    ("JSON as plain text", (200, "text/plain", b'{"a": 1}'), Reply(200, {"a": 1})),
    ("a page", (200, "text/html", b"<html>"), Reply(200, page=True)),
    ("a page that says it is JSON", (403, "application/json", b"\n<!doctype html>"), Reply(403, page=True)),
    ("JSON that says it is a page", (400, "text/html;charset=utf-8", b'{"error": "x"}'), Reply(400, page=True)),
    ("a page without a body", (401, "text/html", b""), Reply(401, page=True)),
    ("another page", (429, "application/xhtml+xml", b"x"), Reply(429, page=True)),
    ("nothing", (401, "application/json", b""), Reply(401, fault="its answer is empty")),
    ("half of it", (200, "application/json", b'{"a"'), Reply(200, fault="its answer is not JSON")),
    ("a list", (200, "application/json", b"[1]"), Reply(200, fault="its answer is not JSON")),
    ("bytes", (200, "application/json", b'{"\xff": 1}'), Reply(200, fault="its answer is not JSON")),
]


@pytest.mark.parametrize(("came", "reply"), [row[1:] for row in REPLIES], ids=[row[0] for row in REPLIES])
def test_type_and_first_byte_are_looked_at_before_json(came: tuple[int, str, bytes], reply: Reply) -> None:
    assert read_reply(*came) == reply


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", None), ("soon", None), ("-1", None), ("1e3", None), ("²", None), ("9" * 400, 3600.0)],
)
def test_retry_after_is_read(header: str, seconds: float | None) -> None:
    assert read_reply(429, "application/json", b"{}", header).retry_after == seconds


async def test_a_sign_in_goes_through() -> None:
    clock, shown = Clock(), list[Invitation]()
    async with oauth_server(pending=2, interval=5) as server:
        answer = await Client(server.server, sleep=clock.sleep).sign_in(shown.append)
        assert server.accepts(answer.access_token)
        assert [grant for grant, *_ in server.asked] == ["device", *[DEVICE_GRANT] * 3]
        verifiers = {form["code_verifier"] for _, form, _ in server.asked[1:]}
    assert [len(verifier) for verifier in verifiers] == [43]
    assert [invitation.user_code for invitation in shown] == ["CODE-1"]
    assert clock.slept == [5, 5, 5]


async def test_it_says_who_it_is_and_each_request_has_an_id() -> None:
    async with oauth_server() as server:
        client = Client(server.server)
        for _ in range(2):
            await client.renew(server.login()["refresh_token"])
        headers = [headers for *_, headers in server.asked]
    assert {each["user-agent"] for each in headers} == {f"qwenproxy/{__version__}"}
    assert len({each["x-request-id"] for each in headers}) == 2
    assert {each["accept"] for each in headers} == {"application/json"}


async def test_a_page_is_no_denial() -> None:
    async with oauth_server(script=[html(401)]) as server:
        with pytest.raises(Blocked):
            await Client(server.server).renew("rt")


async def test_json_is_one() -> None:
    async with oauth_server(script=[error(401, "invalid_grant")]) as server:
        with pytest.raises(Refused):
            await Client(server.server).renew("rt")


async def test_a_redirect_is_not_followed() -> None:
    async with oauth_server() as other:
        location = {"location": other.server.token_url}
        async with oauth_server(script=[Said(307, PAGE, "text/plain", location)]) as server:
            with pytest.raises(Blocked):
                await Client(server.server).renew("rt")
        assert other.asked == []


async def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 could not be reached"):
        await Client(Server("http://127.0.0.1:1")).renew("rt")


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n"

    async def break_off(connection: upstream.Connection) -> None:
        await connection.send(head + b'{"access_token":')
        connection.writer.close()

    async with upstream.upstream(break_off) as server:
        with pytest.raises(Unreachable):
            await Client(Server(f"http://127.0.0.1:{server.port}")).renew("rt")


async def test_an_answer_without_end_is_cut() -> None:
    async def flood(connection: upstream.Connection) -> None:
        await connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{")
        while True:
            await connection.send(b" " * 65536)

    async with upstream.upstream(flood) as server:
        with pytest.raises(Unreachable, match="not JSON"):
            await Client(Server(f"http://127.0.0.1:{server.port}")).renew("rt")


async def test_silence_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIME_LIMIT", 0.05)
    async with oauth_server(before=forever) as server:
        with pytest.raises(Unreachable, match=r"no answer within 0\.05 s"):
            await Client(server.server).renew("rt")


async def test_a_session_that_is_given_is_used_and_left_open() -> None:
    async with oauth_server() as server, aiohttp.ClientSession(headers={"x-mine": "yes"}) as session:
        await Client(server.server, session).renew(server.login()["refresh_token"])
        assert server.asked[0][2]["x-mine"] == "yes"
        assert not session.closed


async def test_certificates_are_checked() -> None:
    context = tls_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


async def test_a_sign_in_can_be_given_up() -> None:
    shown = asyncio.Event()
    async with oauth_server(pending=1000) as server:
        task = asyncio.create_task(Client(server.server).sign_in(lambda _: shown.set()))
        await shown.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("own", [True, False], ids=["its own session", "one that is given"])
async def test_what_must_not_be_sent_any_more_is_not_sent(own: bool) -> None:
    """It is asked when the connection is there: to make one takes time."""
    connected = list[bool]()

    async def check() -> None:
        connected.append(True)
        raise LockLost("stopped for too long")

    async with oauth_server() as server, aiohttp.ClientSession() as session:
        client = Client(server.server) if own else Client(server.server, session)
        with pytest.raises(LockLost):
            await client.renew(server.login()["refresh_token"], check)
        assert (server.asked, connected) == ([], [True])
