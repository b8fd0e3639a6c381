"""Answers as mitmproxy responses."""

import time
import uuid
from http.client import responses
from typing import Any

import orjson
from mitmproxy import http

from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer

JSON = "application/json"
BODILESS = (101, 204)
"""Statuses of answers that have no body, and no length of one."""


class StreamHeaders(http.Headers):
    """The headers of a stream.  mitmproxy asks them for the transfer encoding at every piece: they remember it."""

    _of: tuple[tuple[bytes, bytes], ...] | None = None
    _encoding: str | None = None

    def get(self, key: str, default: Any = None) -> Any:
        if key != "transfer-encoding":
            return super().get(key, default)
        if self.fields is not self._of:
            self._of, self._encoding = self.fields, super().get(key)
        return default if self._encoding is None else self._encoding


def request_id(flow_id: str) -> str:
    """The id of the request that came as the flow *flow_id* (a UUID), in OpenAI's form."""
    return f"req_{flow_id.replace('-', '')}"


def of_error(error: ProxyError, flow_id: str) -> Answer:
    """The answer that tells an app of *error*, in OpenAI's envelope."""
    return Answer(error.status, headers_of(error, flow_id), orjson.dumps(error.body()))


def headers_of(error: ProxyError, flow_id: str) -> dict[str, str]:
    return {"content-type": JSON, "x-request-id": request_id(flow_id)} | error.headers()


def raw(error: ProxyError) -> bytes:
    """The same as it goes to an app in HTTP/1 of whose request no more is known; the connection ends with it."""
    body = orjson.dumps(error.body())
    headers = headers_of(error, str(uuid.uuid4())) | {"content-length": str(len(body)), "connection": "close"}
    lines = [f"HTTP/1.1 {error.status} {responses[error.status]}", *(f"{n}: {v}" for n, v in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def response(answer: Answer, request: http.Request) -> http.Response:
    """*answer* for the app that sent *request*; the body of a live answer comes apart from it."""
    whole = answer.body if isinstance(answer.body, bytes) else None
    kind = StreamHeaders if whole is None else http.Headers
    headers = kind([(name.encode(), value.encode(errors="surrogateescape")) for name, value in answer.headers.items()])
    if whole is not None and answer.status not in BODILESS:
        headers["content-length"] = str(len(whole))
        whole = b"" if request.method == "HEAD" else whole
    elif whole is None and request.http_version == "HTTP/1.1":
        headers["transfer-encoding"] = "chunked"
    version = request.data.http_version
    reason = responses.get(answer.status, "").encode()
    return http.Response(version, answer.status, reason, headers, whole, None, time.time(), None)


def refusal(error: ProxyError, flow: http.HTTPFlow) -> http.Response:
    """The response that tells the app of *flow* of *error*."""
    return response(of_error(error, flow.id), flow.request)


async def read_to_end(answer: Answer) -> Answer:
    """*answer* with its whole body in hand."""
    if isinstance(answer.body, bytes):
        return answer
    pieces: list[bytes] = []
    try:
        while piece := await answer.body.read():
            pieces.append(piece)
    finally:
        await answer.body.close()
    return Answer(answer.status, answer.headers, b"".join(pieces))
