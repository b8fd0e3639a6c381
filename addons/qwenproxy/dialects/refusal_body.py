"""What an upstream says when it refuses, in whichever shape: JSON of several kinds, events, a web page, nothing."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from qwenproxy.sse import Decoder, EventTooLarge
from qwenproxy.wire.openai import Json

INNER = re.compile(r"\s*(?:\d{3} )?<(?P<status>\d{3})>\s*(?P<code>[A-Za-z][\w.]*)?", re.ASCII)
"""How messages of the model's own checks begin: "<400> InternalError.Algo.InvalidParameter: ..."."""
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


class Said(NamedTuple):
    """What an upstream said.  `status` and the first of `codes` are the inner ones where a message has them."""

    status: int
    codes: tuple[str, ...]
    message: str
    param: str | None = None
    request_id: str = ""
    page: bool = False
    """A web page, of a firewall or a gateway: the service itself did not answer."""


def read(status: int, headers: Mapping[str, str], body: bytes) -> Said:
    """*body*, read as far as it can be; *headers* have lower-case names.  Never raises."""
    found = EVENT_STATUS.search(body)
    if found and status in (0, 200):
        status = int(found[1])
    text = body.decode(errors="replace").strip()
    if _is_page(headers.get("content-type", ""), text):
        return Said(status, (), _digest(text), request_id=headers.get("x-request-id", ""), page=True)
    error, outer = _fields(_value(_payload(body), text))
    message = _text(error.get("message") or error.get("detail") or error.get("error_description"))
    inner = INNER.match(message)
    codes = tuple(code for code in (_code(error.get("code")), _code(error.get("type"))) if code)
    if inner:
        status, codes = _inner(inner, status, codes)
    request_id = _text(outer.get("request_id") or headers.get("x-request-id") or outer.get("id"))
    return Said(status, codes, message[:LONGEST], _param(error.get("param")), request_id[:100])


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


def _code(value: Any) -> str:
    """A code for comparison: "Throttling.RateQuota" and "throttling_rate_quota" are the same; numbers are statuses."""
    return re.sub(r"[^a-z]", "", value.lower()) if isinstance(value, str) else ""


def _inner(inner: re.Match[str], status: int, codes: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """The status and codes of a message that has its own, which are the true ones."""
    own = int(inner["status"])
    code = _code((inner["code"] or "").removeprefix(ALGORITHM))
    others = codes if own == status or status in (0, 200) else ()
    return own, tuple(filter(None, (code, *others)))


def _param(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
