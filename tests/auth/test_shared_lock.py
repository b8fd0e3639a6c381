"""The lock without Redis; what it does with one is in test_shared_store.py."""

import time

import pytest

from qwenproxy.auth.base import Locked, LockLost
from qwenproxy.auth.shared_lock import SharedLock, alive
from qwenproxy.shared.link import Link
from tests.support.services import free_port


def test_its_clock_goes_on_while_the_machine_sleeps() -> None:
    before = alive()
    assert before >= time.monotonic() - 1
    assert alive() >= before


async def test_without_redis_there_is_no_lock() -> None:
    link = Link(f"redis://127.0.0.1:{free_port()}/0")
    lock = SharedLock(link, "login", "me")
    with pytest.raises(Locked, match="cannot be reached"):
        await lock.__aenter__()
    with pytest.raises(LockLost):
        await lock.check()
    with pytest.raises(LockLost):
        await lock.spend()
    await link.close()
