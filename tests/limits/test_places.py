"""Places with a clock, futures and errors."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qwenproxy import errors
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.limits.memory import Memory
from qwenproxy.limits.places import Places
from qwenproxy.record import Record
from qwenproxy.settings import Settings
from qwenproxy.traffic import Traffic
from tests.support.simulated import until


class Hall:
    """Places, and the exchanges that come to them."""

    def __init__(self, *, held: Callable[[], int] = lambda: 0, **settings: Any) -> None:
        self.hits: Counter[str] = Counter()
        self.places = Places(lambda name: self.hits.update([name]), Memory(held))
        self.traffic = Traffic([self.places])
        self.set(**settings)

    def set(self, **settings: float) -> None:
        given: dict[str, Any] = {"queue": 4, "queue_timeout": 30.0, "memory_limit": 0, **settings}
        self.places.configure(Settings(**given))

    def record(self) -> Record:
        return self.traffic.begin(Record("req_1", "POST", "chat", lambda: 0.0))

    async def enter(self, client: str = "a") -> Record:
        record = self.record()
        try:
            await self.places.enter(record, client)
        except ProxyError as e:
            record.failed(e)
            record.close()
            raise
        except asyncio.CancelledError:
            record.close(cut=True)
            raise
        return record

    def come(self, client: str = "a") -> asyncio.Task[Record]:
        return asyncio.create_task(self.enter(client))


async def queued(hall: Hall, number: int) -> None:
    await until(lambda: hall.places.queued == number)


async def test_a_place_is_given_back_with_the_end_of_the_exchange() -> None:
    hall = Hall(exchanges=1)
    first = await hall.enter()
    second = hall.come()
    await queued(hall, 1)
    first.close()
    (await second).close()
    (await hall.enter()).close()
    assert not hall.hits


REFUSALS: dict[str, tuple[dict[str, Any], Failure, str, tuple[str, ...]]] = {
    "no queue": ({"exchanges": 1, "queue": 0}, errors.BUSY, "queue", ("exchanges", "nobody may wait", "setting queue")),
    "own share": ({"client_exchanges": 1, "queue": 0}, errors.RATE_LIMIT, "queue", ("client_exchanges", "of this")),
    "time": ({"exchanges": 1, "queue_timeout": 0.01}, errors.BUSY, "queue_timeout", ("waited 0.01 s", "exchanges")),
    "own, time": ({"client_exchanges": 1, "queue_timeout": 0}, errors.RATE_LIMIT, "queue_timeout", ("waited 0 s",)),
}


@pytest.mark.parametrize(("settings", "failure", "limit", "words"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_who_gets_no_place_is_told_why_and_counted(
    settings: dict[str, Any], failure: Failure, limit: str, words: tuple[str, ...]
) -> None:
    hall = Hall(**settings)
    first = await hall.enter()
    with pytest.raises(ProxyError) as refusal:
        await hall.enter()
    assert refusal.value.failure is failure
    assert refusal.value.retry_after
    assert all(word in refusal.value.message for word in words)
    assert hall.hits == {limit: 1}
    assert hall.places.queued == 0
    first.close()
    (await hall.enter()).close()


async def test_an_app_that_leaves_leaves_the_queue() -> None:
    hall = Hall(exchanges=1)
    first, leaves, stays = await hall.enter(), hall.come(), hall.come()
    await queued(hall, 2)
    leaves.cancel()
    await queued(hall, 1)
    first.close()
    (await stays).close()
    assert leaves.cancelled()


async def test_one_that_leaves_in_the_moment_that_it_is_called_gives_its_place_on() -> None:
    hall = Hall(exchanges=1)
    first, leaves, stays = await hall.enter(), hall.come(), hall.come()
    await queued(hall, 2)
    leaves.cancel()
    first.close()  # calls the one that is going to hear that it is cancelled
    (await stays).close()
    assert hall.places.queued == 0
    assert leaves.cancelled()


async def test_one_that_leaves_in_the_moment_that_it_is_displaced_breaks_nothing() -> None:
    hall = Hall(exchanges=1, queue=2)
    first, second, leaves = await hall.enter("a"), hall.come("a"), hall.come("a")
    await queued(hall, 2)
    other = hall.come("b")
    leaves.cancel()  # before `other` displaces it; it hears of that after it
    await asyncio.sleep(0)
    assert not other.done()
    first.close()
    (await second).close()
    (await other).close()
    assert leaves.cancelled()


async def test_one_that_is_called_before_it_is_cancelled_gives_its_place_on() -> None:
    hall = Hall(exchanges=1)
    first, leaves, stays = await hall.enter(), hall.come(), hall.come()
    await queued(hall, 2)
    first.close()
    leaves.cancel()
    (await stays).close()


async def test_a_line_that_is_too_long_makes_room() -> None:
    hall = Hall(exchanges=1, queue=2)
    first, second, third = await hall.enter("a"), hall.come("a"), hall.come("a")
    await queued(hall, 2)
    other = hall.come("b")
    with pytest.raises(ProxyError, match="the queue of 2 is full"):
        await third
    first.close()
    (await second).close()
    (await other).close()


async def test_an_exchange_in_the_background_takes_the_place_over() -> None:
    hall = Hall(exchanges=1)
    asked, background = await hall.enter(), hall.record()
    hall.places.pass_on(asked, background)
    asked.close()
    waits = hall.come()
    await queued(hall, 1)
    background.close()
    (await waits).close()


async def test_new_settings_call_those_who_wait() -> None:
    hall = Hall(exchanges=1)
    first, second = await hall.enter(), hall.come()
    await queued(hall, 1)
    hall.set(exchanges=2)
    for record in (first, await second):
        record.close()


async def test_when_memory_is_short_new_ones_are_refused_unless_nothing_is_under_way() -> None:
    hall = Hall(held=lambda: 2 << 20, memory_limit=1 << 20)
    first = await hall.enter()
    with pytest.raises(ProxyError, match="more than 1 MiB of memory") as refusal:
        await hall.enter()
    assert refusal.value.failure is errors.BUSY
    assert hall.hits == {"memory_limit": 1}
    first.close()
    (await hall.enter()).close()
