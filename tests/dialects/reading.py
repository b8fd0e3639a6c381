"""Answers of compatible mode, written and read."""

from collections.abc import Iterable
from typing import Any

import orjson

from qwenproxy import sse
from qwenproxy.dialects.reader import Reader
from qwenproxy.wire.openai import ChatEvent
from tests.support.answers import numbered_ids, refusal

TOOLS = frozenset({"get_weather", "lookup", "now"})
STREAM = "text/event-stream"


def reader(content_type: str = STREAM, **options: Any) -> Reader:
    made = Reader(content_type, tools=TOOLS, failure=refusal, new_id=numbered_ids(), **options)
    made._stencils.patience = 0  # answers of tests are short
    return made


def play(pieces: Iterable[bytes], **options: Any) -> list[ChatEvent]:
    """The events of an answer that comes in *pieces*."""
    reading = reader(**options)
    return [event for piece in [*pieces, b""] for event in reading.feed(piece)]


def chunk(delta: Any = None, finish: Any = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish} | more
    return sse.encode(orjson.dumps({"id": "chatcmpl-1", "choices": [choice]}))
