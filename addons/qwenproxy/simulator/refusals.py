"""Every way in which the service says no, as rows: status, type, code, wording, and the shape of the body.

The shape is that of the face which is asked (its *envelope*), unless the row has one that is the same everywhere.

Source: qwen-wire B.8; of several statuses in a row there the first holds, where the service has one of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from qwenproxy.wire.openai import Json

ALGORITHM = "<400> InternalError.Algo.InvalidParameter: "
"""How the model's own checks begin; the gateway's come without."""

HELP = "For details, see: https://www.alibabacloud.com/help/en/model-studio/error-code"
INVALID = "invalid_request_error"

type Shape = Literal["own", "native", "string", "events", "html", "text", "nothing"]

type Envelope = Callable[[Refusal, str], Json]
"""Makes a face's own body of a refusal and a request id."""

type Body = Callable[[Refusal, str, Envelope], bytes]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refusal.  `retry_after` is in seconds."""

    status: int
    type: str
    code: str | None
    message: str
    shape: Shape = "own"
    retry_after: str = ""

    @property
    def content_type(self) -> str:
        return TYPES.get(self.shape, "application/json")

    def error(self, request_id: str) -> Json:
        """The envelope of the OpenAI-like face."""
        error = {"message": self.message, "type": self.type, "param": None, "code": self.code}
        return {"error": error, "id": f"chatcmpl-{request_id}", "request_id": request_id}

    def body(self, request_id: str, envelope: Envelope = error) -> bytes:
        return SHAPES[self.shape](self, request_id, envelope)


def _own(refusal: Refusal, request_id: str, envelope: Envelope) -> bytes:
    return orjson.dumps(envelope(refusal, request_id))


def _native(refusal: Refusal, request_id: str, envelope: Envelope) -> bytes:
    return orjson.dumps({"code": refusal.code, "message": refusal.message, "request_id": request_id})


def _string(refusal: Refusal, request_id: str, envelope: Envelope) -> bytes:
    return orjson.dumps({"error": refusal.message})


def _events(refusal: Refusal, request_id: str, envelope: Envelope) -> bytes:
    return error_event(1, refusal.status, _own(refusal, request_id, envelope))


def error_event(number: int, status: int, data: bytes) -> bytes:
    """An error as the gateway puts it into an event stream (C.5)."""
    return b"id:%d\nevent:error\n:HTTP_STATUS/%d\ndata:%s\n\n" % (number, status, data)


def _html(refusal: Refusal, request_id: str, envelope: Envelope) -> bytes:
    page = (
        "<!doctype html><html><head><title>%s</title><script>var aliyun_waf = 1;</script></head><body>%s</body></html>"
    )
    return (page % (refusal.status, refusal.message)).encode()


SHAPES: Mapping[Shape, Body] = {
    "own": _own,
    "native": _native,
    "string": _string,
    "events": _events,
    "html": _html,
    "text": lambda refusal, request_id, envelope: refusal.message.encode(),
    "nothing": lambda refusal, request_id, envelope: b"",
}
TYPES: Mapping[Shape, str] = {
    "events": "text/event-stream;charset=UTF-8",
    "html": "text/html; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}


class Refused(Exception):
    """The request is refused with *refusal*."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def invalid(message: str) -> Refusal:
    """The common 400."""
    return Refusal(400, INVALID, "invalid_parameter_error", message)


def unknown_model(name: str) -> Refusal:
    message = f"The model `{name}` does not exist or you do not have access to it."
    return Refusal(404, INVALID, "model_not_found", message)


def unknown_path(method: str, path: str) -> Refusal:
    """What an address that is none gets: JSON below the OpenAI-like and the native face, an empty 404 elsewhere."""
    if path.startswith("/api/v1/services/"):
        return invalid(WRONG_SERVICE)
    shape: Shape = "own" if path.startswith("/compatible-mode/") else "nothing"
    return Refusal(404, INVALID, "", f"Invalid URL ({method} {path})", shape)


WRONG_SERVICE = "url error, check url!"
"""What the native face says of an address that is none, or not the model's."""

TOO_LARGE = Refusal(413, INVALID, "invalid_parameter_error", "Exceeded limit on max bytes to request body")
BAD_KEY = Refusal(401, INVALID, "invalid_api_key", f"Incorrect API key provided. {HELP}#apikey-error")


def _quota(message: str, status: int = 429) -> Refusal:
    return Refusal(status, "insufficient_quota", "insufficient_quota", message)


def _typed(status: int, code: str, message: str) -> Refusal:
    """A refusal whose type is its code."""
    return Refusal(status, code, code, message)


