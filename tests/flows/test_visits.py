"""One request at the door: its credentials are taken off, and whatever goes wrong becomes an answer."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import pytest
from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import events
from mitmproxy.proxy.server import ConnectionIO, TimeoutWatchdog
from mitmproxy.test import tflow

from qwenproxy.errors import MODEL_NOT_FOUND, STOPPING, ProxyError
from qwenproxy.exchange import Answer, Body
from qwenproxy.flows import visits
from qwenproxy.flows.visits import Visit, take_credentials
from qwenproxy.record import Record


class Words:
    """A live body."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [*pieces, b""]
        self.closed = False

    @property
    def over(self) -> bool:
        return not self._pieces

    async def read(self) -> bytes:
        return self._pieces.pop(0)

    async def fail(self, error: ProxyError) -> bytes:
        return error.message.encode()

    async def close(self) -> None:
        self.closed = True


class Server:
    """mitmproxy's end of a connection on which nobody asks for anything."""

    def __init__(self) -> None:
        self.transports: dict[Connection, ConnectionIO] = {}
        self.timeout_watchdog = TimeoutWatchdog(60, self.drain_writers)

    async def server_event(self, event: events.Event) -> None: ...

    async def drain_writers(self) -> None: ...


def visit() -> Visit:
    return Visit(tflow.tflow(), {})


async def opened(visit: Visit, answer: Awaitable[Answer], *, live: bool = True, limit: float = 5.0) -> http.Response:
    await visit.open(answer, Server() if live else None, limit=limit, keep=0)
    assert visit.flow.response is not None
    return visit.flow.response


async def answering(body: bytes | Body = b"{}") -> Answer:
    return Answer(200, {"content-type": "text/plain"}, body)


def raising(error: BaseException) -> Callable[[], Awaitable[Answer]]:
    async def fail() -> Answer:
        raise error

    return fail


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "authorization",
        "API-Key",
        "x-api-key",
        "Cookie",
        "OpenAI-Organization",
        "openai-project",
    ],
)
def test_a_credential_is_taken_off_and_kept_apart(name: str) -> None:
    request = tflow.tflow().request
    request.headers[name] = "sk-app"
    assert take_credentials(request) == {name.lower(): "sk-app"}
    assert b"sk-app" not in bytes(request.headers)


def test_repeated_credentials_are_all_taken_off() -> None:
    request = tflow.tflow().request
    request.headers = http.Headers([(b"Cookie", b"a=1"), (b"accept", b"*/*"), (b"cookie", b"b=2"), (b"COOKIE", b"c=3")])
    take_credentials(request)
    assert request.headers.fields == ((b"accept", b"*/*"),)


def test_all_else_stays() -> None:
    request = tflow.tflow().request
    before = request.headers.fields
    assert take_credentials(request) == {}
    assert request.headers.fields == before


@pytest.mark.parametrize("value", [b"Bearer \xff\xfe", b"Bearer \xc3\xa4"], ids=["no text", "umlaut"])
def test_a_credential_may_hold_any_bytes(value: bytes) -> None:
    request = tflow.tflow().request
    request.headers = http.Headers([(b"authorization", value)])
    assert take_credentials(request)["authorization"].encode("utf-8", "surrogateescape") == value


def test_plain_headers_are_by_lower_case_names() -> None:
    request = tflow.tflow().request
    request.headers = http.Headers([(b"Content-Type", b"a"), (b"X-One", b"b")])
    assert visits.plain_headers(request) == {"content-type": "a", "x-one": "b"}


async def test_a_whole_answer_becomes_the_flows_response() -> None:
    response = await opened(visit(), answering(b'{"a":1}'))
    assert (response.status_code, response.raw_content) == (200, b'{"a":1}')


async def test_a_live_body_is_delivered_apart_from_the_response() -> None:
    arrived = visit()
    response = await opened(arrived, answering(Words(b"one")))
    assert response.raw_content is None
    assert arrived.delivery is not None
    arrived.cancel()


async def test_without_a_connection_a_live_body_is_read_to_its_end() -> None:
    words = Words(b"one", b"two")
    arrived = visit()
    response = await opened(arrived, answering(words), live=False)
    assert (response.raw_content, words.closed, arrived.delivery) == (b"onetwo", True, None)


