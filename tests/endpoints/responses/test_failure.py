"""Failures in the words of the Responses API."""

import pytest

from qwenproxy import errors
from qwenproxy.endpoints.responses import failure
from qwenproxy.errors import Failure, ProxyError


@pytest.mark.parametrize(
    ("param", "told"),
    [
        ("messages[1].content[0]", "input"),
        ("messages", "input"),
        ("reasoning_effort", "reasoning.effort"),
        ("response_format.json_schema", "text.format"),
        ("max_completion_tokens", "max_output_tokens"),
        ("input[0]", "input[0]"),
        ("temperature", "temperature"),
        (None, None),
    ],
)
def test_a_field_is_named_as_the_app_calls_it(param: str | None, told: str | None) -> None:
    error = ProxyError(errors.INVALID_VALUE, f"'{param}' is wrong.", param=param, retry_after=2)
    found = failure.told(error)
    assert (found.param, found.message, found.retry_after) == (told, f"'{told}' is wrong.", 2)


def test_a_model_that_is_not_there_is_no_404() -> None:
    found = failure.told(ProxyError(errors.MODEL_NOT_FOUND, "No such model."))
    assert (found.status, found.failure.code, found.param) == (400, "model_not_found", "model")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UPSTREAM_CUT, "server_error"),
        (errors.OVERLOADED, "server_error"),
        (errors.RATE_LIMIT, "rate_limit_exceeded"),
        (errors.QUOTA, "insufficient_quota"),
        (errors.CONTEXT_LENGTH, "context_length_exceeded"),
        (errors.CONTENT_FILTER, "invalid_prompt"),
    ],
)
def test_a_failed_response_has_a_code_that_clients_know(error: Failure, code: str) -> None:
    assert failure.of_response(ProxyError(error, "x"))["code"] == code


def test_how_long_to_wait_is_told_where_codex_looks() -> None:
    told = failure.of_response(ProxyError(errors.RATE_LIMIT, "Too fast.", retry_after=1.5))
    assert told["message"] == "Too fast. Please try again in 1.5s."
    again = failure.of_response(ProxyError(errors.RATE_LIMIT, told["message"], retry_after=1.5))
    assert again == told
