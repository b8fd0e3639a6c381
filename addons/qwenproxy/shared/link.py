"""The way to a Redis, on which nothing waits for long.

Every call has one small budget of time.  After a few failures in a row the link counts as down: calls fail at once, and
a task in the background asks until there is an answer again.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from qwenproxy.shared import trouble
from qwenproxy.shared.script import Script

log = logging.getLogger(__name__)

BUDGET = 0.25
"""Seconds for one call, with the wait for a connection."""
PACE = 20 * 1024 * 1024
"""Bytes a second that a large call is granted besides."""
FAILURES = 3
"""In a row, until the link counts as down."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between two questions whether it is up again."""
CONNECTIONS = 32

type Word = str | bytes | int | float
type Sleep = Callable[[float], Awaitable[None]]


class Away(OSError):
    """The shared state does not answer, or not with what was asked for; the message names it, without a password."""


class Link:
    """To the Redis at *url*, in which there is no password.  It is opened when it is first needed.

    `failures`: calls that got no answer, for all time.
    """

    def __init__(
        self,
        url: str,
        password: str = "",
        *,
        budget: float = BUDGET,
        now: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.url = url
        self.failures = 0
        self.count: Callable[[str], object] = lambda counter: None
        """Is told what is to be counted, by the name of its counter."""
        self.budget = budget
        self._password = password
        self._now = now
        self._sleep = sleep
        self._redis: Redis | None = None
        self._in_a_row = 0
        self._why = ""
        self._down_since: float | None = None
        self._missed = 0
        self._asking: asyncio.Task[None] | None = None

    @property
    def is_down(self) -> bool:
        return self._down_since is not None

    @property
    def pool(self) -> BlockingConnectionPool:
        """The connections, for whoever speaks to the Redis by itself."""
        pool = self._client.connection_pool
        assert isinstance(pool, BlockingConnectionPool)
        return pool

    async def call(self, *words: Word) -> Any:
        """What Redis says to one command.  Raises Away."""
        size = sum(len(word) for word in words if isinstance(word, bytes))
        return await self.within(lambda: self._client.execute_command(*words), size)

    async def run(self, script: Script, arguments: Sequence[Word]) -> Any:
        """What *script* returns.  Raises Away."""
        size = sum(len(word) for word in arguments if isinstance(word, bytes))
        return await self.within(lambda: self._run(script, arguments), size)

    async def _run(self, script: Script, arguments: Sequence[Word]) -> Any:
        try:
            return await self._client.execute_command("EVALSHA", script.sha, 0, *arguments)
        except NoScriptError:
            return await self._client.execute_command("EVAL", script.text, 0, *arguments)

    async def within[T](self, job: Callable[[], Awaitable[T]], size: int = 0) -> T:
        """What *job* returns, if it does so within the budget; *size*: bytes that it sends.  Raises Away."""
        if self._down_since is not None:
            self._missed += 1
            raise Away(f"{self.url} does not answer: {self._why}")
        try:
            async with asyncio.timeout(self.budget + size / PACE):
                result = await job()
        except ResponseError as e:  # it is there, and does not want to: out of memory, read only
            self._count_failure()
            raise Away(f"{self.url} refuses: {line_of(self.url, e)}") from None
        except TimeoutError:
            raise self._failed(trouble.told(self.url, f"no answer within {self.budget:g} s")) from None
        except (RedisError, OSError) as e:
            raise self._failed(line_of(self.url, e)) from None
        self._in_a_row = 0
        return result

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        if self._redis is not None:
            with suppress(RedisError, OSError):
                await self._redis.connection_pool.disconnect()

    @property
    def _client(self) -> Redis:
        if self._redis is None:
            secret = {"password": self._password} if self._password else {}
            pool = BlockingConnectionPool.from_url(
                self.url,
                max_connections=CONNECTIONS,
                timeout=None,
                retry=Retry(NoBackoff(), 0),
                protocol=2,  # with 3, the pool does not look whether an idle connection was closed
                socket_timeout=None,
                socket_connect_timeout=None,
                **secret,
            )
            self._redis = Redis(connection_pool=pool)
        return self._redis

    def _count_failure(self) -> None:
        self.failures += 1
        self.count("shared_state_failures")

    def _failed(self, why: str) -> Away:
        self._count_failure()
        self._in_a_row += 1
        self._why = why
        if self._in_a_row >= FAILURES and self._down_since is None:
            self._down_since, self._missed = self._now(), 0
            log.error(
                "The shared state does not answer (setting state), and each proxy goes on by itself meanwhile: %s: %s",
                self.url,
                why,
            )
            self._asking = asyncio.create_task(self._ask(), name="ask whether the shared state is back")
        return Away(f"{self.url} cannot be reached: {why}")

    async def _ask(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._sleep(pause)
            with suppress(RedisError, OSError):  # of which TimeoutError is one
                async with asyncio.timeout(max(self.budget, 1.0)):
                    await self._client.execute_command("PING")
                break
            pause = min(2 * pause, LONGEST_PAUSE)
        gone = self._now() - (self._down_since or 0.0)
        self._down_since, self._in_a_row = None, 0
        log.warning("The shared state %s is back after %.1f s; %d calls went without it", self.url, gone, self._missed)


def line_of(url: str, error: Exception) -> str:
    """What *error* says of the Redis at *url*, in one line of a bounded length, and what to do about it."""
    return trouble.told(url, str(error) or type(error).__name__)
