"""The lock, also against another program that keeps to the protocol."""

import asyncio
import os
import sys
import time
import uuid
from pathlib import Path

import pytest

from qwenproxy.auth.base import Locked
from qwenproxy.auth.lock import Lock
from tests.support.clock import Clock
from tests.support.programs import ADDONS, program

NAME = "oauth_creds.lock"
QWEN_CODE = "qwen_code_lock.py"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def names(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


def text(path: Path) -> str:
    return path.read_text()


def put(path: Path, content: str) -> None:
    path.write_text(content)


def remove(path: Path) -> None:
    path.unlink()


def move(path: Path, to: Path) -> None:
    path.replace(to)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def mtime(path: Path) -> float:
    return path.stat().st_mtime


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


async def test_it_is_a_file_with_an_id_while_it_is_held(path: Path) -> None:
    async with Lock(path) as lock:
        assert str(uuid.UUID(text(path))) == text(path)
        assert mode(path) == 0o600
        assert lock.is_held()
    assert names(path) == []
    assert not lock.is_held()


async def test_each_attempt_has_its_own_id(path: Path) -> None:
    async with Lock(path):
        first = text(path)
    async with Lock(path):
        assert text(path) != first


async def test_a_live_lock_is_waited_for_and_left_alone(path: Path) -> None:
    put(path, "theirs")
    age(path, 9)
    clock = Clock()
    with pytest.raises(Locked, match="held by another program"):
        async with Lock(path, sleep=clock.sleep):
            pytest.fail("the lock was not held")
    assert clock.slept[:5] == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.50625])
    assert (len(clock.slept), max(clock.slept), clock.slept[-1]) == (20, 2.0, 2.0)
    assert text(path) == "theirs"


async def test_a_stale_lock_is_taken_over_at_once(path: Path) -> None:
    put(path, "theirs")
    age(path, 11)
    clock = Clock()
    async with Lock(path, sleep=clock.sleep) as lock:
        assert lock.is_held()
        assert names(path) == [NAME]
    assert clock.slept == []
    assert names(path) == []


async def test_a_lock_that_goes_stale_while_one_waits_is_taken_over(path: Path) -> None:
    put(path, "theirs")
    begun = time.time()
    clock = Clock(begun)
    async with Lock(path, sleep=clock.sleep, now=clock.now) as lock:
        assert lock.is_held()
    assert 10 < clock.at - begun < 13


async def test_a_live_lock_that_was_taken_for_the_stale_one_is_put_back(path: Path) -> None:
    """Of two that find a stale lock, the slower one removes the lock that the faster one has just made."""
    put(path, "stale")
    age(path, 11)

    def now() -> float:
        if text(path) == "stale":
            remove(path)
            put(path, "live")
            return time.time() + 11
        return time.time()

    with pytest.raises(Locked):
        async with Lock(path, sleep=Clock().sleep, now=now):
            pytest.fail("the lock was not held")
    assert text(path) == "live"
    assert names(path) == [NAME]


async def test_a_lock_from_the_future_is_a_live_one(path: Path) -> None:
    put(path, "theirs")
    age(path, -3600)
    with pytest.raises(Locked):
        async with Lock(path, sleep=Clock().sleep):
            pytest.fail("the lock was not held")


async def test_a_lock_that_is_given_back_is_taken(path: Path) -> None:
    put(path, "theirs")

    async def sleep(seconds: float) -> None:
        remove(path)

    async with Lock(path, sleep=sleep) as lock:
        assert lock.is_held()


@pytest.mark.parametrize("content", ["", "theirs"])
async def test_whoever_lost_it_notices_and_leaves_the_others_lock(path: Path, content: str) -> None:
    async with Lock(path) as lock:
        remove(path)
        put(path, content)
        assert not lock.is_held()
    assert text(path) == content


async def test_a_lock_that_somebody_has_written_into_is_lost(path: Path) -> None:
    async with Lock(path) as lock:
        put(path, "theirs")
        assert not lock.is_held()
    assert text(path)


async def test_a_copy_of_it_is_another_lock(path: Path) -> None:
    async with Lock(path) as lock:
        copy = path.with_name("copy")
        put(copy, text(path))
        move(copy, path)
        assert not lock.is_held()
    assert text(path)


