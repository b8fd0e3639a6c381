"""Real processes with one credentials file, and a server that revokes a login whose refresh token comes twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.clock import until
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, oauth_server
from tests.support.programs import Program, program

STALE_AFTER = 0.5
"""Ten seconds in life."""
LOCK = "oauth_creds.lock"


@pytest.fixture
async def server() -> AsyncIterator[OAuthServer]:
    async with oauth_server() as found:
        yield found


@pytest.fixture
def file(tmp_path: Path) -> CredentialsFile:
    return CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json")


def worker(server: OAuthServer, file: CredentialsFile) -> AbstractAsyncContextManager[Program]:
    return program("oauth_worker.py", file.path, server.url, STALE_AFTER)


async def token(of: Program) -> str:
    await of.tell("token")
    return (await of.until("")).removeprefix("token ")


class Gate:
    """Holds the first refresh of all, and lets every other one pass."""

    def __init__(self) -> None:
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    async def __call__(self, grant: str) -> None:
        if grant == "refresh_token" and not self.reached.is_set():
            self.reached.set()
            await self.open.wait()


@pytest.mark.parametrize("count", [2, 8])
async def test_processes_refresh_once_and_none_loses_the_token(
    server: OAuthServer, file: CredentialsFile, count: int
) -> None:
    """First all ask at once, for a token that has run out; then each keeps one fresh that lasts for seconds."""
    refreshed = list[float]()

    async def note(grant: str) -> None:
        refreshed.append(time.monotonic())

    async with program("oauth_worker.py", file.path, server.url, STALE_AFTER, count) as workers:
        for _ in range(count):
            assert await workers.line() == "ready"
        file.put(server.login(), time.time() - 1)
        assert await tokens(workers, count) == {"at-2"}
        assert server.refreshes == 1
        server.lifetime, server.before = 1.6, note
        file.put(server.login(), time.time() + server.lifetime)
        await workers.tell("go")
        lasts_until = time.monotonic() + 3.5
        while time.monotonic() < lasts_until:
            found = await tokens(workers, count)
            assert all(server.accepts(each) for each in found), found
            await asyncio.sleep(0.05)
        await workers.tell("end")
        workers.no_more()
        assert await workers.end() == 0
        errors = await workers.errors()
    pauses = [after - before for before, after in pairwise(refreshed)]
    assert len(pauses) >= 3
    assert min(pauses) > 0.3 * server.lifetime, "no more than one for each life"
    assert not any(family.revoked for family in server.families.values())
    assert file.neighbours == []
    assert "at-" not in errors
    assert "rt-" not in errors


async def tokens(workers: Program, count: int) -> set[str]:
    """What each of *count* workers has for a token."""
    await workers.tell("token")
    return {(await workers.line()).removeprefix("token ") for _ in range(count)}


async def test_a_process_killed_before_the_server_acted_costs_nothing(
    server: OAuthServer, file: CredentialsFile
) -> None:
    server.before = gate = Gate()
    file.put(server.login(), 0)
    async with worker(server, file) as first, worker(server, file) as second:
        await first.tell("token")
        await gate.reached.wait()
        first.signal(signal.SIGKILL)
        assert await first.end() == -signal.SIGKILL
        assert file.neighbours == [LOCK]
        await second.until("ready")
        assert await token(second) == "at-2"
    assert file.access == "at-2"
    assert file.neighbours == []


async def test_a_process_killed_with_the_answer_on_its_way_leads_to_a_sign_in(
    server: OAuthServer, file: CredentialsFile
) -> None:
    server.after = gate = Gate()
    server.pending = 3
    file.put(server.login(), 0)
    async with worker(server, file) as first, worker(server, file) as second:
        await first.tell("token")
        await gate.reached.wait()
        first.signal(signal.SIGKILL)
        await first.end()
        await second.until("ready")
        said = await token(second)
        assert "Invalid refresh token" in said
        assert f"{server.url}/authorize?user_code=CODE-1" in said
        assert await until(lambda: file.exists)
        assert await token(second) == file.access
        await second.tell("end")
        assert "user_code=CODE-1" in await second.errors()
    assert server.accepts(file.access)


@pytest.mark.parametrize("rotates", [False, True], ids=["lenient server", "strict server"])
async def test_a_holder_that_was_stopped_does_not_write_over_what_others_did(
    server: OAuthServer, file: CredentialsFile, rotates: bool
) -> None:
    """The server has answered it; while it was stopped another process took over the lock and wrote."""
    server.rotates, server.after = rotates, (gate := Gate())
    file.put(server.login(), 0)
    async with worker(server, file) as stopped, worker(server, file) as other:
        await stopped.tell("token")
        await gate.reached.wait()
        stopped.signal(signal.SIGSTOP)
        gate.open.set()
        await other.until("ready")
        await other.tell("token")
        assert await until(lambda: file.access == "at-3")
        stopped.signal(signal.SIGCONT)
        assert await stopped.until("token") == "token at-3"
        assert file.access == "at-3"
        assert (await other.line()).startswith("error The proxy is not signed in" if rotates else "token at-3")
        assert await token(other) == "at-3"
    assert server.accepts(file.access)
    assert file.neighbours == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
async def test_a_signal_releases_the_lock(server: OAuthServer, file: CredentialsFile, number: signal.Signals) -> None:
    server.before = gate = Gate()
    file.put(server.login(), 0)
    async with worker(server, file) as each:
        await each.tell("token")
        await gate.reached.wait()
        assert file.neighbours == [LOCK]
        each.signal(number)
        assert await each.end() == -number
    assert file.neighbours == []
    assert file.access == "at-1"


async def test_a_full_disk_costs_no_login(server: OAuthServer, file: CredentialsFile) -> None:
    """Not even the lock's id can be written: the lock is one nevertheless."""
    server.before = gate = Gate()
    file.put(server.login(), 0)
    async with worker(server, file) as each:
        await each.until("ready")
        await each.tell("limit 0")
        await each.until("limited")
        await each.tell("token")
        await gate.reached.wait()
        assert file.neighbours == [LOCK]
        gate.open.set()
        assert await each.until("token") == "token at-2"
        await each.tell("state")
        assert await each.line() == "state signed in saved=False"
        assert (file.access, file.neighbours) == ("at-1", [])
        await each.tell("limit none")
        await each.until("limited")
        await each.tell("save")
        await each.until("saved")
        assert file.access == "at-2"
        await each.tell("end")
        assert "kept in memory only" in await each.errors()


async def test_what_another_program_renews_while_we_wait_for_its_lock_is_used(
    server: OAuthServer, file: CredentialsFile
) -> None:
    file.put(server.login(), 0)
    async with worker(server, file) as ours:
        await ours.until("ready")
        async with program("qwen_code_lock.py", "renew", file.path.parent, 0.3) as theirs:
            await theirs.until("locked")
            assert await token(ours) == file.access == "at-theirs"
    assert server.refreshes == 0
    assert file.neighbours == []