REFUSALS: Mapping[str, Refusal] = {
    "invalid_parameter_error": invalid(f"{ALGORITHM}A parameter is not valid."),
    "input_too_long": invalid(f"{ALGORITHM}Range of input length should be [1, 262144]"),
    "repetitive_tool_calls": invalid(f"{ALGORITHM}Repetitive tool calls detected in the messages."),
    "data_inspection_failed": _typed(
        400,
        "data_inspection_failed",
        "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.",
    ),
    "output_inspection_failed": _typed(400, "data_inspection_failed", "Output data may contain inappropriate content."),
    "arrearage": _typed(400, "Arrearage", "Access denied, please make sure your account is in good standing."),
    "invalid_api_key": BAD_KEY,
    "expired_token": Refusal(401, INVALID, "invalid_api_key", "invalid access token or token expired"),
    "access_denied": _typed(403, "access_denied", "Access denied."),
    "unpurchased": _typed(
        403, "AccessDenied.Unpurchased", "Access to model denied. Please make sure you are eligible."
    ),
    "model_access_denied": _typed(403, "Model.AccessDenied", "Model access denied."),
    "workspace_access_denied": _typed(403, "Workspace.AccessDenied", "Workspace access denied."),
    "free_tier_403": _typed(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."),
    "quota_403": _quota("Free allocated quota exceeded.", 403),
    "wrong_plan": Refusal(403, INVALID, None, "invalid api-key"),
    "model_not_found": unknown_model("this-model"),
    "model_not_supported": Refusal(404, INVALID, "model_not_supported", "model 'this-model' is not supported"),
    "coding_agents_only": Refusal(405, "", None, "Coding Plan is currently only available for Coding Agents", "string"),
    "limit_requests": _typed(429, "limit_requests", f"You exceeded your current requests list. {HELP}#rate-limit"),
    "limit_burst_rate": _typed(
        429,
        "limit_burst_rate",
        "Request rate increased too quickly. Please adjust your client to scale requests smoothly.",
    ),
    "limit_tokens": _quota("You exceeded your current quota, please check your plan and billing details."),
    "free_quota": _quota("Free allocated quota exceeded."),
    "hour_quota": _quota("hour allocated quota exceeded."),
    "week_quota": _quota("week allocated quota exceeded."),
    "month_quota": _quota("month allocated quota exceeded."),
    "concurrency_quota": _quota("concurrency allocated quota exceeded."),
    "quota_exceeded": _typed(429, "quota_exceeded", "The daily quota of this account is used up."),
    "commodity_not_purchased": _typed(429, "CommodityNotPurchased", "Commodity has not been purchased yet."),
    "prepaid_overdue": _typed(429, "PrepaidBillOverdue", "The prepaid bill is overdue."),
    "postpaid_overdue": _typed(429, "PostpaidBillOverdue", "The postpaid bill is overdue."),
    "internal_error": _typed(500, "internal_error", "Internal server error."),
    "algorithm_error": _typed(500, "InternalError.Algo", "inference internal error."),
    "timeout_error": _typed(500, "InternalError.Timeout", "An internal timeout error has occurred during execution."),
    "request_timeout": _typed(500, "RequestTimeOut", "Request timed out, please try again later."),
    "system_error": _typed(500, "SystemError", "An system error has occurred, please try again later."),
    "model_service_failed": _typed(500, "ModelServiceFailed", "Failed to request model service."),
    "model_serving_error": _typed(
        500, "ModelServingError", "Your requests are being throttled due to system capacity limits."
    ),
    "model_unavailable": _typed(503, "ModelUnavailable", "Model is unavailable, please try again later."),
    "stream_timeout": _typed(504, "stream_timeout", "stream timeout"),
    "hidden_400": _typed(500, "internal_error", f"{ALGORITHM}Range of max_tokens should be [1, 1024]"),
    "hidden_429": _typed(
        500, "internal_error", "<429> InternalError.Algo: Too many requests, you are being throttled."
    ),
    "native_400": Refusal(400, "", "InvalidParameter", "Required parameter(s) missing or invalid.", "native"),
    "native_401": Refusal(401, "", "InvalidApiKey", "Invalid API-key provided.", "native"),
    "native_429": Refusal(
        429, "", "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", "native"
    ),
    "native_tokens": Refusal(429, "", "Throttling.AllocationQuota", "Too many tokens in a minute.", "native"),
    "waf_200": Refusal(200, "", None, "Please slide to verify.", "html"),
    "waf_403": Refusal(403, "", None, "Your access has been blocked.", "html"),
    "waf_405": Refusal(405, "", None, "Sorry, your request has been blocked.", "html"),
    "waf_429": Refusal(429, "", None, "Too many requests from your address.", "html"),
    "waf_503": Refusal(503, "", None, "Please complete the captcha.", "html"),
    "bad_gateway": Refusal(502, "", None, "upstream connect error or disconnect before headers", "text"),
    "no_body": Refusal(500, "", None, "", "nothing"),
}
"""The rows of `[sim: error NAME]`."""


def refusal_of(argument: str) -> Refusal:
    """The row that an argument names, `internal_error` if none; a number after it becomes its Retry-After.

    Raises ValueError for an unknown name and for what is no number.
    """
    name, _, retry_after = argument.partition(" ")
    refusal = REFUSALS.get(name or "internal_error")
    if refusal is None:
        raise ValueError(f"no error is called {name!r}; there are: {', '.join(REFUSALS)}")
    if retry_after and not retry_after.isdecimal():
        raise ValueError(f"{retry_after!r} are no seconds")
    return replace(refusal, retry_after=retry_after)
