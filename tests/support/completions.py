"""What a scripted upstream says: completions and their events, as Qwen writes them."""

from typing import Any

import orjson

from qwenproxy.wire.openai import Json
from tests.support.upstream import stream, whole

USAGE: Json = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
DONE = b"data: [DONE]\n\n"


def event(*choices: Json, usage: Json | None = None, **fields: Any) -> bytes:
    """One event of a stream."""
    body = {"id": "chatcmpl-up", "object": "chat.completion.chunk", "created": 1, "model": "qwen3.7-plus"}
    return b"data: " + orjson.dumps({**body, "choices": choices, "usage": usage, **fields}) + b"\n\n"


def said(text: str, *, choice: int = 0) -> bytes:
    """An event that says *text*."""
    return event({"index": choice, "delta": {"role": "assistant", "content": text}, "finish_reason": None})


def thought(text: str) -> bytes:
    return event({"index": 0, "delta": {"content": None, "reasoning_content": text}, "finish_reason": None})


def finish(reason: str = "stop") -> bytes:
    return event({"index": 0, "delta": {"content": ""}, "finish_reason": reason})


TOTALS = event(usage=USAGE)
END = finish() + TOTALS + DONE
"""The events with which an answer ends well."""


def failed(message: str, code: str = "internal_error", type: str = "internal_error") -> Json:
    """An error in the compatible mode's envelope."""
    error = {"message": message, "type": type, "param": None, "code": code}
    return {"error": error, "id": "chatcmpl-up", "request_id": "qwen-request-1"}


def failure(message: str, **fields: Any) -> bytes:
    """An error as an event."""
    return b"data: " + orjson.dumps(failed(message, **fields)) + b"\n\n"


def streamed(*texts: str) -> bytes:
    """A whole streamed answer."""
    return stream(*(said(text) for text in texts), END)


def completion(text: str = "Hello!", **message: Any) -> bytes:
    """A whole answer in one piece."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    body = {"id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": "qwen3.7-plus"}
    return whole({**body, "choices": [choice], "usage": USAGE})


def refused(status: int, message: str, *, headers: dict[str, str] | None = None, **fields: Any) -> bytes:
    """A refusal with its status."""
    return whole(failed(message, **fields), status, **(headers or {}))


def calling(*calls: tuple[str, str], text: str = "") -> bytes:
    """A whole streamed answer that calls functions: names and arguments.  The ids are call_0, call_1 ..."""
    entries = [
        {"index": at, "id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for at, (name, arguments) in enumerate(calls)
    ]
    words = [said(text)] if text else []
    delta = {"role": "assistant", "content": None, "tool_calls": entries}
    return stream(
        *words, event({"index": 0, "delta": delta, "finish_reason": None}), finish("tool_calls") + TOTALS + DONE
    )
