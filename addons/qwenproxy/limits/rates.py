"""Rate limits: how often a client may call the proxy, and how often the proxy may call with one credential.

Both are moving windows: a call counts from when it was made until a window's length later.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

from limits import RateLimitItem, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from qwenproxy.errors import RATE_LIMIT, ProxyError
from qwenproxy.shared.link import Away, Link

log = logging.getLogger(__name__)

EXPECTED = 'limits such as "60/minute" or "60/minute;1000/day"'
NAMESPACE = "qwenproxy"
"""What keys begin with, in a storage that others use too."""
MINUTE = 60.0


class Asked(Protocol):
    """Has a storage asked; raises Away if it does not answer."""

    async def __call__[T](self, job: Callable[[], Awaitable[T]]) -> T: ...


class Verdict(NamedTuple):
    """Where an admitted client stands, by the window that is nearest to exhaustion."""

    limit: int | None = None
    """None: there is no limit."""
    remaining: int = 0
    reset: float = 0.0
    """Seconds until the oldest call leaves the window, so that one more may come."""

    def headers(self) -> dict[str, str]:
        """OpenAI's headers about it; none without a limit."""
        if self.limit is None:
            return {}
        return {
            "x-ratelimit-limit-requests": str(self.limit),
            "x-ratelimit-remaining-requests": str(self.remaining),
            "x-ratelimit-reset-requests": duration(self.reset),
        }


UNLIMITED = Verdict()


def windows(spec: str) -> list[RateLimitItem]:
    """The windows that *spec* names, each once; none for "".  Raises ValueError, which says what is expected."""
    if not spec.strip():
        return []
    try:
        found = parse_many(spec)
    except ValueError:
        found = []
    if not found or any(window.amount < 1 for window in found):
        raise ValueError(f"expected {EXPECTED}, not {spec!r}")
    return list(dict.fromkeys(found))


def client_id(key: str | None, peer: str) -> str:
    """Who is counted: the holder of the client key *key*, without one whoever is at the address *peer*."""
    if key is None:
        return f"peer-{peer}"
    return f"key-{sha256(key.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}"


class RateLimits:
    """The limits of the setting `rate_limit`, for each client alike.

    *storage*: where this proxy counts; *clock* is the one that it goes by, in seconds since the epoch.
    *link*: to where several proxies count together; while it is away each counts for itself.  `alone`: requests that
    were counted so.
    Raises ValueError if *spec* is wrong.
    """

    def __init__(
        self,
        spec: str,
        storage: Storage | None = None,
        clock: Callable[[], float] = time.time,
        link: Link | None = None,
    ) -> None:
        self.spec = spec
        self.link = link
        self.alone = 0
        self._windows = windows(spec)
        self._limiter = MovingWindowRateLimiter(MemoryStorage() if storage is None else storage)
        self._together = None if link is None else MovingWindowRateLimiter(_storage(link))
        self._clock = clock
        self._apart = False
        """The last request was counted by this proxy alone."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One for each client that is being looked at."""

    async def check(self, client: str) -> Verdict:
        """Count a request of *client*, in every window or, if one of them is full, in none.

        Raises ProxyError if the client has to wait.
        """
        if not self._windows:
            return UNLIMITED
        lock = self._locks.setdefault(client, asyncio.Lock())
        async with lock:  # else two could see the same last place, and the loser would have eaten of the other windows
            if self.link is None or self._together is None:
                return await self._check(self._limiter, at_once, client)
            try:
                verdict = await self._check(self._together, self.link.within, client)
            except Away as e:
                return await self._check_alone(self.link, client, e)
            self._apart = False
            for window in self._windows:  # so that it has a place to go on from by itself
                await self._limiter.hit(window, NAMESPACE, client)
            return verdict

    async def _check_alone(self, link: Link, client: str, error: Away) -> Verdict:
        self.alone += 1
        link.count("rate_limits_alone")
        if not self._apart:  # said once, not with every request
            log.warning("rate limits hold for this proxy alone at the moment: %s", error)
        self._apart = True
        return await self._check(self._limiter, at_once, client)

    async def _check(self, limiter: MovingWindowRateLimiter, ask: Asked, client: str) -> Verdict:
        # Nearest first: if another proxy takes a last place meanwhile, no window has been hit before that one.
        for verdict, window in sorted(await self._standing(limiter, ask, client), key=nearness):
            if verdict.remaining < 1:
                raise refusal(window, verdict)
            if not await ask(partial(limiter.hit, window, NAMESPACE, client)):
                raise refusal(window, await self._verdict(limiter, ask, window, client))
        return min(await self._standing(limiter, ask, client), key=nearness)[0]

    async def _standing(
        self, limiter: MovingWindowRateLimiter, ask: Asked, client: str
    ) -> list[tuple[Verdict, RateLimitItem]]:
        return [(await self._verdict(limiter, ask, window, client), window) for window in self._windows]

    async def _verdict(
        self, limiter: MovingWindowRateLimiter, ask: Asked, window: RateLimitItem, client: str
    ) -> Verdict:
        stats = await ask(partial(limiter.get_window_stats, window, NAMESPACE, client))
        return Verdict(window.amount, max(0, stats.remaining), max(0.0, stats.reset_time - self._clock()))