async def test_a_lock_that_is_gone_is_lost(path: Path) -> None:
    async with Lock(path) as lock:
        remove(path)
        assert not lock.is_held()


async def test_a_holder_at_work_keeps_it_from_going_stale(path: Path) -> None:
    async with Lock(path, stale_after=0.2):
        for _ in range(8):
            await asyncio.sleep(0.05)
            assert time.time() - mtime(path) < 0.2


async def test_a_lock_that_was_lost_is_not_touched(path: Path) -> None:
    async with Lock(path, stale_after=0.04):
        remove(path)
        put(path, "theirs")
        age(path, 5)
        await asyncio.sleep(0.05)
        assert time.time() - mtime(path) > 4


async def test_where_no_lock_can_be_made_it_says_so(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / NAME, tmp_path / "file" / NAME):
        (tmp_path / "file").touch()
        with pytest.raises(OSError):
            async with Lock(path):
                pytest.fail("the lock was not held")


async def test_giving_up_while_waiting_leaves_no_lock(path: Path) -> None:
    put(path, "theirs")
    waiting = asyncio.create_task(Lock(path).__aenter__())
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert text(path) == "theirs"


async def test_giving_up_while_the_file_is_made_leaves_no_lock(path: Path) -> None:
    for _ in range(20):
        making = asyncio.create_task(Lock(path).__aenter__())
        await asyncio.sleep(0)
        making.cancel()
        with pytest.raises(asyncio.CancelledError):
            await making
    for _ in range(10):  # threads that were on their way take theirs away again
        await asyncio.sleep(0.01)
    assert names(path) == []


async def test_a_failure_inside_gives_it_back(path: Path) -> None:
    with pytest.raises(LookupError):
        async with Lock(path):
            raise LookupError
    assert names(path) == []


ENDS_WITH_THE_LOCK = """
import asyncio, sys, pathlib
from qwenproxy.auth.lock import Lock
path = pathlib.Path(sys.argv[1])
asyncio.new_event_loop().run_until_complete(Lock(path).__aenter__())
sys.exit(0 if path.exists() else 3)
"""


async def test_a_process_that_ends_gives_it_back(path: Path) -> None:
    environ = os.environ | {"PYTHONPATH": str(ADDONS)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "ignore", "-c", ENDS_WITH_THE_LOCK, path, env=environ, stderr=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    assert names(path) == []


async def test_of_many_one_at_a_time_holds_it(path: Path) -> None:
    inside, most = 0, 0

    async def hold() -> None:
        nonlocal inside, most
        async with Lock(path, sleep=lambda _: asyncio.sleep(0.002)):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(hold() for _ in range(5)))
    assert most == 1


async def test_we_wait_for_the_other_program(path: Path) -> None:
    async with program(QWEN_CODE, "hold", path.parent, 0.3) as other:
        await other.until("locked")
        begun = time.monotonic()
        async with Lock(path) as lock:
            assert time.monotonic() - begun > 0.15
            assert await other.line() == "released"
            assert lock.is_held()


async def test_the_other_program_waits_for_us(path: Path) -> None:
    async with Lock(path) as lock, program(QWEN_CODE, "hold", path.parent, 0) as other:
        locked = asyncio.create_task(other.until("locked"))
        await asyncio.sleep(0.4)
        assert not locked.done()
        assert lock.is_held()
        await lock.__aexit__(None, None, None)
        assert await locked == "locked"


async def test_the_other_program_takes_over_our_stale_lock(path: Path) -> None:
    async with Lock(path) as lock:
        age(path, 11)
        async with program(QWEN_CODE, "hold", path.parent, 0) as other:
            await other.until("released")
        assert not lock.is_held()
    assert names(path) == []


async def test_together_with_the_other_program_nothing_is_lost(path: Path) -> None:
    number = path.with_name("number")
    put(number, "0")
    async with program(QWEN_CODE, "count", path.parent, 12) as other:
        for _ in range(12):
            async with Lock(path):
                before = int(text(number))
                await asyncio.sleep(0.005)
                put(number, str(before + 1))
        assert await other.end() == 0
    assert text(number) == "24"
    assert names(path) == ["number"]
