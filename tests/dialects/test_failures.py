"""Refusals of an upstream, in OpenAI's words: one case or more for every row of the table."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.corrections import learn
from qwenproxy.dialects.failures import MEANINGS, PAGE, failure
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
from qwenproxy.models import Row

ALGO = "<400> InternalError.Algo.InvalidParameter: "


def said(message: str, code: str | None = None, kind: str | None = None) -> bytes:
    """A body of the compatible mode."""
    error = {"message": message, "type": kind or code, "param": None, "code": code}
    return orjson.dumps({"error": error, "id": "chatcmpl-1", "request_id": "rq-1"})


def native(code: str, message: str) -> bytes:
    """A body of DashScope's own protocol."""
    return orjson.dumps({"code": code, "message": message, "request_id": "rq-1"})


def google(status: str, message: str, *details: Any) -> bytes:
    """A body of the contents format."""
    return orjson.dumps({"error": {"message": message, "status": status, "details": details}})


def wrapped(message: str) -> bytes:
    """As LiteLLM's generateContent (1.106) tells what its own upstream said."""
    outer = f"litellm.APIConnectionError: APIConnectionError: OpenAIException - Error calling it: litellm.{message}"
    return orjson.dumps({"error": {"message": outer, "type": "internal_server_error", "param": None, "code": "500"}})


