"""The store: shared by several, and clear when it cannot be used."""

from pathlib import Path

import pytest

from qwenproxy.errors import INTERNAL
from qwenproxy.state.base import Store, Unusable
from qwenproxy.state.sqlite import SQLiteStore
from tests.state.stores import ME, ROOMY, entry, keep, opened


async def test_two_stores_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    async with opened(path) as one, opened(path) as other:
        await keep(one, "a")
        await keep(other, "b", previous="a")
        assert len(await one.history(ME, "b") or ()) == 4
        await one.add(entry("running"))
        found = await other.find(ME, "running")
        assert found is not None
        assert (found.running, found.orphan) == (True, False)
        assert await other.orphans() == []


async def test_what_a_store_has_left_is_an_orphan(tmp_path: Path) -> None:
    async with opened(tmp_path / "s") as one:
        await one.add(entry("running"))
    async with opened(tmp_path / "s") as other:
        found = await other.find(ME, "running")
        assert found is not None
        assert found.orphan
        assert await other.orphans() == [(ME, "running")]


async def test_it_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with opened(tmp_path / "s") as one:
        await keep(one, "a")
    async with opened(tmp_path / "s") as other:
        assert await other.find(ME, "a") is not None


async def test_a_place_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store: Store = SQLiteStore(tmp_path / "file" / "state.db", ROOMY)
    with pytest.raises(Unusable) as caught:
        await store.find(ME, "a")
    assert caught.value.failure == INTERNAL
    assert "setting state" in caught.value.message
    await store.close()
