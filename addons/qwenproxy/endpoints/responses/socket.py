"""What is said over a WebSocket of the Responses API: JSON texts, in both directions.

Source: the `openai` package's `ResponsesClientEvent` and `ResponsesServerEvent` (3.57), and OpenAI's guide to WebSocket
mode.  A response's own events are those of a stream, each a text of its own; a lane (`stream_id`) names itself in them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import orjson

from qwenproxy import sse
from qwenproxy.endpoints.responses import response, stored
from qwenproxy.endpoints.validation import parse
from qwenproxy.errors import INVALID_STREAM, INVALID_VALUE, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.wire.openai import Json

CREATE, STEER = "response.create", "response.steer"
ENVELOPE = ("type", "stream_id", "generate")
"""Fields of a message that are not the request's."""
LANE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
ITEM_DONE, FAILED = b"response.output_item.done", b"response.failed"
ENDS = frozenset({b"response.completed", b"response.incomplete", FAILED})
"""The events that end a response."""
NUMBER = re.compile(rb'"sequence_number":\d+')
NOTHING = response.usage({})


class Message(NamedTuple):
    """What an app says.  *size* is in bytes."""

    kind: str
    lane: str | None
    said: Json
    size: int


class Create(NamedTuple):
    """A request for a response.  *generate*: false prepares the ground for one that goes on from it."""

    asked: Json
    generate: bool
    size: int

    @property
    def previous(self) -> str | None:
        name: str | None = self.asked.get("previous_response_id")
        return name


class Told(NamedTuple):
    """An event of a response: its type, and itself in JSON."""

    kind: bytes
    payload: bytes


def read(text: bytes) -> Message:
    """The message in *text*.  Raises ProxyError."""
    said = parse(text)
    if not isinstance(said, dict):
        raise ProxyError(INVALID_VALUE, "A message must be a JSON object with a 'type'.")
    lane = said.get("stream_id")
    if lane is not None and not (isinstance(lane, str) and LANE.fullmatch(lane)):
        message = "The 'stream_id' must be 1 to 256 letters, digits, underscores, hyphens or periods."
        raise ProxyError(INVALID_STREAM, message, param="stream_id")
    kind = said.get("type")
    if kind not in (CREATE, STEER):
        message = f"The 'type' of a message must be '{CREATE}', not {str(kind)[:60]!r}."
        raise ProxyError(INVALID_VALUE, message, param="type")
    return Message(kind, lane, said, len(text))


def creation(message: Message) -> Create:
    """The request for a response in *message*, as a POST has it.  Raises ProxyError."""
    said = message.said
    if said.get("background"):
        error = "'background' is for requests over plain HTTP: over a WebSocket the response is made while you wait."
        raise ProxyError(UNSUPPORTED_PARAMETER, error, param="background")
    options = said.get("prompt_cache_options")
    prewarm = isinstance(options, dict) and options.get("prewarm") is True
    generate = said.get("generate") is not False and not prewarm
    asked = {name: value for name, value in said.items() if name not in ENVELOPE} | {"stream": True}
    return Create(asked if generate else {"input": []} | asked, generate, message.size)


def events(data: bytes) -> Iterator[Told]:
    """The events in *data*, whole ones of a stream.

    Of the two that tell of a failure, the one that ends the response is enough: clients take either for the end.
    """
    number = None
    for event in data.split(b"\n\n"):
        head, _, payload = event.partition(b"\ndata: ")
        kind = head.removeprefix(b"event: ")
        if kind == b"error":
            number = NUMBER.search(payload)
        elif payload:
            yield Told(kind, NUMBER.sub(number[0], payload, count=1) if number else payload)


def text(payload: bytes, lane: str | None) -> bytes:
    """An event's text on its *lane*."""
    return payload if lane is None else payload[:-1] + b',"stream_id":"%b"}' % lane.encode()


def refusal(error: ProxyError, lane: str | None) -> bytes:
    """The text that tells of *error*, in place of a response.  Headers are where the SDK and where Codex look."""
    inner = error.body()["error"]
    told: Json = {"type": "error", "status": error.status, "error": inner}
    if headers := error.headers():
        told |= {"headers": headers, "error": inner | {"headers": headers}}
    return text(orjson.dumps(told), lane)


def unsteered(said: Mapping[str, object]) -> bytes:
    """The answer to `response.steer`: the input is given back."""
    message = "Qwen cannot be steered while it answers: send the input with the next response.create."
    told = {
        "type": "response.steer.failed",
        "sequence_number": 0,
        "error": {"type": "invalid_request_error", "code": "steering_not_supported", "message": message},
        "steer": {"input": said.get("input", ""), "previous_response_id": said.get("previous_response_id", "")},
    }
    return orjson.dumps(told)


def prepared(begun: bytes, now: int) -> bytes:
    """The events of a response that was *begun*, and in which nothing is generated."""
    first: Json = stored.payload(begun.partition(b"\n\n")[0])["response"]
    ended = first | {"status": "completed", "completed_at": now, "usage": NOTHING}
    number = begun.count(b"\n\n")
    last = {"type": "response.completed", "sequence_number": number, "response": ended}
    return begun + sse.encode_named(b"response.completed", orjson.dumps(last))
