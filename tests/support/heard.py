"""What an app hears on the wire: a whole answer or one clear error, and never a broken stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from openai._models import validate_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from qwenproxy import sse
from qwenproxy.wire.openai import Json

ENVELOPE = {"message", "type", "param", "code"}


@dataclass(frozen=True)
class Heard:
    """One answer; *error* is what it failed with, at once or after a part of it was said."""

    status: int
    headers: Mapping[str, str]
    message: Json = field(default_factory=dict)
    finish: str | None = None
    usage: Json | None = None
    error: Json | None = None
    comments: int = 0

    @property
    def text(self) -> str:
        return self.message.get("content") or ""

    @property
    def reasoning(self) -> str:
        return self.message.get("reasoning_content") or ""

    @property
    def calls(self) -> list[tuple[str, str]]:
        """Name and arguments of each function that is called."""
        functions = [call["function"] for call in self.message.get("tool_calls") or ()]
        return [(function["name"], function["arguments"]) for function in functions]

    @property
    def code(self) -> str | None:
        """The error's code."""
        return None if self.error is None else self.error["code"]


async def hear(http: aiohttp.ClientSession, base_url: str, said: str, **fields: Any) -> Heard:
    """Ask as any app may, and check that the answer is of OpenAI's shape to the last byte."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": said}], **fields}
    if body.get("stream"):
        body["stream_options"] = {"include_usage": True}
    async with http.post(f"{base_url}/chat/completions", json=body) as response:
        raw = await response.read()
    assert response.headers["x-request-id"].startswith("req_")
    if response.content_type == "text/event-stream":
        assert response.status == 200
        return from_stream(response.headers, raw)
    return from_whole(response.status, response.headers, orjson.loads(raw))


def from_whole(status: int, headers: Mapping[str, str], answer: Json) -> Heard:
    if (error := answer.get("error")) is not None:
        assert status >= 400
        assert error.keys() == ENVELOPE
        return Heard(status, headers, error=error)
    assert status == 200
    validate_type(type_=ChatCompletion, value=answer)
    (choice,) = answer["choices"]
    return Heard(status, headers, choice["message"], choice["finish_reason"], answer.get("usage"))


def from_stream(headers: Mapping[str, str], raw: bytes) -> Heard:
    """Exactly one end: `[DONE]` after a finish, or one error and nothing after it."""
    decoder = sse.Decoder()
    *told, last = decoder.feed(raw)
    assert decoder.feed(b"") == [], "the last event is not complete"
    chunks = [orjson.loads(payload) for payload in told]
    error = None if last == b"[DONE]" else orjson.loads(last)["error"]
    assert error is None or error.keys() == ENVELOPE
    assert not [chunk for chunk in chunks if "error" in chunk]
    state: Any = ChatCompletionStreamState()
    for chunk in chunks:
        made = validate_type(type_=ChatCompletionChunk, value=chunk)
        assert isinstance(made, ChatCompletionChunk)
        list(state.handle_chunk(made))
    finishes = [c["finish_reason"] for chunk in chunks for c in chunk["choices"] if c["finish_reason"] is not None]
    assert len(finishes) == (1 if error is None else 0)
    return Heard(
        200,
        headers,
        message=state.current_completion_snapshot.to_dict()["choices"][0]["message"] if chunks else {},
        finish=finishes[0] if finishes else None,
        usage=chunks[-1].get("usage") if chunks else None,
        error=error,
        comments=raw.count(sse.KEEP_ALIVE),
    )
