"""Several credentials: the next one goes on where one is dead or used up."""

import logging
import time

import orjson
import pytest

from qwenproxy import errors
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Exchange
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Head
from tests.support import upstream as scripted

BODY = orjson.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]})
USED_UP = scripted.whole(
    {
        "error": {
            "message": "Free allocated quota exceeded.",
            "type": "insufficient_quota",
            "code": "insufficient_quota",
        }
    },
    status=429,
)
REFUSED = scripted.whole({"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}, status=401)
BUSY = scripted.whole({"error": {"message": "Too many requests.", "code": "limit_requests"}}, status=429)
ANSWER = scripted.whole(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
)


def service(*servers: scripted.Upstream) -> Service:
    """A service with a line to each of *servers*, in this order."""
    settings = Settings()
    keys = [ApiKey(f"sk-{number}") for number in range(len(servers))]
    upstreams = [Upstream(server.base_url, key, idle_timeout=5.0) for server, key in zip(servers, keys, strict=True)]
    return Service(settings, [Line(upstream, settings) for upstream in upstreams])


async def ask(over: Service) -> Answer:
    record = Record("req_1", "POST", "chat", time.monotonic)
    return await Exchange(over, ChatCall(BODY), Head("id", "gpt-4o", 0), record, agent="app").open()


@pytest.mark.parametrize("refusal", [USED_UP, REFUSED], ids=["used up", "refused"])
async def test_the_next_line_answers_and_is_asked_first_from_then_on(
    refusal: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted.upstream(refusal) as first, scripted.upstream(ANSWER) as second:
        over = service(first, second)
        with caplog.at_level(logging.WARNING):
            answers = [await ask(over), await ask(over)]
        await over.retire()
    assert [answer.status for answer in answers] == [200, 200]
    assert (len(first.asked), len(second.asked)) == (1, 2)
    (line,) = [record for record in caplog.records if "put aside" in record.message]
    assert first.base_url in line.message
    assert second.base_url in line.message
    assert "sk-0" not in line.message


async def test_each_line_gets_its_own_key() -> None:
    async with scripted.upstream(USED_UP) as first, scripted.upstream(ANSWER) as second:
        over = service(first, second)
        await ask(over)
        await over.retire()
    assert [server.asked[0].headers["authorization"] for server in (first, second)] == ["Bearer sk-0", "Bearer sk-1"]


async def test_a_busy_line_is_not_given_up() -> None:
    async with scripted.upstream(BUSY) as first, scripted.upstream(ANSWER) as second:
        over = service(first, second)
        with pytest.raises(ProxyError) as caught:
            await ask(over)
        await over.retire()
    assert caught.value.failure is errors.RATE_LIMIT
    assert not second.asked


async def test_when_none_is_left_the_last_ones_error_is_the_apps() -> None:
    async with scripted.upstream(USED_UP) as first, scripted.upstream(REFUSED) as second:
        over = service(first, second)
        with pytest.raises(ProxyError) as caught:
            await ask(over)
        await over.retire()
    assert caught.value.failure is errors.UPSTREAM_KEY
