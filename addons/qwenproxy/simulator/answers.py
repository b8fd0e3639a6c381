"""Answers as steps: status and headers as the service sends them, then the body (qwen-wire B.2)."""

from collections.abc import Sequence

from qwenproxy.simulator.framing import Frame
from qwenproxy.simulator.refusals import Envelope, Refusal
from qwenproxy.simulator.steps import Send, Start, Steps

JSON = "application/json"
EVENTS = "text/event-stream;charset=UTF-8"


def _headers(content_type: str, request_id: str) -> dict[str, str]:
    return {
        "content-type": content_type,
        "x-request-id": request_id,
        "x-dashscope-call-gateway": "true",
        "req-cost-time": "12",
    }


def whole(content_type: str, body: bytes, request_id: str, status: int = 200) -> Steps:
    """An answer in one piece, its length announced."""
    headers = _headers(content_type, request_id) | {"content-length": str(len(body))}
    return [Start(status, headers), Send(body)]


def streamed(content_type: str, events: Sequence[bytes], frame: Frame, request_id: str) -> Steps:
    """A stream: the events as a face sends them, framed otherwise by *frame*."""
    headers = _headers(content_type, request_id) | {"cache-control": "no-cache"}
    return [Start(200, headers), *(Send(frame(event)) for event in events)]


def refused(refusal: Refusal, request_id: str, envelope: Envelope = Refusal.error) -> Steps:
    """A refusal, in the form of the face that was asked."""
    start, *rest = whole(refusal.content_type, refusal.body(request_id, envelope), request_id, refusal.status)
    extra = {"retry-after": refusal.retry_after} if refusal.retry_after else {}
    return [Start(refusal.status, {**start.headers, **extra}) if isinstance(start, Start) else start, *rest]
