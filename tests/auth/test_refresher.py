"""The background loop: what it does each turn, and when the next one is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qwenproxy.auth.client import Client
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.refresher import Refresher
from qwenproxy.auth.store import Store
from tests.support.clock import Clock, until
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, Said, error, html, oauth_server


@dataclass
class House:
    """A refresher with its credential, file, server and time."""

    server: OAuthServer
    file: CredentialsFile
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        client = Client(self.server.server, sleep=self.clock.sleep)
        store = Store(self.file.path, stale_after=0.3)
        self.oauth = OAuth(store, client, now=self.clock.now, sleep=self.clock.sleep, jitter=lambda: 0.0)
        self.refresher = self.new_refresher()

    def new_refresher(self, lead: float = 300, jitter: float = 0.0) -> Refresher:
        now, sleep = self.clock.now, self.clock.sleep
        return Refresher(self.oauth, lead=lead, now=now, sleep=sleep, jitter=lambda: jitter)

    def sign_in(self, left: float = 3600) -> None:
        self.file.put(self.server.login(), self.clock.at + left)

    async def turns(self, seconds: float) -> list[float]:
        """Turn after turn for that long; when, from now, the server was asked to refresh."""
        begun, found = self.clock.at, list[float]()
        while self.clock.at - begun < seconds:
            before = self.server.refreshes
            pause = await self.refresher.turn()
            found += [round(self.clock.at - begun, 1)] * (self.server.refreshes - before)
            self.clock.at += max(pause, 0.1)
        return found


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with oauth_server() as server:
        found = House(server, CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json"))
        yield found
        found.refresher.stop()
        await found.oauth.close()


async def test_it_renews_five_minutes_ahead(house: House) -> None:
    house.sign_in(400)
    assert await house.turns(200) == [100]
    assert await house.oauth.token() == house.file.access == "at-2"


@pytest.mark.parametrize(("lead", "jitter", "at"), [(300, 1, 70), (60, 0, 340), (0, 0, 400)])
async def test_when_is_a_setting_with_jitter(house: House, lead: float, jitter: float, at: float) -> None:
    house.refresher = house.new_refresher(lead, jitter)
    house.sign_in(400)
    assert await house.turns(401) == [at]


async def test_again_and_again(house: House) -> None:
    house.server.lifetime = 1000
    house.sign_in(1000)
    assert await house.turns(4000) == [700, 1400, 2100, 2800, 3500]


async def test_a_token_of_seconds_is_renewed_at_half_its_life(house: House) -> None:
    house.server.lifetime = 4
    house.sign_in(-1)
    assert await house.turns(7.9) == [0, 2, 4, 6]


async def test_a_failure_is_tried_again_after_longer_and_longer_pauses(house: House) -> None:
    house.sign_in(301)
    house.server.script = [html(503)] * 9
    assert await house.turns(250) == pytest.approx([1, 2, 4, 8, 16, 32, 64, 124, 184, 244], abs=0.5)
    assert await house.oauth.token() == "at-2"


async def test_after_a_success_the_pauses_are_short_again(house: House) -> None:
    house.server.lifetime = 620
    house.sign_in(300)
    house.server.script = [error(500, "oops")] * 3
    assert await house.turns(20) == pytest.approx([0, 1, 3, 7], abs=0.5)
    house.server.script = [error(500, "oops")] * 2
    first, second, third = await house.turns(330)
    assert [second - first, third - second] == pytest.approx([1, 2], abs=0.3)


async def test_a_server_that_wants_to_be_left_alone_is(house: House) -> None:
    house.sign_in(300)
    house.server.script = [Said(429, {"error": "x"}, headers={"retry-after": "90"})]
    assert await house.turns(100) == pytest.approx([0, 90], abs=0.5)


async def test_another_processs_refresh_is_seen_and_reckoned_with(house: House) -> None:
    house.sign_in(400)
    await house.turns(50)
    house.sign_in(4000)
    assert await house.turns(300) == []
    assert await house.oauth.token() == "at-2"


async def test_a_login_of_another_process_is_seen_within_seconds(house: House) -> None:
    house.server.pending = 10**6
    await house.refresher.turn()
    house.sign_in()
    before = house.clock.at
    await house.turns(6)
    assert house.oauth.current is not None
    assert house.clock.at - before < 12
    assert house.oauth.status().state == "signed in"


async def test_a_lost_login_leads_to_a_sign_in(house: House) -> None:
    house.server.lifetime = 1e8
    house.sign_in(100)
    house.server.revoke()
    house.refresher.start()
    assert await until(lambda: house.file.access == "at-2")
    assert await house.oauth.token() == "at-2"


async def test_so_does_a_login_that_never_was(house: House) -> None:
    house.refresher.start()
    assert await until(lambda: house.file.exists)


async def test_a_login_that_was_not_written_is_written_later(house: House) -> None:
    house.sign_in(100)

    async def fail(grant: str) -> None:
        house.server.after = None
        house.file.take_folder_away()

    house.server.after = fail
    await house.turns(10)
    assert house.oauth.unsaved
    house.file.bring_folder_back()
    await house.turns(1)
    assert not house.oauth.unsaved
    assert house.file.access == "at-2"
    assert house.server.refreshes == 1


async def test_it_runs_until_it_is_stopped(house: House) -> None:
    house.server.lifetime = 1000
    house.sign_in(100)
    house.refresher.start()
    house.refresher.start()
    assert await until(lambda: house.server.refreshes == 3)
    house.refresher.stop()
    await asyncio.sleep(0.05)
    refreshes = house.server.refreshes
    await asyncio.sleep(0.05)
    assert house.server.refreshes == refreshes
    house.refresher.start()
    assert await until(lambda: house.server.refreshes > refreshes)


async def test_nothing_ends_it(house: House, caplog: pytest.LogCaptureFixture) -> None:
    calls = 0

    def stumble() -> float:
        nonlocal calls
        calls += 1
        if calls <= 2:
            raise RuntimeError("a bug")
        return 0.0

    house.sign_in(100)
    house.refresher = Refresher(house.oauth, now=house.clock.now, sleep=house.clock.sleep, jitter=stumble)
    house.refresher.start()
    assert await until(lambda: house.server.refreshes == 1)
    assert "a bug" in caplog.text
