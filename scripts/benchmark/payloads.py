"""What goes over the wire: the app's request, the upstream's answers, and the order to the upstream inside the prompt.

A prompt orders its answer by a marker, `[stream 200 50/s]` or `[stream 2000]`, which every proxy passes on unchanged.
Each content event says its number and the time it was planned for: `~17@123456789 ` (monotonic, microseconds; 0 if
not paced).
"""

import re
from dataclasses import dataclass
from functools import cache

import orjson

MODEL = "gpt-4o"
ANSWERING_MODEL = "qwen3.7-plus"
PROMPT = "The proxy stands between an app and its model, and neither of them should notice. " * 20
TEXT = "An answer of about a kilobyte, in plain words, as a model would give it to a short question. " * 7
EVENT = re.compile(rb"~(\d+)@(\d+) ")
ORDER = re.compile(rb"\[stream (\d+)(?: (\d+)/s)?\]")
STREAMED = re.compile(rb'"stream"\s*:\s*true')
MOST_EVENTS = 10_000
SLICE = 16 * 1024
"""Bytes that the upstream writes at once when it does not pace."""


@dataclass(frozen=True, slots=True)
class Order:
    """A stream of *count* content events, *rate* a second; 0 = as fast as they go."""

    count: int
    rate: int = 0

    def marker(self) -> str:
        """The order as a prompt says it."""
        return f"[stream {self.count} {self.rate}/s]" if self.rate else f"[stream {self.count}]"


def ordered(body: bytes) -> Order | None:
    """The stream that the prompt in *body* orders; None: it orders none."""
    match = ORDER.search(body)
    return None if match is None else Order(min(int(match[1]), MOST_EVENTS), int(match[2] or 0))


def streamed(body: bytes) -> bool:
    """Whether the answer to *body* is to be a stream: a proxy may ask for one to make a whole answer of it."""
    return STREAMED.search(body) is not None


@cache
def request(port: int, order: Order | None) -> bytes:
    """The bytes of one chat request of about 2 kB, as an SDK sends it."""
    body: dict[str, object] = {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "content": "Understood."},
            {"role": "user", "content": f"Go on. {order.marker() if order else ''}"},
        ],
        "temperature": 0.7,
        "max_tokens": 1000,
    }
    if order is not None:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    content = orjson.dumps(body)
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Accept: application/json\r\n"
        "Content-Type: application/json\r\n"
        "User-Agent: OpenAI/Python 3.54.0\r\n"
        "Authorization: Bearer sk-benchmark\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def _head(status: str, *lines: str) -> bytes:
    fixed = ("x-request-id: 4d7a3c6e-0000-4000-8000-000000000000", "server: benchmark", "vary: Origin")
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, *fixed, "", "")).encode()


def whole(content: object, status: str = "200 OK") -> bytes:
    """A whole JSON answer."""
    body = orjson.dumps(content)
    return _head(status, "content-type: application/json", f"content-length: {len(body)}") + body


USAGE = {"prompt_tokens": 410, "completion_tokens": 150, "total_tokens": 560}
ANSWER = whole(
    {
        "id": "chatcmpl-4d7a3c6e",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": ANSWERING_MODEL,
        "system_fingerprint": None,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": TEXT},
            }
        ],
        "usage": USAGE,
    }
)
UNKNOWN = whole({"error": {"message": "no such path", "type": "invalid_request_error"}}, "404 Not Found")
STREAM_HEAD = _head("200 OK", "content-type: text/event-stream;charset=UTF-8", "transfer-encoding: chunked")


def _chunk(payload: bytes) -> bytes:
    """One server-sent event as one HTTP chunk."""
    event = b"data: " + payload + b"\n\n"
    return b"%x\r\n%b\r\n" % (len(event), event)


def _say(choices: list[dict[str, object]], usage: object = None) -> bytes:
    chunk = {
        "id": "chatcmpl-4d7a3c6e",
        "object": "chat.completion.chunk",
        "created": 1_790_000_000,
        "model": ANSWERING_MODEL,
        "system_fingerprint": None,
        "choices": choices,
        "usage": usage,
    }
    return _chunk(orjson.dumps(chunk))


def _delta(delta: dict[str, object], finish: str | None = None) -> bytes:
    return _say([{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}])


FIRST = _delta({"role": "assistant", "content": ""})
LAST = _delta({"content": ""}, "stop") + _say([], USAGE) + _chunk(b"[DONE]") + b"0\r\n\r\n"


def event(number: int, planned: float) -> bytes:
    """Content event *number*, which is to leave at *planned* (seconds, monotonic)."""
    return _delta({"content": f"~{number}@{int(planned * 1e6)} "})


def _text(words: str) -> bytes:
    return _delta({"content": words})


PIECE = 50
ANSWER_STREAMED = (
    STREAM_HEAD + FIRST + b"".join(_text(TEXT[at : at + PIECE]) for at in range(0, len(TEXT), PIECE)) + LAST
)
"""The whole answer for who asks for it as a stream."""


@cache
def burst(count: int) -> tuple[bytes, ...]:
    """A whole stream of *count* events without pacing, in the slices in which it is written."""
    data = b"".join((STREAM_HEAD, FIRST, *(event(number, 0) for number in range(count)), LAST))
    return tuple(data[at : at + SLICE] for at in range(0, len(data), SLICE))
