"""What is special to the usage in a Redis; what all places have in common is in test_usage.py."""

import pytest

from qwenproxy.settings.values import Secret
from qwenproxy.shared.errand import run
from qwenproxy.shared.script import Script
from qwenproxy.state.base import Use
from qwenproxy.state.redis_usage import DAY, PREFIX, RedisUsage
from tests.support.services import RedisServer, free_port, needs

SERVICES, REDIS = needs("redis-server")
USE = Use("2026-09-21", "1a2b3c4d", "a model of many words", 1, 0, 10, 20)


@SERVICES
@REDIS
async def test_all_of_it_leaves_the_redis_by_itself(server: RedisServer) -> None:
    usage = RedisUsage(server.url, Secret(), 3 * DAY, lambda: 1_790_000_000.0)
    usage.add([USE])
    assert usage.read(USE.day) == [USE]
    left = Script("return {redis.call('PTTL', ARGV[1] .. 'days'), redis.call('PTTL', ARGV[1] .. ARGV[2])}")
    for milliseconds in run(server.url, "", left, (PREFIX, USE.day)):
        assert 3 * DAY < milliseconds / 1000 <= 4 * DAY


@SERVICES
@REDIS
async def test_a_batch_that_is_given_again_counts_once(server: RedisServer) -> None:
    usage = RedisUsage(server.url, Secret(), 3 * DAY, lambda: 1_790_000_000.0)
    for batch in ("one", "one", "two", "", ""):
        usage.add([USE], batch)
    assert [use.requests for use in usage.read("")] == [4]


def test_while_it_is_away_that_is_an_error_which_names_it() -> None:
    usage = RedisUsage(f"redis://127.0.0.1:{free_port()}/0", Secret("hidden"), DAY)
    for step in (lambda: usage.add([USE]), lambda: usage.read("")):
        with pytest.raises(OSError, match=f"{usage.url} cannot be reached") as caught:
            step()
        assert "hidden" not in str(caught.value)
