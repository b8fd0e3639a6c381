"""What an upstream says in tests that are not about what it says."""

import orjson

from tests.support.upstream import chunk

ANSWER = {
    "id": "1",
    "model": "qwen3-coder-plus",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
DONE = chunk(b"data: [DONE]\n\n")


def event(text: str, finish: str | None = None) -> bytes:
    """An event of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return chunk(b"data: " + orjson.dumps({"id": "1", "model": "m", "choices": [choice]}) + b"\n\n")
