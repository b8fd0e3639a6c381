"""What an upstream says when it refuses, in whichever shape: JSON of several kinds, events, a web page, nothing."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from qwenproxy.sse import Decoder, EventTooLarge
from qwenproxy.wire.openai import Json

INNER = re.compile(r"\s*(?:\d{3} )?<(?P<status>\d{3})>\s*(?P<code>[A-Za-z][\w.]*)?", re.ASCII)
"""How messages of the model's own checks begin: "<400> InternalError.Algo.InvalidParameter: ..."."""
EXCEPTIONS: Mapping[str, int] = {
    "BadRequestError": 400,
    "ContextWindowExceededError": 400,
    "ContentPolicyViolationError": 400,
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "Timeout": 408,
    "APITimeoutError": 408,
    "UnprocessableEntityError": 422,
    "RateLimitError": 429,
    "APIConnectionError": 500,
    "InternalServerError": 500,
    "BadGatewayError": 502,
    "ServiceUnavailableError": 503,
}
"""Exceptions of OpenAI's Python client and of what is built upon it, by their statuses."""
WRAPPED = re.compile(
    rf"\s*(?:(?:\w+\.)?\w+(?:Error|Timeout): (?:.*\b)?(?P<name>{'|'.join(EXCEPTIONS)}): (?:\w+Exception - )?"
    rf"|\w+\.(?P<alone>{'|'.join(EXCEPTIONS)}): \w+Exception - )",
    re.DOTALL,
)
"""How messages of gateways begin that tell of an exception within an exception; the innermost is the true one.

LiteLLM 1.108 tells of its own only: `litellm.BadRequestError: OpenAIException - ...`.
"""
ALGORITHM = "InternalError.Algo."
EVENT_LINE = re.compile(rb"\s*(?:data|event|id)?:")
EVENT_STATUS = re.compile(rb"^:HTTP_STATUS/(\d{3})", re.MULTILINE)
HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
LONGEST = 2_000
"""Characters of a message that are passed on."""
DIGEST = 120
"""Characters of a web page that are shown, out of the first `PAGE_START`."""
PAGE_START = 20_000
WORDS: Mapping[str, int] = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "INTERNAL": 500,
    "UNKNOWN": 500,
    "DATA_LOSS": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Google's words for statuses (google.rpc.Code), which hold whatever the gateway in between made of them."""
DELAY = re.compile(r"(\d{1,6}(?:\.\d+)?)s")


class Said(NamedTuple):
    """What an upstream said.  `status` and the first of `codes` are the innermost where a message has its own."""

    status: int
    codes: tuple[str, ...]
    message: str
    param: str | None = None
    request_id: str = ""
    page: bool = False
    """A web page, of a firewall or a gateway: the service itself did not answer."""
    wait: float | None = None
    """Seconds that the upstream asks to wait."""


def read(status: int, headers: Mapping[str, str], body: bytes) -> Said:
    """*body*, read as far as it can be; *headers* have lower-case names.  Never raises."""
    found = EVENT_STATUS.search(body)
    if found and status in (0, 200):
        status = int(found[1])
    text = body.decode(errors="replace").strip()
    if _is_page(headers.get("content-type", ""), text):
        return Said(status, (), _digest(text), request_id=headers.get("x-request-id", ""), page=True)
    error, outer = _fields(_value(_payload(body), text))
    message, within = _opened(_text(error.get("message") or error.get("detail") or error.get("error_description")))
    details = _details(error)
    codes = tuple(map(_code, (error.get("code"), error.get("type"), *_reasons(details))))
    for own, code in within:
        status, codes = own, (code, *(codes if status in (own, 0, 200) else ()))
    if not within:
        status = _told(error, status)
    request_id = _text(outer.get("request_id") or headers.get("x-request-id") or outer.get("id"))
    param = _param(error.get("param")) or _violated(details, "field")
    words, name = _line(message[:LONGEST]), _line(request_id[:100])
    return Said(status, tuple(filter(None, codes)), words, param and _line(param), name, wait=_delay(details))


def _is_page(content_type: str, text: str) -> bool:
    return (text.startswith("<") and not INNER.match(text)) or ("html" in content_type and not text.startswith("{"))


def _digest(page: str) -> str:
    return " ".join(TAG.sub(" ", HIDDEN.sub(" ", page[:PAGE_START])).split())[:DIGEST]


def _payload(body: bytes) -> bytes:
    """The body, or the first event of a body in the form of events."""
    if not EVENT_LINE.match(body):
        return body
    decoder = Decoder()
    try:
        events = [*decoder.feed(body.lstrip()), *decoder.feed(b"")]
    except EventTooLarge:
        return b""
    return events[0] if events else b""


def _value(payload: bytes, text: str) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        return text


def _fields(value: Any) -> tuple[Json, Json]:
    """The error and what is around it: {"error": {...}}, {"error": "words"}, {"code", "message"}, or plain words."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {"message": value if isinstance(value, str) else ""}, {}
    error = value.get("error")
    if isinstance(error, dict):
        return error, {**error, **value}
    if isinstance(error, str):
        return {**value, "message": value.get("message") or error}, value
    return value, value


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip()
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return ""


def _line(text: str) -> str:
    """*text* as one line without control characters: it comes to terminals and logs."""
    return text if text.isprintable() else " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _code(value: Any) -> str:
    """A code for comparison: "Throttling.RateQuota" and "throttling_rate_quota" are the same; numbers are statuses."""
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _told(error: Json, status: int) -> int:
    """The status by its word, else the number in an error that came with a good status or none; else *status*."""
    word, number = error.get("status"), str(error.get("code"))
    if isinstance(word, str) and word in WORDS:
        return WORDS[word]
    return int(number) if status in (0, 200) and re.fullmatch(r"[45]\d\d", number, re.ASCII) else status


def _details(error: Json) -> list[Json]:
    """What Google's errors tell besides (google.rpc.ErrorInfo, BadRequest, QuotaFailure, RetryInfo)."""
    details = error.get("details")
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def _reasons(details: list[Json]) -> list[Any]:
    """Codes among the *details*: why, and of which quota nothing is left."""
    return [*(detail.get("reason") for detail in details), _violated(details, "quotaId")]


def _violated(details: list[Json], name: str) -> str | None:
    """*name* of the first thing that the request violates."""
    lists = [value for detail in details for key, value in detail.items() if key in ("fieldViolations", "violations")]
    found = (item.get(name) for value in lists if isinstance(value, list) for item in value if isinstance(item, dict))
    return next((value for value in found if isinstance(value, str) and value), None)


def _delay(details: list[Json]) -> float | None:
    told = next((str(detail["retryDelay"]) for detail in details if "retryDelay" in detail), "")
    found = DELAY.fullmatch(told)
    return float(found[1]) if found else None


def _opened(message: str) -> tuple[str, list[tuple[int, str]]]:
    """*message* out of its wrapping, and the statuses and codes that it has itself, which are truer than those outside;
    the innermost comes last."""
    found: list[tuple[int, str]] = []
    if wrapped := WRAPPED.match(message):
        message = message[wrapped.end() :]
        name = wrapped["name"] or wrapped["alone"]
        found.append((EXCEPTIONS[name], _code(name)))
    if inner := INNER.match(message):
        found.append((int(inner["status"]), _code((inner["code"] or "").removeprefix(ALGORITHM))))
    return message, found


def _param(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
