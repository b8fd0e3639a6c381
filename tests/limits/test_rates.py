"""Rate limits: what a client may do and is told, and how the calls of one credential queue."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemoryStorage, memory

from qwenproxy.errors import RATE_LIMIT, ProxyError
from qwenproxy.limits.rates import UNLIMITED, Gate, RateLimits, Verdict, client_id, decimal, duration, windows
from qwenproxy.shared.link import Link
from tests.support.services import needs, redis_server

SERVICES, REDIS = needs("redis-server")

WRONG = ["60", "sixty/minute", "60/fortnight", "60/minute;", "0/minute", "60/minute;0/day", "-1/minute", "60//minute"]


@pytest.mark.parametrize("spec", WRONG)
def test_a_wrong_limit_names_what_is_expected(spec: str) -> None:
    with pytest.raises(ValueError, match='expected limits such as "60/minute" or') as raised:
        windows(spec)
    assert repr(spec) in str(raised.value)


SPECS = [
    ("", []),
    ("  ", []),
    ("60/minute", ["60 per 1 minute"]),
    ("60 per minute, 1000 per day", ["60 per 1 minute", "1000 per 1 day"]),
    ("5/10seconds;100/2 hours", ["5 per 10 second", "100 per 2 hour"]),
    ("5/second;5/second", ["5 per 1 second"]),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS, ids=[row[0] or "none" for row in SPECS])
def test_limits_are_written_as_the_library_writes_them(spec: str, expected: list[str]) -> None:
    assert [repr(window) for window in windows(spec)] == expected


def test_a_client_is_known_by_a_digest_of_its_key_or_by_its_address() -> None:
    assert client_id(None, "127.0.0.1") == "peer-127.0.0.1"
    assert client_id("team-key", "127.0.0.1") == client_id("team-key", "10.0.0.1")
    assert client_id("team-key", "") != client_id("team-kez", "")
    assert "team" not in client_id("team-key", "")
    assert client_id("\udcff", "").startswith("key-")


DURATIONS = [
    (0.0, "0s"),
    (0.0001, "1ms"),
    (0.012, "12ms"),
    (0.9994, "1s"),
    (1.5, "1.5s"),
    (59.9999, "1m0s"),
    (360.0, "6m0s"),
    (3600.0, "1h0m0s"),
    (86391.36, "23h59m51.36s"),
    (2_592_000.0, "720h0m0s"),
]


@pytest.mark.parametrize(("seconds", "text"), DURATIONS, ids=[row[1] for row in DURATIONS])
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(1.5, "1.5"), (0.001, "0.001"), (60.0, "60"), (2_592_000.001, "2592000.001")]
)
def test_waits_are_plain_numbers(seconds: float, text: str) -> None:
    assert decimal(seconds) == text


class Clock:
    """The time that the library's storage and our limits go by."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(memory, "time", SimpleNamespace(time=found))
    return found


async def refused(limits: RateLimits, client: str = "a") -> ProxyError:
    with pytest.raises(ProxyError) as raised:
        await limits.check(client)
    return raised.value


async def test_without_a_limit_everybody_passes_and_is_told_nothing() -> None:
    verdict = await RateLimits("").check("a")
    assert verdict == UNLIMITED
    assert verdict.headers() == {}


async def test_a_client_is_told_where_it_stands(clock: Clock) -> None:
    limits = RateLimits("3/minute", clock=clock)
    assert (await limits.check("a")).headers() == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "1m0s",
    }
    clock.now += 10
    assert await limits.check("a") == Verdict(3, 1, 50.0)
    clock.now += 45
    assert await limits.check("a") == Verdict(3, 0, 5.0)


