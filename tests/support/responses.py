"""What holds for every stream of the Responses API, whatever the upstream has done."""

from collections.abc import Sequence
from typing import Any

import orjson
from openai._models import validate_type
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from qwenproxy.wire.openai import Json
from tests.support import published

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
TERMINAL = {"response.completed", "response.incomplete", "response.failed"}
REQUIRED = [
    "id",
    "object",
    "created_at",
    "completed_at",
    "status",
    "incomplete_details",
    "model",
    "previous_response_id",
    "instructions",
    "output",
    "error",
    "tools",
    "tool_choice",
    "truncation",
    "parallel_tool_calls",
    "text",
    "top_p",
    "presence_penalty",
    "frequency_penalty",
    "top_logprobs",
    "temperature",
    "reasoning",
    "usage",
    "max_output_tokens",
    "max_tool_calls",
    "store",
    "background",
    "service_tier",
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
]
"""What openresponses.org's schema asks of a response object."""
OTHER_CODES = {"context_length_exceeded", "insufficient_quota"}
"""What OpenAI sends, though the package does not list it."""


def read(stream: bytes) -> list[Json]:
    """The events of *stream*, each of which has its name on a line of its own; comments left out."""
    events: list[Json] = []
    for block in stream.split(b"\n\n")[:-1]:
        if block.startswith(b":"):
            continue
        name, data = block.split(b"\n")
        event = orjson.loads(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        events.append(event)
    assert stream.endswith(b"\n\n")
    return events


def check(events: Sequence[Json]) -> Json:
    """Check *events*, a whole stream, and give the response that it ends with."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    *_, last = events
    response: Json = last["response"]
    assert [event["type"] for event in events if event["type"] in TERMINAL] == [last["type"]]
    assert last["type"] == f"response.{response['status']}"
    for event in events:
        validate_event(event)
    for event in (*events[:2], last):
        assert event["response"].keys() >= set(REQUIRED)
        assert event["response"]["id"] == response["id"]
        assert event["response"]["model"] == response["model"]
    items = Items()
    for event in events[2:-1]:
        if event["type"] != "error":
            items.hear(event)
    assert items.open is None or response["status"] == "failed"
    assert response["output"] == items.done
    assert len({item["id"] for item in items.done}) == len(items.done)
    return response


def validate_event(event: Json) -> None:
    """Check *event* against the published schema, and against the official package, strictly."""
    assert not published.event_faults(event)
    if event["type"] == "response.failed" and event["response"]["error"]["code"] in OTHER_CODES:
        error = event["response"]["error"] | {"code": "server_error"}
        event = event | {"response": event["response"] | {"error": error}}
    validate_type(type_=EVENT_TYPE, value=event)
    EVENT.validate_python(event)


def validate_response(response: Json) -> Response:
    """The same for a whole response."""
    assert response.keys() >= set(REQUIRED)
    assert not published.faults(response, "response")
    return validate_type(type_=Response, value=response)


EVENT_TYPE: Any = ResponseStreamEvent


class Items:
    """Listens to the events of items: never two at a time, and each as it was told piece by piece."""

    def __init__(self) -> None:
        self.done: list[Json] = []
        self.open: Json | None = None
        self._texts: dict[str, str] = {}

    def hear(self, event: Json) -> None:
        """Take one event."""
        assert event["output_index"] == len(self.done)
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert self.open is None
            self.open, self._texts = event["item"], {}
            return
        assert self.open is not None
        if kind == "output_item.done":
            self._leave(event["item"])
            return
        assert event.get("item_id", self.open["id"]) == self.open["id"]
        place = f"{kind.rpartition('.')[0]} {[event.get(f'{of}_index') for of in ('content', 'summary', 'command')]}"
        if kind.endswith(".delta"):
            self._texts[place] = self._texts.get(place, "") + event["delta"]
        elif kind.endswith(".done") and "part" not in event:
            field = next(name for name in ("text", "refusal", "arguments", "input", "command") if name in event)
            assert event[field] == self._texts.pop(place, "")

    def _leave(self, item: Json) -> None:
        assert self.open is not None
        assert {"id": item["id"], "type": item["type"]}.items() <= self.open.items()
        assert not self._texts, "a text has no end"
        self.done.append(item)
        self.open = None
