"""What an upstream's refusal means to the app: a table from status, code and words to OpenAI's failures.

The upstream's own status says little: quotas that pass and quotas that do not share one code, the model's checks hide
behind a 500, a login that has ended looks like a wrong key.  So the first row that fits decides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from qwenproxy.dialects.refusal_body import Said, read
from qwenproxy.errors import (
    ACCESS_DENIED,
    BILLING,
    CONTENT_FILTER,
    CONTEXT_LENGTH,
    INVALID_REQUEST,
    MODEL_NOT_FOUND,
    NOT_FOUND,
    OVERLOADED,
    PAYLOAD_TOO_LARGE,
    QUOTA,
    RATE_LIMIT,
    TOKEN_LIMIT,
    UPSTREAM_BLOCKED,
    UPSTREAM_ERROR,
    UPSTREAM_KEY,
    UPSTREAM_TIMEOUT,
    Failure,
    ProxyError,
)

type Statuses = range | tuple[int, ...]

ANY: Statuses = range(1_000)
SECRET = re.compile(r"\bsk-[\w.*…-]+|\bAIza[\w-]{8,}|\bBearer\s+[\w.~+/=*-]{8,}|\beyJ[\w-]+\.[\w.-]+", re.IGNORECASE)
"""Keys and tokens, whole or in part, that an upstream's message may repeat."""

AGENTS_ONLY = "Coding plans answer coding agents only, by their User-Agent; other apps need a key of another plan."
ASK_KEY = (
    "It is the upstream's key or login that was refused, not the app's: see that it is of the plan and region of this "
    "host and has not ended; `qwenproxy status` tells more."
)
ASK_MODEL = "Model names are case-sensitive and differ between plans; the setting `models` maps names."
ASK_URL = "See that the setting `upstream` is the base URL that the vendor's docs give for this plan, and no more."
FILTERED = (
    "The service's content filter answers the same to the same conversation: change or remove what it objects to."
)
FREE_USED = "The free quota of this model is used up: allow paid use in the console, or take another model or key."
PAGE = "A web page of a firewall or gateway came instead of an answer ({}): {!r}. See the setting `upstream`, or wait."
NOT_ALLOWED = "Allow this model or workspace for the key in the vendor's console, or choose another model."
PAY = "Settle the account in the vendor's console."
PLAN_USED = "The quota of the plan is used up until it is renewed; another key or plan works meanwhile."
TOO_LONG = "Shorten the conversation, or choose a model that takes longer ones."


@dataclass(frozen=True, slots=True)
class Meaning:
    """One row: it fits if status, one code and the words fit, whichever are given."""

    name: str
    failure: Failure
    statuses: Statuses = ANY
    code: str = ""
    """A pattern for a whole code, letters only, in lower case."""
    words: str = ""
    """A pattern to be found in the message."""
    wait: float | None = None
    """Seconds until another try is worth it, where the upstream does not say."""
    hint: str = ""
    """What to do next."""
    param: str | None = None


MEANINGS: tuple[Meaning, ...] = (
    Meaning("filtered", CONTENT_FILTER, code="datainspectionfailed|contentpolicyviolationerror", hint=FILTERED),
    Meaning("filtered, in words", CONTENT_FILTER, words="inappropriate content", hint=FILTERED),
    Meaning("free tier", QUOTA, code="allocationquotafreetieronly", hint=FREE_USED),
    Meaning("free quota", QUOTA, words="free (?:allocated )?quota|free tier", hint=FREE_USED),
    Meaning("concurrency", RATE_LIMIT, words="concurrency .*(?:quota|limit)", wait=5),
    Meaning("plan's quota", QUOTA, words=r"\b(?:hour|day|dai|week|month)(?:ly)?\b.{0,20}\bquota", hint=PLAN_USED),
    Meaning("daily quota", QUOTA, code="quotaexceeded", hint=PLAN_USED),
    Meaning("daily quota, by its id", QUOTA, code=r"\w*perday\w*", hint=PLAN_USED),
    Meaning("hard quota", QUOTA, (403,), code="insufficientquota", hint=FREE_USED),
    Meaning("arrears", BILLING, code="arrearage", hint=PAY),
    Meaning("bill", BILLING, code="(?:prepaid|postpaid)billoverdue", hint=PAY),
    Meaning("standing", BILLING, words="account is in good standing", hint=PAY),
    Meaning("not bought", BILLING, code="commoditynotpurchased", hint=PAY),
    Meaning("agents only", ACCESS_DENIED, words="coding plan is currently only available", hint=AGENTS_ONLY),
    Meaning("method", ACCESS_DENIED, (405,), hint=AGENTS_ONLY),
    Meaning("key", UPSTREAM_KEY, code="invalidapikey|apikeyinvalid|apikeyexpired", hint=ASK_KEY),
    Meaning("key that a gateway looks for in vain", UPSTREAM_KEY, (400,), code="nodbconnection", hint=ASK_KEY),
    Meaning("token", UPSTREAM_KEY, words="invalid access token|token (?:has )?expired", hint=ASK_KEY),
    Meaning("wrong plan", UPSTREAM_KEY, (401, 403), words="(?:invalid|incorrect) api[- ]?key", hint=ASK_KEY),
    Meaning("unauthorized", UPSTREAM_KEY, (401,), hint=ASK_KEY),
    Meaning("no model", MODEL_NOT_FOUND, code="modelnotfound|modelnotsupported", hint=ASK_MODEL),
    Meaning(
        "no such model",
        MODEL_NOT_FOUND,
        (0, 200, 400, 404),
        words=r"\bmodel [`'\"]?[\w./:-]+[`'\"]? (?:is not supported|not found|does not exist)",
        hint=ASK_MODEL,
    ),
    Meaning(
        "no such resource", MODEL_NOT_FOUND, (0, 200, 400, 404), words=r"\bmodels/\S+ is not found", hint=ASK_MODEL
    ),
    Meaning("no access", ACCESS_DENIED, code="(?:model|workspace)?accessdenied(?:unpurchased)?", hint=NOT_ALLOWED),
    Meaning("forbidden", ACCESS_DENIED, (403,), hint=NOT_ALLOWED),
    Meaning("request timeout", UPSTREAM_TIMEOUT, code="requesttimeout|internalerrortimeout|streamtimeout"),
    Meaning("stream timeout", UPSTREAM_TIMEOUT, words="stream timeout|request timed out"),
    Meaning("gateway timeout", UPSTREAM_TIMEOUT, (408, 504)),
    Meaning("overload", OVERLOADED, code="modelservingerror|modelunavailable", wait=10),
    Meaning("burst", RATE_LIMIT, code="limitburstrate|throttlingburstrate", wait=5),
    Meaning("requests", RATE_LIMIT, code="limitrequests|throttlingratequota|throttling", wait=10),
    Meaning("tokens", TOKEN_LIMIT, code="insufficientquota|throttlingallocationquota", wait=20),
    Meaning("tokens, in words", TOKEN_LIMIT, words="allocated quota exceeded", wait=20),
    Meaning("rate", RATE_LIMIT, (429,), wait=10),
    Meaning("rate, in words", RATE_LIMIT, words="rate limit|too many requests|being throttled", wait=10),
    Meaning("unavailable", OVERLOADED, (503,), wait=10),
    Meaning("long input", CONTEXT_LENGTH, words="range of input length", hint=TOO_LONG, param="messages"),
    Meaning(
        "long context",
        CONTEXT_LENGTH,
        words="maximum context length|context length exceeded|exceeds? the .{0,30}context",
        hint=TOO_LONG,
        param="messages",
    ),
    Meaning("long, by code", CONTEXT_LENGTH, code="contextwindowexceedederror", hint=TOO_LONG, param="messages"),
    Meaning("large body", PAYLOAD_TOO_LARGE, words="max bytes to request body"),
    Meaning("too large", PAYLOAD_TOO_LARGE, (413,)),
    Meaning("server", UPSTREAM_ERROR, range(500, 600)),
    Meaning("path", NOT_FOUND, (404,), hint=ASK_URL),
    Meaning("invalid", INVALID_REQUEST, range(400, 500)),
    Meaning(
        "invalid, by code", INVALID_REQUEST, code="invalidparameter(?:error)?|invalidrequesterror|badrequest(?:error)?"
    ),
    Meaning("other", UPSTREAM_ERROR),
)