async def test_a_refused_client_is_told_when_to_come_back_and_may_then(clock: Clock) -> None:
    limits = RateLimits("2/minute", clock=clock)
    await limits.check("a")
    clock.now += 58.5
    await limits.check("a")
    error = await refused(limits)
    assert error.failure is RATE_LIMIT
    assert error.message == (
        "This client has made the 2 requests that it may make per minute (setting rate_limit). "
        "Please try again in 1.501s."
    )
    assert error.retry_after == 1.501
    assert error.headers() == {
        "x-ratelimit-limit-requests": "2",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1.5s",
        "retry-after": "2",
        "retry-after-ms": "1501",
    }
    clock.now += 1.5
    assert (await refused(limits)).retry_after == 0.001
    clock.now += 0.001
    assert await limits.check("a") == pytest.approx((2, 0, 58.499))


async def test_refused_requests_do_not_count(clock: Clock) -> None:
    limits = RateLimits("1/second;3/minute", clock=clock)
    await limits.check("a")
    for _ in range(5):
        await refused(limits)
    clock.now += 1.5
    assert await limits.check("a") == Verdict(1, 0, 1.0)
    clock.now += 1.5
    assert await limits.check("a") == Verdict(3, 0, 57.0)


async def test_the_window_that_is_nearest_to_exhaustion_speaks(clock: Clock) -> None:
    limits = RateLimits("10/minute;3/day", clock=clock)
    assert await limits.check("a") == Verdict(3, 2, 86400.0)
    limits = RateLimits("3/minute;3/day", clock=clock)
    assert await limits.check("a") == Verdict(3, 2, 86400.0)


async def test_who_is_stopped_by_two_windows_waits_for_the_longer(clock: Clock) -> None:
    limits = RateLimits("2/second;2/5 minutes", clock=clock)
    await limits.check("a")
    await limits.check("a")
    error = await refused(limits)
    assert error.retry_after == 300.001
    assert "the 2 requests that it may make per 5 minutes" in error.message


async def test_clients_do_not_share_a_limit(clock: Clock) -> None:
    limits = RateLimits("1/minute", clock=clock)
    await limits.check("a")
    await refused(limits, "a")
    assert await limits.check("b") == Verdict(1, 0, 60.0)


async def test_proxies_that_share_a_storage_share_the_limits(clock: Clock) -> None:
    storage = MemoryStorage()
    here, there = RateLimits("1/minute", storage, clock), RateLimits("1/minute", storage, clock)
    await here.check("a")
    await refused(there)


@pytest.mark.parametrize("spec", ["5/minute", "5/minute;7/hour", "7/minute;5/hour"])
async def test_of_requests_at_once_as_many_pass_as_may(spec: str) -> None:
    limits = RateLimits(spec)
    found = await asyncio.gather(*(limits.check("a") for _ in range(40)), return_exceptions=True)
    passed = [verdict for verdict in found if isinstance(verdict, Verdict)]
    assert [verdict.remaining for verdict in passed] == [4, 3, 2, 1, 0]
    assert sum(isinstance(error, ProxyError) for error in found) == 35


async def test_with_the_real_clock_a_client_that_waits_as_told_passes() -> None:
    limits = RateLimits("2/second")
    await limits.check("a")
    await limits.check("a")
    wait = (await refused(limits)).retry_after
    assert wait is not None
    assert 0.8 < wait <= 1.001
    await asyncio.sleep(wait)
    assert (await limits.check("a")).limit == 2


class Time:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    async def passes(self, seconds: float = 0.0) -> None:
        """Let *seconds* pass, and everybody do what is then to do."""
        end = self.now + seconds
        await settle()
        while due := [until for until, future in self._sleepers if until <= end and not future.done()]:
            self.now = max(self.now, min(due))
            for until, future in self._sleepers:
                if until <= self.now and not future.done():
                    future.set_result(None)
            await settle()
        self.now = end


