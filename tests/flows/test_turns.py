"""From a handshake to the exchanges over its WebSocket, at the desk."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.proxy import events

from qwenproxy import errors
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows.lanes import Gone, Lanes
from qwenproxy.flows.requests import Desk
from qwenproxy.flows.turns import Turns
from qwenproxy.flows.visits import Visit
from qwenproxy.recent import Known, Recent
from qwenproxy.service import service
from qwenproxy.settings import load
from tests.flows.test_requests import visit
from tests.support.completions import refused, streamed
from tests.support.sockets import PROOF, UPGRADE
from tests.support.upstream import Upstream, upstream

ASKED = {"model": "gpt-4o", "input": "Hello", "stream": True}
CREATE = Create(ASKED, True, 10)


class Server:
    """mitmproxy's end of the connection."""

    async def server_event(self, event: events.Event) -> None: ...

    async def drain_writers(self) -> None: ...


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(b"") as found:
        yield found


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qwenproxy.exchange")


def settled(qwen: Upstream, **settings: str) -> Desk:
    """A desk without a store."""
    named = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
    environ = {"HOME": "/nowhere", "QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_API_KEY": "sk-1"} | named
    found = load(environ, Path("/nowhere"))
    return Desk(found, service(found, environ))


def handshake(version: str = "HTTP/1.1", handler: Any = ..., **changed: str) -> Visit:
    headers: dict[str, Any] = {**UPGRADE, **changed}
    asked = visit("GET", "/v1/responses", **headers)
    asked.flow.request.http_version = version
    server: Any = Server()
    asked.handler = server if handler is ... else handler
    return asked


async def answered(desk: Desk, asked: Visit) -> Answer:
    answer = await desk.answer(asked)
    asked.cancel()
    return answer


async def test_a_handshake_is_answered(qwen: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    asked = handshake()
    answer = await settled(qwen).answer(asked)
    assert (answer.status, answer.headers["sec-websocket-accept"], answer.body) == (101, PROOF, b"")
    assert "x-request-id" in answer.headers
    assert isinstance(asked.lanes, Lanes)
    asked.cancel()
    assert asked.lanes is None
    assert "GET socket 101" in caplog.text


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"websockets": "off"}, handshake()),
        ({}, handshake("HTTP/2.0")),
        ({}, handshake("HTTP/1.0")),
        ({}, handshake(handler=None)),
        ({}, handshake(sec_websocket_version="8")),
    ],
    ids=["not wanted", "HTTP/2", "HTTP/1.0", "a replay", "another version"],
)
async def test_what_cannot_be_served_is_sent_to_plain_http(
    qwen: Upstream, settings: dict[str, str], asked: Visit
) -> None:
    assert (await answered(settled(qwen, **settings), asked)).status == 426
    assert asked.lanes is None


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({"client_keys": "mine"}, {"authorization": "Bearer other"}, 401),
        ({"client_keys": "mine"}, {"authorization": "Bearer mine"}, 101),
        ({}, {"origin": "https://page.example"}, 403),
        ({"cors_origins": "https://page.example"}, {"origin": "https://page.example"}, 101),
        ({}, {"sec_fetch_site": "cross-site"}, 403),
        ({}, {"host": "rebound.example"}, 403),
        ({}, {"connection": "close"}, 400),
    ],
    ids=str,
)
async def test_the_rules_for_requests_hold_for_handshakes(
    qwen: Upstream, settings: dict[str, str], headers: dict[str, str], status: int
) -> None:
    assert (await answered(settled(qwen, **settings), handshake(**headers))).status == status


async def heard(turns: Turns, create: Create, recent: Recent) -> bytes:
    """The events of a response."""
    turn = await turns.begin(create, recent)
    data = b""
    while piece := await turn.body.read():
        data += piece
    await turn.body.close()
    return data


async def test_each_response_is_an_exchange_of_its_own(qwen: Upstream, caplog: pytest.LogCaptureFixture) -> None:
    qwen.replies[:] = [streamed("Hi"), refused(400, "no")]
    desk, asked = settled(qwen), handshake()
    await desk.answer(asked)
    turns, recent = Turns(desk, asked), Recent(1000)
    assert b"response.completed" in await heard(turns, CREATE, recent)
    with pytest.raises(ProxyError):
        await turns.begin(CREATE, recent)
    lines = [line for line in caplog.messages if line.startswith("WEBSOCKET responses ")]
    assert [line.split()[2] for line in lines] == ["200", "400"]
    assert desk.traffic.under_way == 0
    asked.cancel()
    await desk.service.retire()