async def at_once[T](job: Callable[[], Awaitable[T]]) -> T:
    """What *job* returns: memory needs no watching."""
    return await job()


def _storage(link: Link) -> Storage:
    """Where several proxies count together; the address is that of the link's own connections."""
    options: dict[str, Any] = {"connection_pool": link.pool}
    return RedisStorage("redis://", implementation="redispy", key_prefix=NAMESPACE, **options)


def nearness(standing: tuple[Verdict, RateLimitItem]) -> tuple[int, float]:
    """What sorts windows: fewer calls left first, then the longer wait."""
    return standing[0].remaining, -standing[0].reset


def refusal(window: RateLimitItem, verdict: Verdict) -> ProxyError:
    """The error for a client that has used up *window*; *verdict* may have room again by now."""
    unit = window.GRANULARITY.name
    length = unit if window.multiples == 1 else f"{window.multiples} {unit}s"
    return limited(
        f"This client has made the {window.amount} requests that it may make per {length} (setting rate_limit).",
        verdict.reset if verdict.remaining < 1 else 0.0,
        verdict._replace(remaining=0),
        limit="rate_limit",
    )


def limited(message: str, wait: float, verdict: Verdict = UNLIMITED, *, limit: str = "") -> ProxyError:
    """The 429 that asks to come back in *wait* seconds: a moment later, since a place is free only after that."""
    after = (math.floor(wait * 1000) + 1) / 1000
    words = f"{message} Please try again in {decimal(after)}s."
    return ProxyError(RATE_LIMIT, words, retry_after=after, headers=verdict.headers(), limit=limit)


def decimal(seconds: float) -> str:
    """*seconds* to the millisecond, never as 1e+06."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".")


def duration(seconds: float) -> str:
    """*seconds*, rounded up to milliseconds, as OpenAI writes durations: 12ms, 1.5s, 6m0s, 23h59m51.36s."""
    milliseconds = math.ceil(seconds * 1000)
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    words = f"{decimal(rest / 1000)}s"
    return f"{hours}h{minutes}m{words}" if hours else f"{minutes}m{words}" if minutes else words


class Gate:
    """The calls that one credential may make: at most *per_minute* in any minute, first come, first served.

    None: any number.  *clock* and *sleep* are in seconds, and go together.
    """

    def __init__(
        self,
        per_minute: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._most = per_minute
        self._passed: deque[float] = deque(maxlen=per_minute)
        """When the latest calls passed: as many as fit into a minute."""
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()  # wakes its waiters in the order they came, and closes up when one leaves
        self._queued = 0

    async def enter(self, patience: float) -> None:
        """Wait for a place.  Raises ProxyError at once if that would take longer than *patience* seconds."""
        if self._most is None:
            return
        wait = self._wait(self._most, self._queued)
        if wait > patience:
            raise limited(
                f"The upstream takes {self._most} calls a minute with this credential, and they are used up.",
                wait,
            )
        self._queued += 1
        try:
            async with self._turn:
                while (wait := self._wait(self._most, 0)) > 0:
                    await self._sleep(wait)
                self._passed.append(self._clock())
        finally:
            self._queued -= 1

    def _wait(self, most: int, ahead: int) -> float:
        """Seconds until a call may pass that *ahead* others go before.

        Each passes a minute after the one that came *most* places before it; those that wait take the places of the
        ones that have passed, in the same order.
        """
        minutes, place = divmod(ahead, most)
        place -= most - len(self._passed)
        free = self._passed[place] + MINUTE - self._clock() if place >= 0 else 0.0
        return max(0.0, free) + minutes * MINUTE
