"""The file, its limits, and what is forgotten."""

import asyncio
import os
import sqlite3
import stat
from itertools import batched
from pathlib import Path

import pytest

from qwenproxy.state.base import Ending, Store
from qwenproxy.state.database import VERSION, Bounds, connect, size
from tests.state.stores import ME, body, entry, item, keep, opened


async def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.db"
    before = os.umask(0)
    try:
        async with opened(path) as store:
            await keep(store, "a")
            modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert {"state.db", "state.db-wal", "state.db-shm"} < modes.keys()
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    connection = connect(tmp_path / "state.db")
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(sqlite3.DatabaseError, match="another version"):
        connect(tmp_path / "state.db")


async def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.db") as store:
        await keep(store, "old")
        await store.open(ME, {"id": "conv_old"}, [item("x")])
        await store.add(entry("running"))
    async with opened(tmp_path / "state.db", Bounds(0.0, 1024**3)) as store:
        await store.orphans()
        assert await store.find(ME, "old") is None
        assert await store.conversation(ME, "conv_old") is None
        assert await store.find(ME, "running") is not None, "what is being made stays"


async def large(store: Store, name: str) -> None:
    await store.add(entry(name)._replace(input=[item("in", content="x" * 1_000)]))
    await store.end(name, Ending(body(name, "completed"), [item("out")]))


async def test_ten_thousand_responses_hold_the_limit(tmp_path: Path) -> None:
    """The first are forgotten for the last, and the file stays small."""
    room = 4 * 1024**2
    path = tmp_path / "state.db"
    async with opened(path, Bounds(3_600.0, room)) as store:
        for some in batched(range(10_000), 100, strict=True):
            await asyncio.gather(*(large(store, f"r{number}") for number in some))
        assert await store.find(ME, "r0") is None
        assert await store.find(ME, "r9999") is not None
    connection = connect(path)
    assert 0.5 * room < size(connection) <= room
    (left,) = connection.execute("SELECT COUNT(*) FROM items").fetchone()
    (there,) = connection.execute("SELECT 2 * COUNT(*) FROM responses").fetchone()
    assert left == there, "nothing is left of what is forgotten"
    connection.close()
    assert path.stat().st_size < 2 * room


async def test_what_is_carried_on_stays_longest(tmp_path: Path) -> None:
    async with opened(tmp_path / "state.db", Bounds(3_600.0, 1024**2)) as store:
        await keep(store, "first")
        await keep(store, "second", previous="first")
        for number in range(400):
            await keep(store, f"r{number}")
            if number % 20 == 0:
                assert await store.history(ME, "second") is not None
            await store.open(ME, {"id": f"conv_{number}"}, [item("x", content="y" * 5_000)])
        assert await store.find(ME, "r0") is None
        assert [each["id"] for each in await store.history(ME, "second") or ()] == [
            "in_first",
            "out_first",
            "in_second",
            "out_second",
        ]
