"""What each app is told whose worker was killed, as its client reads it."""

import orjson
import pytest
from h11 import CLIENT, Connection, Data, EndOfMessage, Request, Response
from openai.types.responses import ResponseErrorEvent
from wsproto import ConnectionType
from wsproto.connection import Connection as WebSocket
from wsproto.events import CloseConnection

from qwenproxy import sse
from qwenproxy.flows.last_words import GONE, words
from qwenproxy.flows.ledger import Owed

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"


def read(data: bytes) -> tuple[Response, bytes]:
    """An answer as a client has it, which must be whole."""
    client = Connection(CLIENT)
    client.send(Request(method="GET", target="/", headers=[("host", "x")]))
    client.send(EndOfMessage())
    client.receive_data(data)
    head = client.next_event()
    assert isinstance(head, Response)
    body = b""
    while isinstance(event := client.next_event(), Data):
        body += event.data
    assert isinstance(event, EndOfMessage)
    assert client.trailing_data == (b"", False)
    return head, body


def test_before_the_head_it_is_an_answer_that_may_be_asked_for_again() -> None:
    head, body = read(words(Owed.ANSWER))
    headers = dict(head.headers)
    assert (head.status_code, headers[b"connection"], headers[b"x-should-retry"]) == (502, b"close", b"true")
    assert headers[b"content-type"] == b"application/json"
    assert headers[b"x-request-id"].startswith(b"req_")
    error = orjson.loads(body)["error"]
    assert (error["type"], error["code"]) == ("server_error", "proxy_worker_gone")
    assert "send the request again" in error["message"]


@pytest.mark.parametrize("owed", [Owed.EVENTS, Owed.RESPONSE_EVENTS])
def test_in_mid_stream_it_is_one_error_event_and_the_end(owed: Owed) -> None:
    framed = read(CHUNKED + words(owed))[1].removeprefix(b"first")
    assert framed == words(owed | Owed.BARE)
    (payload,) = sse.Decoder().feed(framed)
    told = orjson.loads(payload)
    assert told["error"] == GONE.body()["error"]
    if owed == Owed.RESPONSE_EVENTS:
        assert framed.startswith(b"event: error\n")
        assert ResponseErrorEvent.construct(**told).message == GONE.message


def test_where_all_is_said_it_is_the_end_alone() -> None:
    assert read(CHUNKED + words(Owed.END))[1] == b"first"
    assert words(Owed.END | Owed.BARE) == b""


@pytest.mark.parametrize("owed", [Owed.NOTHING, Owed.PART, Owed.PART | Owed.BARE])
def test_where_nothing_can_be_said_nothing_is(owed: Owed) -> None:
    assert words(owed) == b""


def test_a_websocket_is_closed_and_told_why() -> None:
    app = WebSocket(ConnectionType.CLIENT)
    app.receive_data(words(Owed.SOCKET))
    (close,) = app.events()
    assert isinstance(close, CloseConnection)
    assert (close.code, close.reason) == (1011, "the proxy's process has ended unexpectedly: connect again")
