"""What the app sends: its request, and in its prompt the order to the upstream.

A prompt orders its answer by a marker, `[stream 200 50/s]` or `[stream 2000]`, which every proxy passes on unchanged.
Each content event says its number and the time at which it was sent: `~17@123456789 ` (monotonic, microseconds; 0 if
not paced).
"""

import re
from dataclasses import dataclass
from functools import cache

import orjson

MODEL = "gpt-4o"
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
