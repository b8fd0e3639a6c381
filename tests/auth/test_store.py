"""The credentials file."""

from pathlib import Path
from typing import Any

import pytest

from qwenproxy.auth.base import LockLost, Overtaken, Stored
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from tests.support.credentials import CredentialsFile
from tests.support.programs import program

OLD = Token("at-1", "rt-1", 1_790_000_000_000, resource_url="portal.qwen.ai")
NEW = Token("at-2", "rt-2", 1_790_000_100_000)
ANSWER: dict[str, Any] = {"access_token": "at-1", "refresh_token": "rt-1", "token_type": "Bearer"}


@pytest.fixture
def file(tmp_path: Path) -> CredentialsFile:
    return CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json")


@pytest.fixture
def store(file: CredentialsFile) -> Store:
    return Store(file.path)


async def test_what_was_written_is_read(store: Store, file: CredentialsFile) -> None:
    stamp = await store.write(NEW, None)
    assert await store.read() == Stored(stamp, NEW)
    assert await store.stamp() == stamp
    assert file.neighbours == []


async def test_no_file_is_no_login(store: Store) -> None:
    assert await store.read() == Stored()
    assert await store.stamp() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"access_token": "at-s3cret"}', "\x00" * 10])
async def test_a_file_that_cannot_be_used_says_why(store: Store, file: CredentialsFile, text: str) -> None:
    await store.prepare()
    file.put_text(text)
    found = await store.read()
    assert found.stamp is not None
    assert found.token is None
    assert str(file.path) in found.fault
    assert "s3cret" not in found.fault


async def test_what_cannot_be_read_is_not_a_missing_file(store: Store, file: CredentialsFile) -> None:
    await store.prepare()
    file.take_folder_away()
    with pytest.raises(OSError):
        await store.read()


async def test_unknown_fields_stay(store: Store, file: CredentialsFile) -> None:
    file.put(ANSWER, 1, scope="openid", resource_url="old", nested={"a": [1]})
    await store.write(NEW, None)
    assert file.content == NEW.fields() | {"scope": "openid", "nested": {"a": [1]}}


async def test_a_malformed_file_is_replaced(store: Store, file: CredentialsFile) -> None:
    await store.prepare()
    file.put_text("{")
    await store.write(NEW, None)
    assert file.content == NEW.fields()


async def test_the_lock_is_qwen_codes(store: Store, file: CredentialsFile) -> None:
    await store.prepare()
    async with store.lock():
        assert file.neighbours == ["oauth_creds.lock"]


async def test_a_file_of_another_name_has_its_own_lock(tmp_path: Path) -> None:
    assert Store(tmp_path / "work.json").lock().path == tmp_path / "work.lock"
    assert Store(tmp_path / "creds").lock().path == tmp_path / "creds.lock"


async def test_under_the_lock_it_is_written(store: Store, file: CredentialsFile) -> None:
    file.put(ANSWER, 1)
    async with store.lock() as lock:
        await store.write(NEW, lock, {"at-1"})
    assert file.access == "at-2"


async def test_whoever_lost_the_lock_does_not_write(store: Store, file: CredentialsFile) -> None:
    file.put(ANSWER, 1)
    async with store.lock() as lock:
        lock.remove()
        with pytest.raises(LockLost):
            await store.write(NEW, lock)
        with pytest.raises(LockLost):
            await store.remove(lock)
    assert file.access == "at-1"
    assert file.neighbours == []


async def test_another_login_is_not_written_over(store: Store, file: CredentialsFile) -> None:
    file.put(ANSWER, 1)
    async with store.lock() as lock:
        with pytest.raises(Overtaken):
            await store.write(NEW, lock, {"at-0"})
        with pytest.raises(Overtaken):
            await store.remove(lock, {"rt-0"})
    assert file.access == "at-1"


async def test_only_a_dead_login_is_removed(store: Store, file: CredentialsFile) -> None:
    file.put(ANSWER, 1)
    assert await store.remove(None, {"rt-1"})
    assert not file.exists
    assert not await store.remove(None, {"rt-1"})


async def test_a_disk_that_fails_is_told(store: Store, file: CredentialsFile) -> None:
    await store.write(OLD, None)
    file.take_folder_away()
    with pytest.raises(OSError):
        await store.write(NEW, None)
    file.bring_folder_back()
    assert file.access == "at-1"


async def test_another_program_reads_what_we_write_and_we_what_it_writes(store: Store, file: CredentialsFile) -> None:
    await store.write(OLD, None)
    async with program("qwen_code_lock.py", "renew", file.path.parent, 0) as other:
        assert await other.end() == 0
    found = (await store.read()).token
    assert found is not None
    assert (found.access_token, found.refresh_token, found.resource_url) == ("at-theirs", "rt-theirs", "portal.qwen.ai")
