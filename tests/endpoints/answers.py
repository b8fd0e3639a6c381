"""Calls, their answers as a dialect gives them, and their streams as an app reads them."""

from collections.abc import Sequence
from typing import Any

import orjson

from qwenproxy import sse
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json
from tests.endpoints.requests import asking

HEAD = Head("chatcmpl-1", "gpt-4o", 1_700_000_000)
FIXED = {
    "id": "chatcmpl-1",
    "created": 1_700_000_000,
    "model": "gpt-4o",
    "service_tier": "default",
    "system_fingerprint": None,
}
USAGE: Json = {
    "prompt_tokens": 3,
    "completion_tokens": 2,
    "total_tokens": 5,
    "prompt_tokens_details": {"cached_tokens": 1},
    "completion_tokens_details": {"reasoning_tokens": 1},
}
ROLE = Delta(0, {"role": "assistant"})
STOP = Delta(0, {}, "stop")
CUT = ProxyError(UPSTREAM_CUT, "The upstream's answer was cut.")


def ask(*, reasoning: bool = True, **fields: Any) -> ChatCall:
    return ChatCall(orjson.dumps(asking(**fields)), reasoning=reasoning)


def streaming(*, reasoning: bool = True, usage: bool = False, **fields: Any) -> ChatCall:
    options = {"stream_options": {"include_usage": True}} if usage else {}
    return ask(reasoning=reasoning, stream=True, **options, **fields)


def streamed(call: ChatCall, events: Sequence[ChatEvent]) -> bytes:
    writer = call.writer(HEAD)
    return writer.write(events) + writer.end()


def payloads(stream: bytes) -> list[bytes]:
    return sse.Decoder().feed(stream)


def chunks(stream: bytes) -> list[Json]:
    """The chunks of a stream that ends well."""
    *told, done = payloads(stream)
    assert done == b"[DONE]"
    return [orjson.loads(payload) for payload in told]


def said(stream: bytes) -> list[tuple[int, Json, str | None]]:
    """What each chunk of *stream* says that is new."""
    return [(c["index"], c["delta"], c["finish_reason"]) for chunk in chunks(stream) for c in chunk["choices"]]


def first(content: str | None = "") -> Json:
    return {"role": "assistant", "content": content, "refusal": None}


def called(index: int, name: str, arguments: str = "") -> Json:
    """The first piece of a call."""
    function = {"name": name, "arguments": arguments}
    return {"index": index, "id": f"call_{index}", "type": "function", "function": function}


def pieces(*calls: Json, choice: int = 0) -> Delta:
    return Delta(choice, {"tool_calls": list(calls)})
