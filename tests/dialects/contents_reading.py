"""Answers to generateContent, written and read."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from qwenproxy import sse
from qwenproxy.dialects.contents_reader import Reader
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.wire.openai import ChatEvent, Json
from tests.support.answers import numbered_ids, refusal

TOOLS = frozenset({"get_weather", "lookup", "now"})
STREAM = "text/event-stream"


def reader(content_type: str = STREAM, **options: Any) -> Reader:
    settled: dict[str, Any] = {"tools": TOOLS, "failure": refusal, "signatures": Signatures()} | options
    made = Reader(content_type, new_id=numbered_ids(), **settled)
    made._stencils.patience = 0  # answers of tests are short
    return made


def play(pieces: Iterable[bytes], **options: Any) -> list[ChatEvent]:
    """The events of an answer that comes in *pieces*."""
    reading = reader(**options)
    return [event for piece in [*pieces, b""] for event in reading.feed(piece)]


def response(*parts: Json, finish: Any = None, **more: Any) -> Json:
    """A GenerateContentResponse with one candidate."""
    candidate: Json = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish is not None else {})], **more}


def stream(*responses: Json) -> bytes:
    """As with `alt=sse`."""
    return b"".join(sse.encode(orjson.dumps(one)) for one in responses)


def array(responses: Sequence[Any]) -> bytes:
    """As without: one array, in Google's spacing."""
    return b"[" + b"\n,\r\n".join(orjson.dumps(one, option=orjson.OPT_INDENT_2) for one in responses) + b"\n]\n"
