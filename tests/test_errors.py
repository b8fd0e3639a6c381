"""Failures as clients see them."""

import pytest

from qwenproxy import errors
from qwenproxy.errors import Failure, ProxyError

FAILURES = {name: value for name, value in vars(errors).items() if isinstance(value, Failure)}
RETRIED = {408, 409, 429, *range(500, 600)}
"""What the official SDKs send again by themselves."""
PERMANENT = {"INVALID_REQUEST", "UNSUPPORTED_ENDPOINT", "UNSUPPORTED_PARAMETER", "MODEL_NOT_FOUND", "UPGRADE_REFUSED"}


@pytest.mark.parametrize("name", FAILURES)
def test_the_envelope_has_all_four_keys(name: str) -> None:
    error = ProxyError(FAILURES[name], "why", param="model").body()["error"]
    assert error == {"message": "why", "type": FAILURES[name].type, "param": "model", "code": FAILURES[name].code}


@pytest.mark.parametrize("name", sorted(PERMANENT))
def test_what_cannot_get_better_has_a_status_that_no_client_retries(name: str) -> None:
    assert FAILURES[name].status not in RETRIED


@pytest.mark.parametrize(
    ("failure", "after", "told"),
    [
        (errors.RATE_LIMIT, 1.2, {"retry-after": "2", "retry-after-ms": "1200"}),
        (errors.RATE_LIMIT, 0.0, {"retry-after": "1", "retry-after-ms": "0"}),
        (errors.RATE_LIMIT, None, {}),
        (errors.QUOTA, None, {"x-should-retry": "false"}),
        (errors.UPSTREAM_KEY, None, {"x-should-retry": "false"}),
        (errors.UPSTREAM_ERROR, None, {}),
    ],
)
def test_headers_tell_whether_and_when_to_try_again(
    failure: Failure, after: float | None, told: dict[str, str]
) -> None:
    assert ProxyError(failure, "why", retry_after=after).headers() == told


def test_further_headers_come_along() -> None:
    assert ProxyError(errors.METHOD_NOT_ALLOWED, "why", headers={"allow": "POST"}).headers() == {"allow": "POST"}
