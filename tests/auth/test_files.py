"""Files with a secret in them."""

import os
import stat
import time
from pathlib import Path

import pytest

from qwenproxy.auth import files


def check() -> None:
    """Nothing against it."""


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".qwen" / "creds.json"
    before = os.umask(0)
    try:
        files.make_folder(path)
        files.replace(path, b"one", check)
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert [each.name for each in path.parent.iterdir()] == ["creds.json"]


def test_an_open_file_is_closed_to_others_when_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    path.write_bytes(b"one")
    path.chmod(0o644)
    files.replace(path, b"two", check)
    assert (mode(path), path.read_bytes()) == (0o600, b"two")


def test_the_stamp_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    stamp = files.replace(path, b"one", check)
    assert files.stamp(path) == stamp
    assert files.read(path) == (b"one", stamp)
    assert files.replace(path, b"two", check) != stamp
    assert stamp.written_at == pytest.approx(time.time(), abs=60)


def test_no_file_is_none(tmp_path: Path) -> None:
    assert files.read(tmp_path / "x") is None
    assert files.stamp(tmp_path / "x") is None


def test_a_file_that_cannot_be_read_is_not_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for look in (files.read, files.stamp):
        with pytest.raises(OSError):
            look(tmp_path / "file" / "x")


def test_a_check_at_the_last_moment_leaves_all_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    path.write_bytes(b"one")

    def refuse() -> None:
        assert len(list(tmp_path.iterdir())) == 2, "the new content is not on the disk yet"
        raise LookupError

    with pytest.raises(LookupError):
        files.replace(path, b"two", refuse)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("creds.json", b"one")]


def test_a_replacement_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "creds.json"
    path.mkdir()
    with pytest.raises(OSError):
        files.replace(path, b"two", check)
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_program_left_is_removed_when_it_is_old(tmp_path: Path) -> None:
    path, old, new = (tmp_path / name for name in ("c.json", "c.json.tmp.1", "c.json.tmp.2"))
    for each in (old, new):
        each.write_bytes(b"secret")
    os.utime(old, (time.time() - 61,) * 2)
    files.replace(path, b"one", check)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["c.json", "c.json.tmp.2"]


async def test_work_off_the_loop_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "TIMEOUT", 0.01)
    with pytest.raises(TimeoutError):
        await files.off_the_loop(lambda: time.sleep(0.05))


async def test_work_off_the_loop_returns_and_raises(tmp_path: Path) -> None:
    assert await files.off_the_loop(lambda: 5) == 5
    with pytest.raises(FileNotFoundError):
        await files.off_the_loop((tmp_path / "x").read_bytes)
