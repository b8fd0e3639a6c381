"""Every failure a client can tell apart, and the one exception that carries it.

A `Failure` is a row: HTTP status, OpenAI error type, OpenAI error code, and whether a client may send the same request
again.  The statuses are chosen so that the official SDKs, which retry 408, 409, 429 and every 5xx, never retry what
cannot get better.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Failure:
    """One way to fail.  `retry` becomes `x-should-retry`; None leaves the choice to the client's own rule."""

    status: int
    type: str
    code: str | None
    retry: bool | None = None


INVALID_REQUEST = Failure(400, "invalid_request_error", None)
INVALID_TYPE = Failure(400, "invalid_request_error", "invalid_type")
INVALID_VALUE = Failure(400, "invalid_request_error", "invalid_value")
MISSING_PARAMETER = Failure(400, "invalid_request_error", "missing_required_parameter")
UNKNOWN_PARAMETER = Failure(400, "invalid_request_error", "unknown_parameter")
UNSUPPORTED_PARAMETER = Failure(400, "invalid_request_error", "unsupported_parameter")
UNSUPPORTED_VALUE = Failure(400, "invalid_request_error", "unsupported_value")
UNSUPPORTED_TOOL = Failure(400, "invalid_request_error", "unsupported_tool")
PREVIOUS_NOT_FOUND = Failure(400, "invalid_request_error", "previous_response_not_found")
INVALID_STREAM = Failure(400, "invalid_request_error", "invalid_stream_id")
STREAM_LIMIT = Failure(400, "invalid_request_error", "websocket_stream_limit_reached")
CONNECTION_LIMIT = Failure(400, "invalid_request_error", "websocket_connection_limit_reached")
CONTEXT_LENGTH = Failure(400, "invalid_request_error", "context_length_exceeded")
CONTENT_FILTER = Failure(400, "invalid_request_error", "content_filter")
CLIENT_KEY = Failure(401, "invalid_request_error", "invalid_api_key")
UPSTREAM_KEY = Failure(401, "invalid_request_error", "invalid_api_key", retry=False)
FORBIDDEN = Failure(403, "invalid_request_error", "forbidden")
ACCESS_DENIED = Failure(403, "invalid_request_error", "access_denied", retry=False)
BILLING = Failure(403, "insufficient_quota", "billing_not_active", retry=False)
NOT_FOUND = Failure(404, "invalid_request_error", None)
UNKNOWN_URL = Failure(404, "invalid_request_error", "unknown_url")
UNSUPPORTED_ENDPOINT = Failure(404, "invalid_request_error", "unsupported_endpoint")
MODEL_NOT_FOUND = Failure(404, "invalid_request_error", "model_not_found")
REQUEST_TIMEOUT = Failure(408, "invalid_request_error", "request_timeout")
METHOD_NOT_ALLOWED = Failure(405, "invalid_request_error", "method_not_supported")
PAYLOAD_TOO_LARGE = Failure(413, "invalid_request_error", "request_too_large")
UNSUPPORTED_ENCODING = Failure(415, "invalid_request_error", "unsupported_content_encoding")
UPGRADE_REFUSED = Failure(426, "invalid_request_error", "websocket_not_supported")
HEADERS_TOO_LARGE = Failure(431, "invalid_request_error", "headers_too_large")
RATE_LIMIT = Failure(429, "requests", "rate_limit_exceeded")
TOKEN_LIMIT = Failure(429, "tokens", "rate_limit_exceeded")
QUOTA = Failure(429, "insufficient_quota", "insufficient_quota", retry=False)
INTERNAL = Failure(500, "server_error", "internal_error", retry=False)
UPSTREAM_ERROR = Failure(502, "server_error", "upstream_error")
UPSTREAM_GARBLED = Failure(502, "server_error", "bad_upstream_answer")
UPSTREAM_BLOCKED = Failure(502, "server_error", "upstream_blocked")
UPSTREAM_CUT = Failure(502, "server_error", "upstream_stream_cut")
UPSTREAM_UNREACHABLE = Failure(502, "server_error", "upstream_unreachable")
OVERLOADED = Failure(503, "server_error", "upstream_overloaded")
WORKER_GONE = Failure(502, "server_error", "proxy_worker_gone", retry=True)
STATE_UNAVAILABLE = Failure(503, "server_error", "state_unavailable")
BUSY = Failure(503, "server_error", "proxy_overloaded")
STOPPING = Failure(503, "server_error", "proxy_stopping", retry=True)
UPSTREAM_TIMEOUT = Failure(504, "server_error", "upstream_timeout")


class ProxyError(Exception):
    """A failure on its way to the app.

    `message` says what happened and what to do next, without any credential.  `param` names the request field at fault.
    `retry_after` is in seconds.  `headers` are further response headers (`allow`, for one).  `limit` names the setting
    whose limit was hit.
    """

    def __init__(
        self,
        failure: Failure,
        message: str,
        *,
        param: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        limit: str = "",
    ) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.param = param
        self.retry_after = retry_after
        self.extra_headers = headers or {}
        self.limit = limit

    @property
    def status(self) -> int:
        return self.failure.status

    def body(self) -> dict[str, Any]:
        """OpenAI's error envelope; all four keys are required by its schema."""
        error = {"message": self.message, "type": self.failure.type, "param": self.param, "code": self.failure.code}
        return {"error": error}

    def headers(self) -> dict[str, str]:
        """Headers that tell a client whether and when to try again."""
        headers = dict(self.extra_headers)
        if self.retry_after is not None:
            headers["retry-after"] = str(max(1, math.ceil(self.retry_after)))
            headers["retry-after-ms"] = f"{max(0, round(self.retry_after * 1000))}"
        if self.failure.retry is not None:
            headers["x-should-retry"] = "true" if self.failure.retry else "false"
        return headers
