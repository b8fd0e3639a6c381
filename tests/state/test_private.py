"""Files of the state are their owner's, whatever they were."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenproxy.state import database, keys, private

pytestmark = pytest.mark.skipif(os.name != "posix", reason="files have no modes here")


@pytest.fixture(autouse=True)
def usual() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o666, 0o600), (0o600, 0o600), (0o440, 0o400)])
def test_a_file_is_taken_from_others(tmp_path: Path, before: int, after: int) -> None:
    file = tmp_path / "file"
    file.touch()
    file.chmod(before)
    private.close(file)
    assert modes(tmp_path) == {"file": after}


def test_what_is_not_there_is_no_matter(tmp_path: Path) -> None:
    private.close(tmp_path / "nothing")
    assert modes(tmp_path) == {}


@pytest.mark.parametrize("wide", [False, True], ids=["new", "left open"])
def test_the_database_and_what_belongs_to_it_are_their_owners(tmp_path: Path, *, wide: bool) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "state.db"
    held = sqlite3.connect(path) if wide else None
    if held is not None:
        held.execute("PRAGMA journal_mode = WAL")
        held.execute("CREATE TABLE was (a)")
        assert set(modes(tmp_path).values()) == {0o644}
    connection = database.connect(path)
    connection.execute("BEGIN IMMEDIATE")
    assert modes(tmp_path) == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}
    connection.close()
    if held is not None:
        held.close()


@pytest.mark.parametrize("wide", [False, True], ids=["new", "left open"])
def test_the_keys_are_their_owners(tmp_path: Path, *, wide: bool) -> None:
    path = tmp_path / "state.db-keys"
    if wide:
        path.write_text("k" * 32)
    assert keys.keys(path)
    assert modes(tmp_path) == {"state.db-keys": 0o600}
