"""What is said over a WebSocket: messages of the app, and the texts that answer them."""

from typing import Any

import orjson
import pytest
from openai.types.responses import ResponsesServerEvent, ResponseStreamEvent
from pydantic import TypeAdapter

from qwenproxy import errors
from qwenproxy.endpoints.responses import socket
from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import Delta, Head, Json
from tests.support.responses import read

EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesServerEvent)
CREATE: Json = {"type": "response.create", "model": "gpt-4o", "input": "Hello"}
HEAD = Head("resp_1", "gpt-4o", 1)


def creation(**fields: Any) -> socket.Create:
    return socket.creation(socket.read(orjson.dumps(CREATE | fields)))


def refusal(text: bytes) -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        socket.creation(socket.read(text))
    return caught.value


def test_a_message_is_a_request_with_an_envelope() -> None:
    text = orjson.dumps(CREATE | {"stream_id": "a", "generate": True, "tools": [], "stream": False})
    message = socket.read(text)
    assert (message.kind, message.lane, message.size) == ("response.create", "a", len(text))
    asked = {"model": "gpt-4o", "input": "Hello", "tools": [], "stream": True}
    assert socket.creation(message) == socket.Create(asked, True, len(text))


@pytest.mark.parametrize(
    ("fields", "generate"),
    [
        ({}, True),
        ({"generate": None}, True),
        ({"generate": False}, False),
        ({"prompt_cache_options": None}, True),
        ({"prompt_cache_options": {"prewarm": True}, "generate": True}, False),
    ],
    ids=str,
)
def test_nothing_is_generated_on_demand(fields: Json, generate: bool) -> None:
    assert creation(**fields).generate is generate


def test_what_is_only_prepared_needs_no_input() -> None:
    text = orjson.dumps({"type": "response.create", "model": "gpt-4o", "generate": False})
    assert socket.creation(socket.read(text)).asked["input"] == []


@pytest.mark.parametrize("lane", ["a", "A-1_b.c", "x" * 256, None])
def test_a_lane_has_a_name_of_its_own(lane: str | None) -> None:
    assert socket.read(orjson.dumps(CREATE | {"stream_id": lane})).lane == lane


INVALID = (400, "invalid_value", "type")
WRONG: dict[str, tuple[bytes, tuple[int, str | None, str | None]]] = {
    "no JSON": (b"{", (400, None, None)),
    "no object": (b"[]", (400, "invalid_value", None)),
    "no type": (b"{}", INVALID),
    "another type": (b'{"type":"session.update"}', INVALID),
    "a type that is no text": (b'{"type":{}}', INVALID),
    "in the background": (
        orjson.dumps(CREATE | {"background": True}),
        (400, "unsupported_parameter", "background"),
    ),
    **{
        f"stream_id {lane!r:.20}": (
            orjson.dumps(CREATE | {"stream_id": lane}),
            (400, "invalid_stream_id", "stream_id"),
        )
        for lane in ("", "x" * 257, "a b", "ä", "a\n", 1, ["a"])
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_understood_is_refused(case: str) -> None:
    text, told = WRONG[case]
    error = refusal(text)
    assert (error.status, error.failure.code, error.param) == told


def test_options_that_are_no_object_are_left_to_the_check_of_the_request() -> None:
    assert creation(prompt_cache_options="x").generate


@pytest.mark.parametrize("lane", [None, "main"])
def test_an_error_is_one_of_the_package(lane: str | None) -> None:
    error = ProxyError(errors.RATE_LIMIT, "Too fast.", retry_after=2)
    told = orjson.loads(socket.refusal(error, lane))
    event = EVENT.validate_python(told)
    assert (event.type, event.status, event.stream_id) == ("error", 429, lane)
    assert (event.error.code, event.error.headers["retry-after"]) == ("rate_limit_exceeded", "2")
    assert told["headers"] == told["error"]["headers"], "Codex looks for them outside"
    assert ("stream_id" in told) is (lane is not None)


def test_an_error_without_headers_has_none() -> None:
    told = orjson.loads(socket.refusal(ProxyError(errors.PREVIOUS_NOT_FOUND, "x", param="previous_response_id"), None))
    assert told == {
        "type": "error",
        "status": 400,
        "error": {
            "type": "invalid_request_error",
            "code": "previous_response_not_found",
            "message": "x",
            "param": "previous_response_id",
        },
    }


@pytest.mark.parametrize("given", [{"input": "Stop", "previous_response_id": "resp_1"}, {}])
def test_what_was_to_steer_is_given_back(given: Json) -> None:
    event = EVENT.validate_json(socket.unsteered({"type": "response.steer"} | given))
    assert (event.type, event.error.code) == ("response.steer.failed", "steering_not_supported")
    steered = {"input": event.steer.input, "previous_response_id": event.steer.previous_response_id}
    assert steered == {"input": "", "previous_response_id": ""} | given


def streamed(*events: Any) -> bytes:
    writer = ResponsesCall({"model": "gpt-4o", "input": "Hello"}).writer(HEAD)
    return writer.write(events) + writer.end()


@pytest.mark.parametrize("lane", [None, "main"])
def test_events_are_those_of_a_stream_with_the_name_of_their_lane(lane: str | None) -> None:
    stream = streamed(Delta(0, {"role": "assistant", "content": "Hi"}), Delta(0, {}, "stop"))
    told = [orjson.loads(socket.text(event.payload, lane)) for event in socket.events(b": keep-alive\n\n" + stream)]
    assert told == [event | ({} if lane is None else {"stream_id": lane}) for event in read(stream)]
    for event in told:
        assert EVENT.validate_python(event).stream_id == lane
    assert [event.kind.decode() for event in socket.events(stream)] == [event["type"] for event in told]


def test_a_comment_says_nothing() -> None:
    assert list(socket.events(b": keep-alive\n\n")) == []


def test_a_failure_is_told_once_and_numbers_go_on() -> None:
    stream = streamed(Delta(0, {"role": "assistant", "content": "Hi"}), ProxyError(errors.UPSTREAM_CUT, "cut"))
    assert [event["type"] for event in read(stream)][-2:] == ["error", "response.failed"]
    told = [orjson.loads(event.payload) for event in socket.events(stream)]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert told[-1] == read(stream)[-1] | {"sequence_number": len(told) - 1}


def test_a_prepared_response_is_one_of_the_package() -> None:
    begun = ResponsesCall({"model": "gpt-4o", "input": "Hello"}).writer(HEAD).write(())
    events = read(socket.prepared(begun, 7))
    assert [TypeAdapter[Any](ResponseStreamEvent).validate_python(event).type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.completed",
    ]
    assert (events[-1]["response"]["completed_at"], events[-1]["response"]["usage"]["total_tokens"]) == (7, 0)