async def settle() -> None:
    """Let every task go on until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


class Queue:
    """A gate, those who came to it, and when each passed."""

    def __init__(self, per_minute: int | None) -> None:
        self.time = Time()
        self.gate = Gate(per_minute, self.time.clock, self.time.sleep)
        self.passed: dict[str, float] = {}
        self.refused: dict[str, ProxyError] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    def comes(self, *names: str, patience: float = 1000.0) -> None:
        for name in names:
            self.tasks[name] = asyncio.create_task(self._enter(name, patience))

    def leaves(self, name: str) -> None:
        self.tasks[name].cancel()

    async def _enter(self, name: str, patience: float) -> None:
        try:
            await self.gate.enter(patience)
            self.passed[name] = self.time.now
        except ProxyError as e:
            self.refused[name] = e

    async def ends(self) -> None:
        """Everybody leaves."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_a_gate_without_a_limit_holds_nobody() -> None:
    gate = Gate(None)
    for _ in range(1000):
        await gate.enter(0.0)


async def test_calls_pass_at_once_while_there_is_room() -> None:
    queue = Queue(3)
    queue.comes("a", "b", "c", patience=0.0)
    await queue.time.passes()
    assert queue.passed == {"a": 0.0, "b": 0.0, "c": 0.0}


async def test_the_rest_pass_in_the_order_they_came_a_minute_after_those_before() -> None:
    queue = Queue(2)
    queue.comes("a")
    await queue.time.passes(10)
    queue.comes("b", "c", "d", "e", "f")
    await queue.time.passes(200)
    assert queue.passed == {"a": 0.0, "b": 10.0, "c": 60.0, "d": 70.0, "e": 120.0, "f": 130.0}


async def test_who_comes_later_does_not_pass_those_who_wait() -> None:
    """Not even in the moment in which a place is free, and its owner not yet awake."""
    queue = Queue(1)
    queue.comes("a", "b")
    await queue.time.passes(59.9)
    queue.time.now = 60.0
    queue.comes("late")
    await queue.time.passes(1)
    assert list(queue.passed) == ["a", "b"]
    await queue.time.passes(60)
    assert queue.passed["late"] == 120.0


async def test_who_would_have_to_wait_too_long_is_told_so_at_once() -> None:
    queue = Queue(2)
    queue.comes("a", "b", patience=30)
    await queue.time.passes(29)
    queue.comes("c", patience=30)
    await queue.time.passes()
    assert queue.refused["c"].failure is RATE_LIMIT
    assert queue.refused["c"].retry_after == 31.001
    assert queue.refused["c"].message.endswith("Please try again in 31.001s.")
    await queue.time.passes(1)
    queue.comes("d", "e", "f", patience=30)
    await queue.time.passes()
    assert list(queue.refused) == ["c", "f"]
    assert queue.refused["f"].retry_after == 90.001
    await queue.time.passes(30)
    assert queue.passed == {"a": 0.0, "b": 0.0, "d": 60.0, "e": 60.0}


async def test_the_wait_that_a_refused_call_is_told_is_true() -> None:
    queue = Queue(2)
    queue.comes("a")
    await queue.time.passes(20)
    queue.comes("b", "c", "d", "e")
    await queue.time.passes()
    queue.comes("refused", patience=30)
    await queue.time.passes()
    wait = queue.refused["refused"].retry_after
    assert wait == 120.001
    await queue.time.passes(wait)
    queue.comes("back", patience=0)
    await queue.time.passes()
    assert "back" in queue.passed
    assert set(queue.passed) == {"a", "b", "c", "d", "e", "back"}


@pytest.mark.parametrize("name", ["b", "c", "d"])
async def test_who_leaves_the_queue_leaves_no_hole_in_it(name: str) -> None:
    queue = Queue(1)
    queue.comes("a", "b", "c", "d")
    await queue.time.passes(30)
    queue.leaves(name)
    await queue.time.passes(200)
    others = [other for other in "bcd" if other != name]
    assert queue.passed == {"a": 0.0, others[0]: 60.0, others[1]: 120.0}


async def test_who_leaves_makes_the_wait_shorter_for_who_comes_next() -> None:
    queue = Queue(1)
    queue.comes("a", "b", "c")
    await queue.time.passes()
    queue.leaves("b")
    await queue.time.passes()
    queue.comes("d", patience=120)
    await queue.time.passes(120)
    assert queue.passed == {"a": 0.0, "c": 60.0, "d": 120.0}
    assert not queue.refused


