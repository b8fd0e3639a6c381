"""DashScope's native answers, written and read."""

from collections.abc import Iterable
from typing import Any

import orjson

from qwenproxy.dialects.dashscope_reader import Reader
from qwenproxy.wire.openai import ChatEvent, Json
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


def frame(body: Any, *, kind: str = "result", status: int = 200) -> bytes:
    """A frame as the service writes it."""
    return b"id:1\nevent:%s\n:HTTP_STATUS/%d\ndata:%s\n\n" % (kind.encode(), status, orjson.dumps(body))


def answer(content: Any = "", finish: Any = "null", **more: Any) -> Json:
    """The body of a frame of one choice; *more* is said in its message."""
    message = {"role": "assistant", "content": content, **more}
    return {"output": {"choices": [{"message": message, "finish_reason": finish}]}, "request_id": "r1"}
