"""The login in memory and in the file: one truth, whoever changes it and whatever fails."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qwenproxy.auth.client import Client
from qwenproxy.auth.conversation import Blocked, Refused, SignInError, Unreachable
from qwenproxy.auth.holding import BY_ANOTHER, Holding
from qwenproxy.auth.store import Store
from qwenproxy.wire import oauth
from qwenproxy.wire.oauth import TokenAnswer
from tests.support.clock import Clock
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, Said, dead, error, html, oauth_server


@dataclass
class House:
    """A holding with its file, its server and its time."""

    holding: Holding
    file: CredentialsFile
    server: OAuthServer
    clock: Clock

    @property
    def access(self) -> str:
        token = self.holding.token
        return token.access_token if token is not None else ""

    def another(self) -> Holding:
        """That of another process with the same file."""
        return Holding(Store(self.file.path), Client(self.server.server), now=self.clock.now)

    def sign_in(self, left: float = 3600, **more: Any) -> None:
        """A login that somebody puts into the file, with *left* seconds to live."""
        self.file.put(self.server.login(), self.clock.at + left, **more)

    async def answer(self) -> TokenAnswer:
        return oauth.read(TokenAnswer, self.server.login())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    file, clock = CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json"), Clock()
    async with oauth_server() as server:
        holding = Holding(Store(file.path, stale_after=0.4), Client(server.server), now=clock.now)
        yield House(holding, file, server, clock)


async def test_at_first_there_is_nothing(house: House) -> None:
    await house.holding.look()
    await house.holding.refresh("")
    assert house.holding.token is None
    assert house.server.asked == []


async def test_the_file_is_read(house: House) -> None:
    house.sign_in()
    await house.holding.look()
    assert house.access == "at-1"


async def test_a_refresh_is_in_the_file_and_in_memory(house: House) -> None:
    house.sign_in(scope="openid")
    await house.holding.refresh("at-1")
    assert house.access == house.file.access == "at-2"
    assert house.file.content["scope"] == "openid"
    assert house.file.content["expiry_date"] == round((house.clock.at + 3600) * 1000)
    assert house.file.neighbours == []
    assert house.holding.refreshed_at == house.clock.at


async def test_it_is_in_the_file_before_it_is_used(house: House) -> None:
    house.sign_in()
    seen: list[tuple[str, str]] = []

    async def watch() -> None:
        while True:
            seen.append((house.file.access, house.access))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await house.holding.refresh("at-1")
    watching.cancel()
    assert ("at-1", "at-2") not in seen
    assert seen[-1][0] == "at-2"


async def test_a_server_that_does_not_rotate_is_asked_with_the_same_token_again(house: House) -> None:
    house.server.rotates = False
    house.sign_in()
    await house.holding.refresh("at-1")
    await house.holding.refresh("at-2")
    assert (house.access, house.file.refresh) == ("at-3", "rt-1")


async def test_what_another_process_has_refreshed_is_used(house: House) -> None:
    house.sign_in()
    await house.holding.look()
    await house.another().refresh("at-1")
    await house.holding.refresh("at-1")
    assert house.access == "at-2"
    assert house.server.refreshes == 1


async def test_of_two_at_the_same_time_one_refreshes(house: House) -> None:
    house.sign_in()
    both = (house.holding, house.another())
    for each in both:
        await each.look()
    await asyncio.gather(*(each.refresh("at-1") for each in both))
    assert [each.token.access_token for each in both if each.token] == ["at-2", "at-2"]
    assert house.server.refreshes == 1


async def test_even_if_tokens_last_for_seconds(house: House) -> None:
    house.clock.at = time.time()  # the file's own clock tells how long a token lasts
    house.server.lifetime = 4
    house.sign_in(0)
    both = (house.holding, house.another())
    for each in both:
        await each.look()
    await asyncio.gather(*(each.refresh("at-1") for each in both))
    assert house.server.refreshes == 1


async def test_a_login_of_another_process_is_taken_up(house: House) -> None:
    await house.holding.look()
    house.sign_in()
    await house.holding.look()
    assert house.access == "at-1"


async def test_a_logout_of_another_process_too(house: House) -> None:
    house.sign_in()
    await house.holding.look()
    house.file.remove()
    await house.holding.look()
    assert house.holding.token is None
    assert house.holding.lost == BY_ANOTHER
    house.sign_in()
    await house.holding.look()
    assert house.holding.lost == ""


async def test_a_file_that_becomes_malformed_changes_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.sign_in()
    await house.holding.look()
    house.file.put_text("{")
    for _ in range(3):
        await house.holding.look()
    assert house.access == "at-1"
    assert len(caplog.records) == 1, "it is said once"
    await house.holding.refresh("at-1")
    assert house.file.access == "at-2"


async def test_a_file_that_cannot_be_read_changes_nothing(house: House) -> None:
    house.sign_in()
    await house.holding.look()
    house.file.take_folder_away()
    await house.holding.look()
    assert house.access == "at-1"


@pytest.mark.parametrize("said", [dead(), error(401, "invalid_grant")], ids=["400", "401"])
async def test_a_dead_login_is_forgotten(house: House, said: Said) -> None:
    house.sign_in()
    house.server.script = [said]
    with pytest.raises(Refused) as caught:
        await house.holding.refresh("at-1")
    assert house.holding.token is None
    assert house.holding.lost == caught.value.message
    assert not house.file.exists
    assert house.file.neighbours == []


KEPT = [
    html(400),
    html(401),
    html(200),
    Said(400, "", "application/json"),
    error(403, "forbidden"),
    error(429, "slow_down"),
    error(500, "invalid_grant"),
    Said(200, {"status": "success"}),
    error(200, "invalid_grant"),
    Said(200, "half", "application/json"),
]


@pytest.mark.parametrize("said", KEPT, ids=[f"{said.status} {said.body!s:.20}" for said in KEPT])
async def test_anything_else_keeps_it(house: House, said: Said) -> None:
    house.sign_in()
    house.server.script = [said]
    with pytest.raises(SignInError) as caught:
        await house.holding.refresh("at-1")
    assert isinstance(caught.value, Blocked | Unreachable)
    assert house.access == house.file.access == "at-1"
    await house.holding.refresh("at-1")
    assert house.access == "at-2"


async def test_a_dead_login_is_not_removed_if_another_is_there_by_now(house: House) -> None:
    house.sign_in()

    async def sign_in_elsewhere(grant: str) -> None:
        house.server.after = None
        house.sign_in()

    house.server.script, house.server.after = [dead()], sign_in_elsewhere
    await house.holding.refresh("at-1")
    assert house.access == house.file.access == "at-2"


async def test_a_login_of_another_process_during_a_refresh_wins(house: House) -> None:
    house.sign_in()

    async def sign_in_elsewhere(grant: str) -> None:
        house.server.after = None
        house.sign_in()

    house.server.after = sign_in_elsewhere
    await house.holding.refresh("at-1")
    assert house.access == house.file.access == "at-3"


async def test_whoever_lost_the_lock_leaves_what_the_other_has_written(house: House) -> None:
    house.sign_in()
    house.server.rotates = False

    async def overtake(grant: str) -> None:
        house.server.after = None
        house.file.path.with_name("oauth_creds.lock").unlink()
        await house.another().refresh("at-1")

    house.server.after = overtake
    await house.holding.refresh("at-1")
    assert house.access == house.file.access == "at-3"
    assert house.file.neighbours == []


async def test_whoever_lost_the_lock_writes_if_the_other_has_not(house: House) -> None:
    house.sign_in()

    async def overtake(grant: str) -> None:
        house.file.path.with_name("oauth_creds.lock").unlink()

    house.server.after = overtake
    await house.holding.refresh("at-1")
    assert house.access == house.file.access == "at-2"


async def test_a_token_that_cannot_be_written_is_kept_in_memory(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.sign_in()

    async def fail(grant: str) -> None:
        house.server.after = None
        house.file.take_folder_away()

    house.server.after = fail
    await house.holding.refresh("at-1")
    assert (house.access, house.holding.unsaved) == ("at-2", True)
    assert "kept in memory only" in caplog.text
    assert caplog.records[-1].levelname == "ERROR"

    await house.holding.refresh("at-2")
    assert house.access == "at-3", "the new refresh token was used, not the old one"

    house.file.bring_folder_back()
    house.file.put_text(house.file.text)
    await house.holding.look()
    assert house.access == "at-3", "the file is behind"
    await house.holding.save()
    assert (house.file.access, house.holding.unsaved) == ("at-3", False)


async def test_what_could_not_be_written_gives_way_to_a_login_of_another_process(house: House) -> None:
    await house.holding.look()
    await Store(house.file.path).prepare()
    house.file.take_folder_away()
    await house.holding.take(await house.answer())
    assert house.holding.unsaved
    house.file.bring_folder_back()
    house.sign_in()
    await house.holding.save()
    assert house.access == house.file.access == "at-2"
    assert not house.holding.unsaved


async def test_a_new_login_is_written_over_what_was_there(house: House) -> None:
    house.sign_in()
    await house.holding.look()
    await house.holding.take(await house.answer())
    assert house.access == house.file.access == "at-2"


async def test_a_login_that_cannot_be_renewed_ends(house: House) -> None:
    house.file.put(house.server.login() | {"refresh_token": ""}, house.clock.at + 3600)
    with pytest.raises(Refused, match="no refresh token"):
        await house.holding.refresh("at-1")
    assert house.holding.token is None
    assert house.server.asked == []


async def test_a_file_that_stays_locked_is_a_failure_that_passes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwenproxy.auth.lock.ATTEMPTS", 1)
    house.sign_in()
    async with Store(house.file.path).lock():
        with pytest.raises(Unreachable, match="held by another program"):
            await house.holding.refresh("at-1")
    assert house.server.asked == []
    await house.holding.refresh("at-1")
    assert house.access == "at-2"


async def test_a_file_that_stays_locked_does_not_cost_a_new_login(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwenproxy.auth.lock.ATTEMPTS", 1)
    await Store(house.file.path).prepare()
    async with Store(house.file.path).lock():
        await house.holding.take(await house.answer())
        assert (house.access, house.file.exists) == ("at-1", False)
    await house.holding.save()
    assert house.file.access == "at-1"


async def test_if_the_one_who_held_the_lock_has_refreshed_that_will_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwenproxy.auth.lock.ATTEMPTS", 1)
    house.sign_in()
    await house.holding.look()
    async with Store(house.file.path).lock():
        refreshing = asyncio.create_task(house.holding.refresh("at-1"))
        await asyncio.sleep(0.03)
        house.sign_in()
        await refreshing
    assert house.access == "at-2"


async def test_no_secret_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    house.file.put(house.server.login() | {"access_token": "at-s3cret", "refresh_token": "rt-s3cret"}, house.clock.at)
    house.server.script = [html(500), error(400, "x", error_description="rt-s3cret is dead")]
    for _ in range(2):
        with pytest.raises(SignInError) as caught:
            await house.holding.refresh("at-s3cret")
        assert "s3cret" not in str(caught.value)
    assert "is dead" in str(caught.value)
    assert "s3cret" not in caplog.text