@pytest.mark.parametrize(
    "error",
    [ValueError("a bug"), asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt(), GeneratorExit()],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_raised_becomes_an_answer(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    """A hook that ended without one would leave the app waiting for ever."""
    response = await opened(visit(), raising(error)())
    assert response.status_code == 500
    assert orjson.loads(response.raw_content or b"")["error"]["code"] == "internal_error"
    assert "answering /path failed" in caplog.text


async def test_a_refusal_is_told_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    response = await opened(visit(), raising(ProxyError(MODEL_NOT_FOUND, "no such model"))())
    assert (response.status_code, b"no such model" in (response.raw_content or b"")) == (404, True)
    assert caplog.text == ""


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    arrived = visit()
    record = arrived.record = Record("req_1", "POST", "chat", lambda: 0.0)

    async def hang() -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            record.close(cut=True)
        raise AssertionError

    response = await opened(arrived, hang(), limit=0.01)
    assert response.status_code == 504
    assert (record.status, record.limit) == (504, "exchange_timeout"), "its line must not say that the app has left"


async def test_an_app_that_leaves_ends_the_opening(caplog: pytest.LogCaptureFixture) -> None:
    cancelled = asyncio.Event()

    async def hang() -> Answer:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    arrived = visit()
    opening = asyncio.create_task(opened(arrived, hang()))
    await asyncio.sleep(0)
    arrived.cancel()
    await opening
    assert cancelled.is_set()
    assert caplog.text == ""


async def test_one_that_is_broken_off_before_its_answer_is_answered_with_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    arrived = visit()
    record = arrived.record = Record("req_1", "POST", "chat", lambda: 0.0)

    async def hang() -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    opening = asyncio.create_task(opened(arrived, hang()))
    await asyncio.sleep(0)
    arrived.fail(ProxyError(STOPPING, "the proxy is stopping", retry_after=1))
    response = await opening
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert orjson.loads(response.raw_content or b"")["error"]["code"] == "proxy_stopping"
    assert record.status == 503
    assert caplog.text == ""


async def test_a_body_that_comes_after_the_app_has_left_is_closed() -> None:
    words = Words(b"one")
    arrived = visit()
    arrived.cancel()
    await opened(arrived, answering(words))
    assert (words.closed, arrived.delivery) == (True, None)


async def test_the_log_names_no_query(caplog: pytest.LogCaptureFixture) -> None:
    arrived = visit()
    arrived.flow.request.path = "/v1/models?key=sk-app"
    await opened(arrived, raising(ValueError("a bug"))())
    assert "sk-app" not in caplog.text


@pytest.mark.parametrize(("keep", "comment"), [(0, ""), (100, "POST /path, 200, 0.00 s")])
async def test_an_exchange_is_noted_on_its_flow_if_anybody_may_look(keep: int, comment: str) -> None:
    found = visit()
    found.flow.request.method = "POST"

    async def answer() -> Answer:
        found.record = Record("req_1", "POST", "-", lambda: 0.0, keep=found.keep)
        return Answer(200, {}, b"{}")

    await found.open(answer(), None, limit=5.0, keep=keep)
    assert found.flow.comment == comment


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("x-goog-api-key", "AIzaSy-1234567890", None),
        ("Cookie", "a=b", None),
        ("sec-websocket-protocol", "realtime, openai-insecure-api-key.sk-proj-1234567890", None),
        (
            "sec-websocket-protocol",
            "realtime, openai-insecure-api-key.team-a, openai-organization.org-1",
            "realtime, openai-insecure-api-key.[secret], openai-organization.[secret]",
        ),
        ("x-my-own", "sk-proj-abcdefgh12345678", "[secret]"),
        ("x-my-own", "api_key=abcdefgh12345678; a=b", "api_key=[secret]; a=b"),
        ("x-request-id", "task-shelf-1234567890", "task-shelf-1234567890"),
        ("accept", "text/html;q=0.9", "text/html;q=0.9"),
    ],
)
def test_keys_in_other_headers_are_not_left_there(name: str, value: str, kept: str | None) -> None:
    request = tflow.tflow().request
    request.headers[name] = value
    take_credentials(request)
    if kept is None:
        assert not any(word in str(request.headers.fields) for word in ("1234567890", "a=b"))
    else:
        assert request.headers[name] == kept


@pytest.mark.parametrize("for_proxy", [True, False])
def test_a_password_for_a_proxy_is_left_to_mitmproxy_only_where_it_asks_for_one(for_proxy: bool) -> None:
    request = tflow.tflow().request
    request.headers["proxy-authorization"] = "Basic QWxhZGRpbjpvcGVuU2VzYW1l"
    take_credentials(request, for_proxy=for_proxy)
    assert ("proxy-authorization" in request.headers) == (not for_proxy)


def test_a_key_in_the_query_is_not_left_there() -> None:
    request = tflow.tflow().request
    request.path = "/v1/models?api_key=sk-1234567890abc&limit=20&api-key=abcdefghijk"
    take_credentials(request)
    assert request.path == "/v1/models?api_key=[secret]&limit=20&api-key=[secret]"