async def test_without_a_store_the_connection_remembers(qwen: Upstream) -> None:
    qwen.replies[:] = [streamed("Hi")]
    desk, asked = settled(qwen), handshake()
    turns, recent = Turns(desk, asked), Recent(1000)
    item = {"id": "x", "type": "message", "role": "user", "content": [{"type": "input_text", "text": "Before"}]}
    recent.put(None, "resp_a", Known([item], 10, kept=False))
    await heard(turns, Create(ASKED | {"previous_response_id": "resp_a"}, True, 10), recent)
    contents = [message["content"] for message in qwen.asked[0].json["messages"]]
    assert contents == ["Before", "Hello"]
    reference = [{"type": "item_reference", "id": "x"}, {"role": "user", "content": "More"}]
    await heard(turns, Create(ASKED | {"previous_response_id": "resp_a", "input": reference}, True, 10), recent)
    assert [message["content"] for message in qwen.asked[1].json["messages"]] == ["Before", "More"]
    await desk.service.retire()


REFUSED: dict[str, tuple[dict[str, Any], int, str | None, str | None]] = {
    "an unknown response": (
        {"previous_response_id": "resp_x"},
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
    "a conversation": ({"conversation": "conv_x"}, 400, "unsupported_parameter", "conversation"),
    "an unknown item": ({"input": [{"type": "item_reference", "id": "y"}]}, 404, None, "input"),
    "a wrong field": ({"temperature": "hot"}, 400, "invalid_type", "temperature"),
    "no model": ({"model": None}, 400, "invalid_type", "model"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_done_without_a_store_is_refused(qwen: Upstream, case: str) -> None:
    fields, *told = REFUSED[case]
    with pytest.raises(ProxyError) as caught:
        await Turns(settled(qwen), handshake()).begin(Create(ASKED | fields, True, 10), Recent(1000))
    assert [caught.value.status, caught.value.failure.code, caught.value.param] == told
    assert qwen.asked == []


async def test_what_is_prepared_asks_nobody(qwen: Upstream) -> None:
    data = await heard(Turns(settled(qwen), handshake()), Create(ASKED, False, 10), Recent(1000))
    assert b"response.completed" in data
    assert qwen.asked == []


@pytest.mark.parametrize(
    ("settings", "before", "failure"),
    [({"rate_limit": "1/hour"}, 1, errors.RATE_LIMIT), ({"client_keys": "mine"}, 0, errors.CLIENT_KEY)],
    ids=["a rate limit", "a client key"],
)
async def test_every_message_meets_the_limits(
    qwen: Upstream, settings: dict[str, str], before: int, failure: errors.Failure
) -> None:
    turns, recent = Turns(settled(qwen, **settings), handshake()), Recent(1000)
    for _ in range(before):
        await heard(turns, Create(ASKED, False, 10), recent)
    with pytest.raises(ProxyError) as caught:
        await turns.begin(Create(ASKED, False, 10), recent)
    assert caught.value.failure == failure


async def test_new_settings_hold_for_the_next_response(qwen: Upstream) -> None:
    before, after = settled(qwen), settled(qwen, client_keys="mine")
    turns, recent = Turns(before, handshake()), Recent(1000)
    await heard(turns, Create(ASKED, False, 10), recent)
    after.inherit(before)
    with pytest.raises(ProxyError) as caught:
        await turns.begin(Create(ASKED, False, 10), recent)
    assert caught.value.failure == errors.CLIENT_KEY
    after.closed = True
    with pytest.raises(Gone, match="connect again"):
        await turns.begin(Create(ASKED, False, 10), recent)


async def test_a_response_that_does_not_begin_is_given_up(
    qwen: Upstream, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def silent(connection: Any) -> None:
        await connection.gone()

    qwen.replies[:] = [silent]
    desk = settled(qwen)
    desk.patience = 0.05
    with pytest.raises(ProxyError) as caught:
        await Turns(desk, handshake()).begin(CREATE, Recent(1000))
    assert caught.value.failure == errors.UPSTREAM_TIMEOUT
    assert "WEBSOCKET responses 504" in caplog.text
    await desk.service.retire()