DISTINCT = re.compile(
    r"\b(?:(?:parameter|parameters|body)\.)?"
    r"(max_completion_tokens|max_tokens|tool_choice|parallel_tool_calls|response_format|enable_thinking|thinking_budget"
    r"|reasoning_effort|preserve_thinking|frequency_penalty|presence_penalty|repetition_penalty|top_logprobs|logprobs"
    r"|logit_bias|stream_options|enable_search|search_options|temperature|top_p|top_k|seed|tools|messages)\b",
    re.IGNORECASE,
)
"""Fields that a message can only mean as fields."""
RANGE = re.compile(r"range of (?!input)(\w+) should", re.IGNORECASE)
INPUT = re.compile(r"input content|tool_calls|system message|tool message|role", re.IGNORECASE)
TOOLS = re.compile(r"tool names|'function'", re.IGNORECASE)


def failure(status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
    """The refusal in OpenAI's words; *status* 0: an error inside a stream that began well."""
    lower = {name.lower(): value for name, value in headers.items()}
    said = read(status, lower, body)
    if said.page:
        return ProxyError(UPSTREAM_BLOCKED, _masked(PAGE.format(status, said.message)), retry_after=5)
    meaning = next(row for row in MEANINGS if _fits(row, said))
    wait = _wait(lower, said, meaning)
    return ProxyError(meaning.failure, _message(said, meaning, wait), param=_param(said, meaning), retry_after=wait)


def _fits(row: Meaning, said: Said) -> bool:
    return (
        said.status in row.statuses
        and (not row.code or any(re.fullmatch(row.code, code) for code in said.codes))
        and (not row.words or re.search(row.words, said.message, re.IGNORECASE) is not None)
    )


def _wait(headers: Mapping[str, str], said: Said, meaning: Meaning) -> float | None:
    """Seconds to wait: what the upstream asks for, in a header or in its words, else the row's; none for what stays."""
    if meaning.failure.retry is False:
        return None
    told = headers.get("retry-after", "").strip()
    asked = float(told) if re.fullmatch(r"\d{1,6}(?:\.\d+)?", told) else said.wait
    return meaning.wait if asked is None else asked


def _message(said: Said, meaning: Meaning, wait: float | None) -> str:
    words = said.message or f"The upstream gave no reason (status {said.status})"
    parts = [words if words.endswith((".", "!", "?")) else f"{words}.", meaning.hint]
    if meaning.failure.status == 429 and wait is not None:
        parts.append(f"Please try again in {wait:g}s.")
    if said.request_id:
        parts.append(f"(Qwen's request id: {said.request_id})")
    return _masked(" ".join(filter(None, parts)))


def _masked(text: str) -> str:
    return SECRET.sub("[secret]", text)


def _param(said: Said, meaning: Meaning) -> str | None:
    if meaning.failure is not INVALID_REQUEST:
        return meaning.param
    named = RANGE.search(said.message) or DISTINCT.search(said.message)
    found = named[1].lower() if named else "tools" if TOOLS.search(said.message) else None
    return said.param or found or ("messages" if INPUT.search(said.message) else None)
