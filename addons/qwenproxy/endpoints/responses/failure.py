"""Failures in the words of the Responses API."""

from collections.abc import Mapping
from dataclasses import replace

import orjson

from qwenproxy import sse
from qwenproxy.errors import MODEL_NOT_FOUND, ProxyError
from qwenproxy.wire.openai import Json

UNKNOWN_MODEL = replace(MODEL_NOT_FOUND, status=400)  # on this endpoint it is no 404

PARAMS: Mapping[str, str] = {
    "messages": "input",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "verbosity": "text.verbosity",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "logprobs": "include",
    "enable_search": "tools",
    "web_search_options": "tools",
}
"""Fields of the chat request -> where the app said so."""

CODES = frozenset({"context_length_exceeded", "insufficient_quota", "rate_limit_exceeded"})
"""What clients act upon (Codex does); OpenAI sends them, though its list of codes has but the last."""


def told(error: ProxyError) -> ProxyError:
    """*error*, of whatever part of the proxy, for an app that speaks the Responses API."""
    if error.failure == MODEL_NOT_FOUND:
        return changed(error, param="model", unknown=True)
    name = (error.param or "").partition(".")[0].partition("[")[0]
    return changed(error, param=PARAMS[name]) if name in PARAMS else error


def changed(error: ProxyError, *, param: str, unknown: bool = False) -> ProxyError:
    message = error.message.replace(f"'{error.param}'", f"'{param}'")
    failure = UNKNOWN_MODEL if unknown else error.failure
    return ProxyError(failure, message, param=param, retry_after=error.retry_after, headers=error.extra_headers)


def of_response(error: ProxyError) -> Json:
    """What a failed response says of *error*."""
    code, message = error.failure.code, error.message
    if code not in CODES:
        code = "server_error" if error.status >= 500 else "invalid_prompt"
    if code == "rate_limit_exceeded" and error.retry_after is not None and "try again in" not in message:
        message = f"{message} Please try again in {error.retry_after:g}s."  # Codex reads it there
    return {"code": code, "message": message}


def encoded(error: ProxyError) -> bytes:
    """That event where no other is known that it follows, and so without a number."""
    return sse.encode_named(b"error", orjson.dumps(event(error)))


def event(error: ProxyError) -> Json:
    """The `error` event: flat, as OpenAI describes it, and nested, as it sends it."""
    inner: Json = error.body()["error"]
    return {
        "type": "error",
        "code": inner["code"],
        "message": inner["message"],
        "param": inner["param"],
        "error": inner,
    }
