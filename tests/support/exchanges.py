"""Flows of ours as they are when an exchange is over."""

from collections.abc import Sequence
from typing import Any

import orjson
from mitmproxy import http
from mitmproxy.test import tflow

from qwenproxy.flows.views import notes
from qwenproxy.record import Record
from qwenproxy.wire.openai import Usage
from tests.support.clock import Clock

TOKEN = "sk-qwen-TOKEN"
URL = "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"
ASKED: dict[str, Any] = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "Hello"}],
    "logit_bias": {"1": 1},
}
SENT = {"model": "qwen3.7-plus", "messages": ASKED["messages"], "stream": True}
SAID = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}\n\n'
STREAM = "text/event-stream"


def recorded(
    keep: int = 1000, answers: Sequence[bytes] = (SAID,), *, status: int = 200, repairs: Sequence[str] = ()
) -> Record:
    """The record of an exchange with a round for each of *answers*."""
    clock = Clock()
    record = Record("req_1", "POST", "chat", clock.now, keep=keep)
    record.model, record.used, record.stream = "gpt-4o", "qwen3.7-plus", True
    record.ruled(("logit_bias",), ())
    for answer in answers:
        record.rounds += 1
        assert record.transcript is not None
        entry = record.transcript.begin("POST", URL, {"user-agent": "app/1"}, orjson.dumps(SENT), TOKEN)
        assert entry is not None
        clock.at += 1
        entry.answered({"user-agent": "app/1"}, status, {"Content-Type": STREAM, "Content-Length": "7"})
        entry.read_by(0, lambda: repairs)
        record.first_event()
        entry.heard(answer)
        entry.heard(b"")
    record.heard([Usage({"prompt_tokens": 24, "completion_tokens": 118})])
    return record


def flow(answer: bytes = SAID, *, streamed: bool = True) -> http.HTTPFlow:
    """The app's side of it."""
    made = tflow.tflow()
    made.request = http.Request.make("POST", "https://api.openai.com/v1/chat/completions", orjson.dumps(ASKED))
    headers = {"content-type": STREAM if streamed else "application/json"}
    made.response = http.Response.make(200, answer, headers)
    made.response.timestamp_start, made.response.timestamp_end = 1.0, 3.5
    return made


def noted(record: Record | None = None, **made: Any) -> http.HTTPFlow:
    """A flow with the notes of its exchange."""
    found = flow(**made)
    notes.take(found, record or recorded())
    return found
