"""What the upstream says, in each dialect: as much of it made beforehand as can be."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import orjson

from scripts.benchmark.payloads import SLICE, STREAMED, TEXT

MODEL = "qwen3.7-plus"
ID = "4d7a3c6e-0000-4000-8000-000000000000"
PIECE = 50
"""Characters of an event of the whole answer, for who asks for it as a stream."""
WORDS = "~words~"
"""Stands in a template where an event's text belongs."""


def _head(status: str, *lines: str) -> bytes:
    fixed = (f"x-request-id: {ID}", "server: benchmark", "vary: Origin")
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, *fixed, "", "")).encode()


def whole(content: object, status: str = "200 OK") -> bytes:
    """A whole JSON answer."""
    body = orjson.dumps(content)
    return _head(status, "content-type: application/json", f"content-length: {len(body)}") + body


UNKNOWN = whole({"error": {"message": "no such path", "type": "invalid_request_error"}}, "404 Not Found")
STREAM_HEAD = _head("200 OK", "content-type: text/event-stream;charset=UTF-8", "transfer-encoding: chunked")
END = b"0\r\n\r\n"


def _chunk(event: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(event), event)


@dataclass(frozen=True)
class Face:
    """One dialect's answers as bytes.  *template* is an event that says WORDS, everything else is ready to send."""

    answer: bytes
    first: bytes
    template: bytes
    last: bytes

    def say(self, words: str) -> bytes:
        """An event with *words*, which need no escaping, as one HTTP chunk."""
        return _chunk(self.template.replace(WORDS.encode(), words.encode()))

    def event(self, number: int, now: float) -> bytes:
        """Content event *number*, which leaves at *now* (seconds, monotonic)."""
        return self.say(f"~{number}@{int(now * 1e6)} ")


@cache
def streamed(face: Face) -> bytes:
    """The whole answer for who asks for it as a stream."""
    pieces = (face.say(TEXT[at : at + PIECE]) for at in range(0, len(TEXT), PIECE))
    return b"".join((STREAM_HEAD, face.first, *pieces, face.last))


@cache
def burst(face: Face, count: int) -> tuple[bytes, ...]:
    """A whole stream of *count* events without pacing, in the slices in which it is written."""
    data = b"".join((STREAM_HEAD, face.first, *(face.event(number, 0) for number in range(count)), face.last))
    return tuple(data[at : at + SLICE] for at in range(0, len(data), SLICE))


def _data(content: object) -> bytes:
    return b"data: " + orjson.dumps(content) + b"\n\n"


def _completion(kind: str, choices: list[object], usage: object = None) -> dict[str, object]:
    return {
        "id": f"chatcmpl-{ID}",
        "object": kind,
        "created": 1_790_000_000,
        "model": MODEL,
        "system_fingerprint": None,
        "choices": choices,
        "usage": usage,
    }


def _compatible() -> Face:
    usage = {"prompt_tokens": 410, "completion_tokens": 150, "total_tokens": 560}

    def delta(delta: object, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        return _data(_completion("chat.completion.chunk", [choice]))

    message = {"role": "assistant", "content": TEXT}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    totals = _data(_completion("chat.completion.chunk", [], usage))
    return Face(
        whole(_completion("chat.completion", [choice], usage)),
        _chunk(delta({"role": "assistant", "content": ""})),
        delta({"content": WORDS}),
        b"".join(map(_chunk, (delta({"content": ""}, "stop"), totals, b"data: [DONE]\n\n"))) + END,
    )


def _dashscope() -> Face:
    usage = {"input_tokens": 410, "output_tokens": 150, "total_tokens": 560}

    def said(words: str, finish: str) -> dict[str, object]:
        content = [{"text": words}] if words else []
        message = {"role": "assistant", "content": content, "reasoning_content": ""}
        return {
            "output": {"choices": [{"message": message, "finish_reason": finish}]},
            "usage": usage,
            "request_id": ID,
        }

    def frame(words: str, finish: str = "null") -> bytes:
        return b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:" + orjson.dumps(said(words, finish)) + b"\n\n"

    return Face(whole(said(TEXT, "stop")), _chunk(frame("")), frame(WORDS), _chunk(frame("", "stop")) + END)


def _contents() -> Face:
    usage = {"promptTokenCount": 410, "candidatesTokenCount": 150, "totalTokenCount": 560}

    def said(words: str, **more: str) -> dict[str, object]:
        candidate = {"content": {"role": "model", "parts": [{"text": words}]}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": MODEL, "responseId": ID}

    last = _chunk(_data(said("", finishReason="STOP"))) + END
    return Face(whole(said(TEXT, finishReason="STOP")), _chunk(_data(said(""))), _data(said(WORDS)), last)


COMPATIBLE, DASHSCOPE, CONTENTS = _compatible(), _dashscope(), _contents()


def face_of(path: bytes) -> Face | None:
    """The dialect that is spoken at *path*; None where nothing is."""
    if path.endswith(b"/chat/completions"):
        return COMPATIBLE
    if path.endswith(b"-generation/generation"):
        return DASHSCOPE
    return CONTENTS if b":generateContent" in path or b":streamGenerateContent" in path else None


def wants_stream(path: bytes, headers: Mapping[bytes, bytes], body: bytes) -> bool:
    """Whether the answer is to be a stream: a proxy may ask for one to make a whole answer of it."""
    if headers.get(b"x-dashscope-sse") == b"enable" or b":streamGenerateContent" in path:
        return True
    return STREAMED.search(body) is not None