CASES: list[tuple[str, int, bytes, Failure]] = [
    ("bad field", 400, said(ALGO + "A parameter is wrong.", "invalid_parameter_error"), INVALID_REQUEST),
    ("bad field, native", 400, native("InvalidParameter", "Required parameter missing."), INVALID_REQUEST),
    ("bad field, embeddings", 400, said("batch size is invalid", None, "InvalidParameter"), INVALID_REQUEST),
    ("filter", 400, said("Input data may contain inappropriate content.", "data_inspection_failed"), CONTENT_FILTER),
    ("filter, native", 400, native("DataInspectionFailed", "Output data ..."), CONTENT_FILTER),
    ("filter, inner", 400, said("<400> InternalError.Algo.DataInspectionFailed: Output ...", "x"), CONTENT_FILTER),
    ("filter, words", 400, said("Output data may contain inappropriate content."), CONTENT_FILTER),
    ("filter, in a stream", 0, said("Output data may contain inappropriate content."), CONTENT_FILTER),
    ("arrears", 400, said("Access denied, your account is overdue.", "Arrearage"), BILLING),
    ("arrears, words", 400, said("Please make sure your account is in good standing."), BILLING),
    ("key", 401, said("Incorrect API key provided.", "invalid_api_key"), UPSTREAM_KEY),
    ("key, native", 401, native("InvalidApiKey", "Invalid API-key provided."), UPSTREAM_KEY),
    ("login ended", 401, said("invalid access token or token expired"), UPSTREAM_KEY),
    ("login ended, as 400", 400, said("Invalid access token or token expired"), UPSTREAM_KEY),
    ("unauthorized", 401, b"", UPSTREAM_KEY),
    ("key of a plan, elsewhere", 403, said("invalid api-key"), UPSTREAM_KEY),
    ("access", 403, said("Access denied.", "access_denied"), ACCESS_DENIED),
    ("access, unpurchased", 403, native("AccessDenied.Unpurchased", "Access to model denied."), ACCESS_DENIED),
    ("access, model", 403, said("Model access denied.", "Model.AccessDenied"), ACCESS_DENIED),
    ("access, workspace", 400, native("Workspace.AccessDenied", "Workspace access denied."), ACCESS_DENIED),
    ("forbidden", 403, b"no", ACCESS_DENIED),
    ("free tier", 403, native("AllocationQuota.FreeTierOnly", "Exhausted."), QUOTA),
    ("free tier, words", 403, said("The free tier of the model has been exhausted."), QUOTA),
    ("free quota", 403, said("Used up.", "insufficient_quota"), QUOTA),
    ("free quota as 429", 429, said("Free allocated quota exceeded.", "insufficient_quota"), QUOTA),
    ("no model", 404, said("The model `x` does not exist or you have no access.", "model_not_found"), MODEL_NOT_FOUND),
    ("no model, native", 404, native("ModelNotFound", "Model not exist."), MODEL_NOT_FOUND),
    ("model not supported", 404, said("no", "model_not_supported"), MODEL_NOT_FOUND),
    ("model not supported, coding plan", 400, said("model 'Qwen3-Max' is not supported."), MODEL_NOT_FOUND),
    ("no model, string", 404, orjson.dumps({"error": "model 'x' not found"}), MODEL_NOT_FOUND),
    (
        "no model, vLLM",
        404,
        orjson.dumps({"error": {"message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404}}),
        MODEL_NOT_FOUND,
    ),
    (
        "agents only",
        405,
        orjson.dumps({"error": "Coding Plan is currently only available for Coding Agents"}),
        ACCESS_DENIED,
    ),
    ("agents only, nothing said", 405, b"", ACCESS_DENIED),
    ("requests", 429, said("You exceeded your current requests list.", "limit_requests"), RATE_LIMIT),
    ("requests, native", 429, native("Throttling.RateQuota", "Requests rate limit exceeded."), RATE_LIMIT),
    ("requests, short", 429, native("Throttling", "Requests throttled."), RATE_LIMIT),
    ("burst", 429, said("Request rate increased too quickly.", "limit_burst_rate"), RATE_LIMIT),
    ("burst, native", 429, native("Throttling.BurstRate", "Request rate increased too quickly."), RATE_LIMIT),
    (
        "tokens",
        429,
        said("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota"),
        TOKEN_LIMIT,
    ),
    ("tokens, native", 429, native("Throttling.AllocationQuota", "Allocated quota exceeded."), TOKEN_LIMIT),
    ("tokens, words", 429, said("Allocated quota exceeded, please increase your quota limit."), TOKEN_LIMIT),
    ("tokens, in a stream", 0, said("Allocated quota exceeded.", "insufficient_quota"), TOKEN_LIMIT),
    ("hour quota", 429, said("hour allocated quota exceeded", "insufficient_quota"), QUOTA),
    ("week quota", 429, said("week allocated quota exceeded", "insufficient_quota"), QUOTA),
    ("month quota", 429, said("month allocated quota exceeded", "insufficient_quota"), QUOTA),
    ("hour quota, native", 429, native("Throttling.AllocationQuota", "hour allocated quota exceeded"), QUOTA),
    ("daily quota", 403, said("Daily quota used up.", "quota_exceeded"), QUOTA),
    ("daily quota as 429", 429, said("Used up.", "quota_exceeded"), QUOTA),
    ("concurrency", 429, said("concurrency allocated quota exceeded", "insufficient_quota"), RATE_LIMIT),
    ("not bought", 429, native("CommodityNotPurchased", "Commodity has not purchased yet."), BILLING),
    ("prepaid bill", 429, native("PrepaidBillOverdue", "The prepaid bill is overdue."), BILLING),
    ("postpaid bill", 429, native("PostpaidBillOverdue", "The postpaid bill is overdue."), BILLING),
    ("429, no more", 429, b"", RATE_LIMIT),
    ("server", 500, said("Internal server error.", "internal_error"), UPSTREAM_ERROR),
    ("server, native", 500, native("InternalError", "Internal server error."), UPSTREAM_ERROR),
    ("server, model's checks", 500, native("InternalError.Algo", "inference internal error."), UPSTREAM_ERROR),
    ("server, system", 500, native("SystemError", "An system error has occurred."), UPSTREAM_ERROR),
    ("server, service", 500, native("ModelServiceFailed", "Failed to request model service."), UPSTREAM_ERROR),
    ("server, nothing said", 500, b"", UPSTREAM_ERROR),
    ("gateway", 502, b"upstream connect error or disconnect before headers", UPSTREAM_ERROR),
    ("timeout", 500, native("RequestTimeOut", "Request timed out, please try again later."), UPSTREAM_TIMEOUT),
    ("timeout, inner", 500, native("InternalError.Timeout", "Timed out."), UPSTREAM_TIMEOUT),
    ("timeout of a stream", 504, said("stream timeout"), UPSTREAM_TIMEOUT),
    ("timeout of a stream, in it", 0, said("stream timeout"), UPSTREAM_TIMEOUT),
    ("timeout, nothing said", 504, b"", UPSTREAM_TIMEOUT),
    ("overload", 500, native("ModelServingError", "Your requests are being throttled."), OVERLOADED),
    ("overload, 503", 503, native("ModelUnavailable", "Model is unavailable, please try again later."), OVERLOADED),
    ("overload, nothing said", 503, b"", OVERLOADED),
    ("hidden rate limit", 200, said("Too many requests, rate limit exceeded.", "server_error"), RATE_LIMIT),
    ("hidden 400", 500, said(ALGO + "Range of max_tokens should be [1, 8192]", "internal_error"), INVALID_REQUEST),
    ("hidden 429", 500, said("<429> InternalError.Algo: Too many requests.", "internal_error"), RATE_LIMIT),
    ("long input", 400, said(ALGO + "Range of input length should be [1, 983616]"), CONTEXT_LENGTH),
    ("long input, vLLM", 400, said("This model's maximum context length is 32768 tokens."), CONTEXT_LENGTH),
    ("large body", 400, said("Exceeded limit on max bytes to request body : 6291456"), PAYLOAD_TOO_LARGE),
    ("large body, 413", 413, b"", PAYLOAD_TOO_LARGE),
    ("wrong path", 404, b"", NOT_FOUND),
    ("wrong path, FastAPI", 404, orjson.dumps({"detail": "Not Found"}), NOT_FOUND),
    ("conflict", 409, b"", INVALID_REQUEST),
    ("bad field, in a stream", 0, said("Wrong.", "invalid_parameter_error"), INVALID_REQUEST),
    ("an error of no kind", 0, said("Something."), UPSTREAM_ERROR),
    ("Google, bad field", 400, google("INVALID_ARGUMENT", "Wrong."), INVALID_REQUEST),
    ("Google, bad state", 400, google("FAILED_PRECONDITION", "Wrong."), INVALID_REQUEST),
    ("Google, no key", 401, google("UNAUTHENTICATED", "No."), UPSTREAM_KEY),
    ("Google, bad key", 400, google("INVALID_ARGUMENT", "No.", {"reason": "API_KEY_INVALID"}), UPSTREAM_KEY),
    ("Google, no access", 403, google("PERMISSION_DENIED", "No."), ACCESS_DENIED),
    ("Google, no model", 404, google("NOT_FOUND", "models/x is not found for API version v1beta."), MODEL_NOT_FOUND),
    ("Google, no path", 404, google("NOT_FOUND", "Not found."), NOT_FOUND),
    ("Google, too many", 429, google("RESOURCE_EXHAUSTED", "Slow."), RATE_LIMIT),
    (
        "Google, too many today",
        429,
        google("RESOURCE_EXHAUSTED", "Slow.", {"violations": [{"quotaId": "RequestsPerDayPerProject-FreeTier"}]}),
        QUOTA,
    ),
    ("Google, too many, in a stream", 0, google("RESOURCE_EXHAUSTED", "Slow."), RATE_LIMIT),
    ("Google, too many, behind a gateway", 500, google("RESOURCE_EXHAUSTED", "Slow."), RATE_LIMIT),
    ("Google, overload", 503, google("UNAVAILABLE", "Busy."), OVERLOADED),
    ("Google, overload, in a stream", 0, google("UNAVAILABLE", "Busy."), OVERLOADED),
    ("Google, timeout", 504, google("DEADLINE_EXCEEDED", "Late."), UPSTREAM_TIMEOUT),
    ("Google, server", 500, google("INTERNAL", "Broken."), UPSTREAM_ERROR),
    ("LiteLLM, in a stream", 0, orjson.dumps({"error": {"message": "no", "type": "x", "code": "429"}}), RATE_LIMIT),
    ("exception, field", 500, wrapped("BadRequestError: OpenAIException - Wrong."), INVALID_REQUEST),
    ("exception, filter", 500, wrapped("ContentPolicyViolationError: Not that."), CONTENT_FILTER),
    ("exception, filter, inner", 500, wrapped(f"BadRequestError: {ALGO}inappropriate content"), CONTENT_FILTER),
    ("exception, long", 500, wrapped("ContextWindowExceededError: Too much."), CONTEXT_LENGTH),
    ("exception, arrears", 500, wrapped("BadRequestError: your account is in good standing"), BILLING),
    ("exception, key", 500, wrapped("AuthenticationError: AuthenticationError: Not you."), UPSTREAM_KEY),
    ("exception, access", 500, wrapped("PermissionDeniedError: Not you."), ACCESS_DENIED),
    ("exception, model", 500, wrapped("NotFoundError: The model `a` does not exist."), MODEL_NOT_FOUND),
    ("exception, rate", 500, wrapped("RateLimitError: RateLimitError: Slow."), RATE_LIMIT),
    ("exception, overload", 500, wrapped("ServiceUnavailableError: Busy."), OVERLOADED),
    ("exception, late", 500, wrapped("Timeout: Late."), UPSTREAM_TIMEOUT),
    ("exception, server", 500, wrapped("InternalServerError: Broken."), UPSTREAM_ERROR),
    ("exception, connection", 500, wrapped("APIConnectionError: Connection error."), UPSTREAM_ERROR),
    ("a gateway's key", 400, said("No connected db.", "400", "no_db_connection"), UPSTREAM_KEY),
    ("page", 403, b"<!doctype html><html><title>405</title></html>", UPSTREAM_BLOCKED),
    ("page with 200", 200, b"\n<html><script>var aliyun_waf = 1</script></html>", UPSTREAM_BLOCKED),
    ("page with 503", 503, b"<html>captcha</html>", UPSTREAM_BLOCKED),
]


@pytest.mark.parametrize(("status", "body", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_refusal_is_said_in_openais_words(status: int, body: bytes, expected: Failure) -> None:
    assert failure(status, {}, body).failure is expected


def test_every_row_is_met_by_a_case() -> None:
    met = {failure(status, {}, body).failure for _, status, body, _ in CASES}
    assert {row.failure for row in MEANINGS} <= met


def test_the_last_row_fits_everything() -> None:
    assert MEANINGS[-1].statuses == range(1000)
    assert not MEANINGS[-1].code
    assert not MEANINGS[-1].words


def test_the_message_tells_what_was_said_what_to_do_and_which_request_it_was() -> None:
    error = failure(400, {}, said(ALGO + "The field is wrong", "invalid_parameter_error"))
    assert error.message == ALGO + "The field is wrong. (Qwen's request id: rq-1)"
    error = failure(401, {}, said("Incorrect API key provided.", "invalid_api_key"))
    assert "qwenproxy status" in error.message
    assert "rq-1" in error.message


def test_without_a_message_the_status_is_told() -> None:
    assert failure(500, {"X-Request-Id": "rq-2"}, b"").message == (
        "The upstream gave no reason (status 500). (Qwen's request id: rq-2)"
    )


def test_a_page_is_shown_in_short() -> None:
    body = b"<html><head><script>x()</script><title>Blocked</title></head><body>" + b"Slide to verify. " * 50
    error = failure(405, {"content-type": "text/html"}, body)
    assert error.message.startswith(PAGE.format(405, "Blocked Slide to verify.")[:60])
    assert "x()" not in error.message
    assert len(error.message) < 300


def delayed(delay: Any) -> bytes:
    return google("RESOURCE_EXHAUSTED", "Slow.", {"reason": "RATE_LIMIT_EXCEEDED"}, {"retryDelay": delay})


WAITS: list[tuple[str, int, bytes, dict[str, str], float | None]] = [
    ("told", 429, said("no", "limit_requests"), {"Retry-After": "7"}, 7),
    ("told, a fraction", 429, said("no", "limit_requests"), {"retry-after": "1.5"}, 1.5),
    ("told as a date", 429, said("no", "limit_requests"), {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10),
    ("told nonsense", 429, said("no", "limit_requests"), {"retry-after": "-1"}, 10),
    ("not told, requests", 429, said("no", "limit_requests"), {}, 10),
    ("not told, burst", 429, said("no", "limit_burst_rate"), {}, 5),
    ("not told, tokens", 429, said("no", "insufficient_quota"), {}, 20),
    ("told in the body", 429, delayed("17.5s"), {}, 17.5),
    ("told in both", 429, delayed("17s"), {"retry-after": "7"}, 7),
    ("told in the body, nonsense", 429, delayed({"seconds": 17}), {}, 10),
    ("hard quota", 429, said("hour allocated quota exceeded"), {"retry-after": "7"}, None),
    ("overload", 503, b"", {}, 10),
    ("overload, told", 503, b"", {"retry-after": "3"}, 3),
    ("bad field", 400, said("no"), {}, None),
    ("server", 500, b"", {}, None),
]


@pytest.mark.parametrize(
    ("status", "body", "headers", "wait"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS]
)
def test_a_client_is_told_how_long_to_wait(
    status: int, body: bytes, headers: dict[str, str], wait: float | None
) -> None:
    error = failure(status, headers, body)
    assert error.retry_after == wait
    told = f"Please try again in {wait:g}s." if wait is not None else "again in"
    assert (told in error.message) == (error.status == 429 and wait is not None)


def test_what_stays_refused_is_not_to_be_tried_again() -> None:
    for body in (said("hour allocated quota exceeded"), said("x", "PrepaidBillOverdue"), said("x", "invalid_api_key")):
        assert failure(429, {}, body).headers()["x-should-retry"] == "false"


PARAMS: list[tuple[str, str | None]] = [
    (ALGO + "Range of max_tokens should be [1, 8192]", "max_tokens"),
    (ALGO + "Range of n should be [1, 4]", "n"),
    (ALGO + "Range of top_p should be (0.0, 1.0)", "top_p"),
    ("The tool_choice parameter does not support being set to required or object in thinking mode", "tool_choice"),
    ("parameter.enable_thinking must be set to false for non-streaming calls", "enable_thinking"),
    ("The value of the enable_thinking parameter is restricted to True.", "enable_thinking"),
    ("The thinking_budget parameter must be a positive integer and not greater than 38912", "thinking_budget"),
    ("'messages' must contain the word 'json' in some form", "messages"),
    ("Input content must be a string.", "messages"),
    ("System message must be at the beginning.", "messages"),
    ("An assistant message with 'tool_calls' must be followed by tool messages", "messages"),
    ("Tool names are not allowed to be [search]", "tools"),
    ("'function' is a required property - 'tools.0'", "tools"),
    ("Temperature should be in [0.0, 2.0)", "temperature"),
    ("This model only support stream mode, please enable the stream parameter", None),
    ("bad request", None),
]


@pytest.mark.parametrize(("message", "param"), PARAMS, ids=[row[0] for row in PARAMS])
def test_the_field_at_fault_is_named(message: str, param: str | None) -> None:
    assert failure(400, {}, said(message, "invalid_parameter_error")).param == param


def test_a_field_that_the_upstream_names_itself_counts_first() -> None:
    body = orjson.dumps({"error": {"message": "Range of seed should be [0, 1]", "param": "stop", "code": "x"}})
    assert failure(400, {}, body).param == "stop"


def test_a_long_input_is_named_by_its_field() -> None:
    assert failure(400, {}, said("Range of input length should be [1, 5]")).param == "messages"


SECRETS = [
    "sk-0123456789abcdef0123456789abcdef",
    "sk-sp-abc123",
    "sk-ab******cdef",
    "sk-ws-H.workspace.suffix.certificate",
    "Bearer at_0123456789",
    "AIzaSyD-0123456789_abcdefghijklmnopqrst",
    "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln",
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize(
    "frame",
    ["Incorrect API key provided: {}.", "<html>{}</html>", '{{"error": "{}"}}', '{{"message": "key={}, no"}}'],
    ids=["text", "page", "string", "native"],
)
def test_no_part_of_a_key_is_repeated(secret: str, frame: str) -> None:
    error = failure(401, {"x-request-id": "rq"}, frame.format(secret).encode())
    assert not any(part in error.message for part in (secret, secret[-6:], secret[3:9]))


def test_words_that_look_a_little_like_keys_are_kept() -> None:
    assert "task-based risk-free bearer token" in failure(400, {}, b"task-based risk-free bearer token").message


def test_no_advice_of_ours_is_mistaken_for_the_upstreams_words() -> None:
    for row in (Row(), Row(thinking="on"), Row(json_word=False, system_first=False)):
        for meaning in MEANINGS:
            assert learn(f"{meaning.hint} Please try again in 5s. (Qwen's request id: rq-1)", row) is None


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"[1]",
        b"{}",
        b"null",
        b'"words"',
        b"7",
        b'{"error": null}',
        b'{"error": {"message": {"a": 1}, "code": 7, "type": []}}',
        b'{"error": {"message": 5, "param": 3}, "request_id": {"a": 1}}',
        b'[{"error": {"message": "listed"}}]',
        b"data: [DONE]\n\n",
        b"data:",
        b":",
        b"\xff\xfe\x00",
        b"<",
        b"data: " + b"x" * 70_000,
    ],
    ids=lambda body: repr(body[:24]),
)
@pytest.mark.parametrize("status", [0, 200, 400, 429, 500, 999])
def test_no_body_breaks_anything(status: int, body: bytes) -> None:
    error: Any = failure(status, {}, body)
    assert isinstance(error, ProxyError)
    assert error.message
    assert len(error.message) < 3_000
