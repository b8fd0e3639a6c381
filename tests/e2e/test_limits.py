"""The rate limit, as apps meet it."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import openai
import pytest
import pytest_asyncio
from mitmproxy.exceptions import OptionsError
from openai import AsyncOpenAI

from tests.support.apps import App, Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = "x-ratelimit-"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def headers_of(app: App) -> dict[str, str]:
    """What an app's whole answer says of its limit."""
    answer = await app.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]
    )
    return {name.removeprefix(RATE): value for name, value in answer.headers.items() if name.startswith(RATE)}


def other(stage: Simulated, key: str) -> App:
    """Another app of the same proxy."""
    return App(stage.proxy.base_url, api_key=key)


async def test_without_a_limit_no_header_tells_of_one(confdir: Path) -> None:
    async with simulated(confdir) as stage:
        assert await headers_of(stage.app) == {}


async def test_an_app_is_told_where_it_stands_and_then_when_to_come_back(confdir: Path) -> None:
    async with simulated(confdir, rate_limit="2/hour;100/day") as stage:
        told = await headers_of(stage.app)
        assert re.fullmatch(r"(?:1h0m0s|59m\d\d(?:\.\d+)?s)", told.pop("reset-requests"))
        assert told == {"limit-requests": "2", "remaining-requests": "1"}
        assert (await headers_of(stage.app))["remaining-requests"] == "0"
        stage.asked()
        with pytest.raises(openai.RateLimitError) as raised:
            await stage.app.ask()
        error, headers = raised.value, raised.value.response.headers
        assert (error.code, error.type, error.param) == ("rate_limit_exceeded", "requests", None)
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert headers["x-request-id"].startswith("req_")
        wait = re.search(r"try again in (\d+(?:\.\d+)?)s\.", error.message)
        assert wait is not None
        assert 3590 < float(wait[1]) <= 3600.001
        assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)
        assert stage.asked() == []


async def test_a_stream_is_told_too(confdir: Path, http: aiohttp.ClientSession) -> None:
    async with simulated(confdir, rate_limit="2/minute") as stage:
        body = {"model": "gpt-4o", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        async with http.post(f"{stage.proxy.base_url}/chat/completions", json=body) as response:
            assert response.headers["x-ratelimit-remaining-requests"] == "1"
            assert (await response.read()).endswith(b"data: [DONE]\n\n")


async def test_each_client_key_has_its_own_limit(confdir: Path) -> None:
    async with simulated(confdir, rate_limit="1/hour", client_keys="key-one,key-two") as stage:
        one, again, two, wrong = (other(stage, key) for key in ("key-one", "key-one", "key-two", "key-three"))
        for _ in range(3):
            with pytest.raises(openai.AuthenticationError):
                await wrong.ask()
        await one.ask()
        with pytest.raises(openai.RateLimitError):
            await again.ask()
        await two.ask()
        for app in (one, again, two, wrong):
            await app.close()


async def test_without_client_keys_all_apps_of_an_address_share_the_limit(confdir: Path) -> None:
    async with simulated(confdir, rate_limit="1/hour") as stage:
        await stage.app.ask()
        async with other(stage, "sk-another") as app:
            with pytest.raises(openai.RateLimitError):
                await app.ask()


async def test_of_requests_at_once_as_many_pass_as_may(confdir: Path) -> None:
    async with simulated(confdir, rate_limit="5/hour;7/day") as stage:
        found = await asyncio.gather(*(stage.app.ask() for _ in range(20)), return_exceptions=True)
        assert sum(isinstance(answer, openai.RateLimitError) for answer in found) == 15
        assert len(stage.asked()) == 5


async def test_the_official_client_waits_as_long_as_it_is_told_and_then_passes(confdir: Path) -> None:
    async with (
        simulated(confdir, rate_limit="1/second") as stage,
        AsyncOpenAI(base_url=stage.proxy.base_url, api_key="fake-api-key", max_retries=1) as app,
    ):
        loop = asyncio.get_running_loop()
        await stage.app.ask()
        begun = loop.time()
        answer = await app.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}])
        assert answer.choices[0].finish_reason == "stop"
        assert 0.5 < loop.time() - begun < 5


@pytest.mark.parametrize("spec", ["60", "sixty/minute", "0/minute"])
async def test_a_wrong_limit_stops_the_start_and_says_what_is_expected(confdir: Path, spec: str) -> None:
    with pytest.raises(OptionsError, match="QWENPROXY_RATE_LIMIT: expected limits such as"):
        async with simulated(confdir, rate_limit=spec):
            pass