async def test_who_leaves_in_the_moment_of_its_turn_takes_no_place() -> None:
    queue = Queue(1)
    queue.comes("a", "b", "c")
    await queue.time.passes(59.9)
    queue.leaves("b")
    queue.time.now = 60.0
    await queue.time.passes(0.0)
    assert queue.passed == {"a": 0.0, "c": 60.0}


async def test_with_the_real_clock_a_gate_opens_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenproxy.limits.rates.MINUTE", 0.05)
    gate = Gate(2)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.gather(*(gate.enter(1.0) for _ in range(5)))
    assert 0.1 <= loop.time() - begun < 0.9


type Act = Callable[[Queue, int], None]


def comes(queue: Queue, number: int) -> None:
    """Somebody comes, and would wait for ever."""
    queue.comes(str(number))


def leaves(place: int) -> Act:
    """Somebody who still waits leaves."""

    def act(queue: Queue, number: int) -> None:
        waiting = [name for name, task in queue.tasks.items() if not task.done()]
        if waiting:
            queue.leaves(waiting[place % len(waiting)])

    return act


ACTS = st.one_of(st.just(comes), st.integers(0, 20).map(leaves))


@given(st.integers(1, 4), st.lists(st.tuples(ACTS, st.integers(0, 40)), max_size=25))
async def test_no_minute_has_too_many_calls_and_nobody_overtakes_or_waits_in_vain(
    per_minute: int, story: list[tuple[Act, int]]
) -> None:
    queue = Queue(per_minute)
    for number, (act, pause) in enumerate(story):
        act(queue, number)
        await queue.time.passes(pause)
    await queue.time.passes(60.0 * len(story))
    times = list(queue.passed.values())
    assert times == sorted(times)
    assert [int(name) for name in queue.passed] == sorted(int(name) for name in queue.passed)
    assert all(later - earlier >= 60.0 for earlier, later in zip(times, times[per_minute:], strict=False))
    assert {name for name, task in queue.tasks.items() if not task.cancelled()} == set(queue.passed)
    await queue.ends()


class Pair(NamedTuple):
    """The limits of two proxies that count together."""

    one: RateLimits
    other: RateLimits

    @classmethod
    def at(cls, url: str, spec: str = "3/minute") -> Self:
        return cls(*(RateLimits(spec, link=Link(url, budget=5)) for _ in range(2)))

    async def close(self) -> None:
        for each in self:
            if each.link is not None:
                await each.link.close()


@SERVICES
@REDIS
async def test_two_proxies_count_together(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        pair = Pair.at(server.url, "3/minute;10/hour")
        assert (await pair.one.check("me")).remaining == 2
        second = await pair.other.check("me")
        assert second.headers()["x-ratelimit-remaining-requests"] == "1"
        await pair.one.check("me")
        with pytest.raises(ProxyError) as refused:
            await pair.other.check("me")
        assert refused.value.failure is RATE_LIMIT
        assert 0 < float(refused.value.headers()["retry-after"]) <= 60
        assert (await pair.other.check("you")).remaining == 2
        assert not pair.one.alone
        await pair.close()


@SERVICES
@REDIS
async def test_while_redis_is_away_each_goes_on_from_what_it_has_let_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with redis_server(tmp_path) as server:
        pair = Pair.at(server.url)
        for _ in range(2):
            await pair.one.check("me")
        await server.stop()
        assert (await pair.one.check("me")).remaining == 0
        with pytest.raises(ProxyError):
            await pair.one.check("me")
        assert (await pair.other.check("me")).remaining == 2, "it has not seen the calls of the first"
        assert (pair.one.alone, pair.other.alone) == (2, 1)
        assert caplog.text.count("rate limits hold for this proxy alone") == 2, "each says it once"
        await pair.close()
