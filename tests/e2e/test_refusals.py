"""Each way in which the upstream says no, as the official client raises it, and whether the client tries again."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from openai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
)

from qwenproxy.simulator.refusals import REFUSALS
from tests.support.apps import App, Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIES = 2
"""The client's own number of further tries, unless the answer forbids them."""


@dataclass(frozen=True)
class Case:
    """What the app gets: an exception of this class with this code and type, and what the headers say of retries."""

    raised: type[APIStatusError]
    code: str | None
    type: str = "invalid_request_error"
    wait: float | None = None
    """Seconds in Retry-After."""
    should_retry: str | None = None
    param: str | None = None
    calls: int = 1
    """Upstream calls: each of the client's tries makes one."""


def for_good(raised: type[APIStatusError], code: str, type: str = "invalid_request_error") -> Case:
    """What stays so, under a status that may forbid retries or not."""
    return Case(raised, code, type, should_retry="false")


def passing(raised: type[APIStatusError], code: str, type: str = "server_error", wait: float | None = None) -> Case:
    """What passes: the client tries again."""
    return Case(raised, code, type, wait, calls=1 + TRIES)


INVALID = Case(BadRequestError, None)
FILTERED = Case(BadRequestError, "content_filter")
BILLING = for_good(PermissionDeniedError, "billing_not_active", "insufficient_quota")
KEY = for_good(AuthenticationError, "invalid_api_key")
DENIED = for_good(PermissionDeniedError, "access_denied")
QUOTA = for_good(RateLimitError, "insufficient_quota", "insufficient_quota")
NO_MODEL = Case(NotFoundError, "model_not_found")
BURST = passing(RateLimitError, "rate_limit_exceeded", "requests", 5)
RATE = passing(RateLimitError, "rate_limit_exceeded", "requests", 10)
TOKENS = passing(RateLimitError, "rate_limit_exceeded", "tokens", 20)
BROKEN = passing(InternalServerError, "upstream_error")
LATE = passing(InternalServerError, "upstream_timeout")
BUSY = passing(InternalServerError, "upstream_overloaded", wait=10)
BLOCKED = passing(InternalServerError, "upstream_blocked", wait=5)

CASES: Mapping[str, Case] = {
    "invalid_parameter_error": INVALID,
    "input_too_long": Case(BadRequestError, "context_length_exceeded", param="messages"),
    "repetitive_tool_calls": Case(BadRequestError, None, param="messages"),
    "data_inspection_failed": FILTERED,
    "output_inspection_failed": FILTERED,
    "arrearage": BILLING,
    "invalid_api_key": KEY,
    "expired_token": KEY,
    "access_denied": DENIED,
    "unpurchased": DENIED,
    "model_access_denied": DENIED,
    "workspace_access_denied": DENIED,
    "free_tier_403": QUOTA,
    "quota_403": QUOTA,
    "wrong_plan": KEY,
    "model_not_found": NO_MODEL,
    "model_not_supported": NO_MODEL,
    "coding_agents_only": DENIED,
    "limit_requests": RATE,
    "limit_burst_rate": BURST,
    "limit_tokens": TOKENS,
    "free_quota": QUOTA,
    "hour_quota": QUOTA,
    "week_quota": QUOTA,
    "month_quota": QUOTA,
    "concurrency_quota": BURST,
    "quota_exceeded": QUOTA,
    "commodity_not_purchased": BILLING,
    "prepaid_overdue": BILLING,
    "postpaid_overdue": BILLING,
    "internal_error": BROKEN,
    "algorithm_error": BROKEN,
    "timeout_error": LATE,
    "request_timeout": LATE,
    "system_error": BROKEN,
    "model_service_failed": BROKEN,
    "model_serving_error": BUSY,
    "model_unavailable": BUSY,
    "stream_timeout": LATE,
    "hidden_400": Case(BadRequestError, None, param="max_tokens", calls=2),  # the second call is the learned one
    "hidden_429": RATE,
    "native_400": INVALID,
    "native_401": KEY,
    "native_429": RATE,
    "native_tokens": TOKENS,
    "waf_200": passing(InternalServerError, "upstream_blocked"),
    "waf_403": BLOCKED,
    "waf_405": BLOCKED,
    "waf_429": BLOCKED,
    "waf_503": BLOCKED,
    "bad_gateway": BROKEN,
    "no_body": BROKEN,
}


async def test_every_refusal_has_its_case() -> None:
    assert CASES.keys() == REFUSALS.keys()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(stage: Simulated) -> AsyncIterator[App]:
    async with App(stage.proxy.base_url, max_retries=TRIES) as found:
        yield found


@pytest.fixture
def app(client: App) -> App:
    """A client that has not waited yet."""
    client.waits.clear()
    return client


@pytest.mark.parametrize(("name", "case"), CASES.items(), ids=CASES.keys())
async def test_a_refusal_is_told_in_openais_words(stage: Simulated, app: App, name: str, case: Case) -> None:
    stage.asked()
    with pytest.raises(APIStatusError) as caught:
        await app.ask(f"Hello [sim: error {name}]")
    error = caught.value
    assert (type(error), error.code, error.type, error.param) == (case.raised, case.code, case.type, case.param)
    assert error.request_id is not None
    assert error.request_id.startswith("req_")
    headers = error.response.headers
    assert headers.get("retry-after") == (None if case.wait is None else f"{case.wait:g}")
    assert headers.get("x-should-retry") == case.should_retry
    assert len(stage.asked()) == case.calls
    assert case.wait is None or app.waits == [case.wait] * TRIES


@pytest.mark.parametrize("stream", [False, True])
async def test_the_message_holds_the_upstreams_words_and_its_request_id(
    stage: Simulated, app: App, stream: bool
) -> None:
    with pytest.raises(APIStatusError) as caught:
        await app.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": "[sim: error access_denied]"}], stream=stream
        )
    assert "Access denied. Allow this model or workspace" in caught.value.message
    assert "(Qwen's request id: " in caught.value.message
    assert stage.simulator.key not in caught.value.message


async def test_a_wait_that_the_upstream_names_is_passed_on(app: App) -> None:
    with pytest.raises(RateLimitError, match=r"Please try again in 3s\.") as caught:
        await app.ask("Hello [sim: error limit_requests 3]")
    assert caught.value.response.headers["retry-after-ms"] == "3000"
    assert app.waits == [3.0, 3.0]


async def test_what_passes_is_gone_at_the_next_try(stage: Simulated, app: App) -> None:
    stage.asked()
    answer = await app.ask("Hello [sim: error model_unavailable once]")
    assert answer.choices[0].finish_reason == "stop"
    assert len(stage.asked()) == 2
    assert app.waits == [10.0]


async def test_an_app_without_a_model_that_there_is_hears_so(app: App) -> None:
    with pytest.raises(NotFoundError, match="the setting `models` maps names"):
        await app.ask("Hello", model="qwen-nonesuch")
