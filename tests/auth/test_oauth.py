"""The OAuth login as a credential."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qwenproxy import errors
from qwenproxy.auth.client import Client
from qwenproxy.auth.credentials import Credential
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.store import Store
from qwenproxy.errors import ProxyError
from qwenproxy.wire.oauth import Server
from tests.support.clock import Clock, until
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, Said, dead, error, forever, html, oauth_server


@dataclass
class House:
    """A credential with its file, its server and its time."""

    server: OAuthServer
    file: CredentialsFile
    clock: Clock = field(default_factory=Clock)

    def oauth(self, **settings: Any) -> OAuth:
        """The credential of one process."""
        client = Client(self.server.server, sleep=self.clock.sleep)
        own = {"now": self.clock.now, "sleep": self.clock.sleep, "jitter": lambda: 0.0}
        return OAuth(Store(self.file.path), client, **own | settings)

    def sign_in(self, left: float = 3600, **more: Any) -> str:
        """A login in the file, with *left* seconds to live; its access token."""
        self.file.put(self.server.login(), self.clock.at + left, **more)
        return self.file.access


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with oauth_server() as server:
        yield House(server, CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json"))


@pytest.fixture
async def oauth(house: House) -> AsyncIterator[OAuth]:
    found = house.oauth()
    yield found
    await found.close()


async def refusal(oauth: OAuth) -> ProxyError:
    with pytest.raises(ProxyError) as caught:
        await oauth.token()
    return caught.value


def test_it_is_a_credential(house: House) -> None:
    credential: Credential = house.oauth()
    assert credential.name == "oauth"


async def test_the_login_in_the_file_is_used(house: House, oauth: OAuth) -> None:
    house.sign_in()
    assert await oauth.token() == "at-1"
    assert house.server.asked == []


async def test_while_fresh_it_is_there_at_once(house: House, oauth: OAuth) -> None:
    house.sign_in()
    await oauth.token()
    asking = oauth.token()
    with pytest.raises(StopIteration) as end:
        asking.send(None)
    assert end.value.value == "at-1"


@pytest.mark.parametrize(("left", "token"), [(301, "at-1"), (31, "at-1"), (30, "at-2"), (1, "at-2"), (-9999, "at-2")])
async def test_only_in_its_last_half_minute_is_it_waited_for(
    house: House, oauth: OAuth, left: float, token: str
) -> None:
    house.sign_in(left)
    assert await oauth.token() == token
    assert house.file.access == token


async def test_many_who_ask_at_once_cause_one_refresh(house: House, oauth: OAuth) -> None:
    house.sign_in(0)
    assert set(await asyncio.gather(*(oauth.token() for _ in range(50)))) == {"at-2"}
    assert house.server.refreshes == 1


async def test_processes_that_ask_at_once_cause_one_refresh(house: House) -> None:
    house.sign_in(0)
    processes = [house.oauth() for _ in range(4)]
    assert set(await asyncio.gather(*(each.token() for each in processes))) == {"at-2"}
    assert house.server.refreshes == 1


async def test_whoever_asked_may_leave_and_the_answer_is_kept(house: House, oauth: OAuth) -> None:
    house.sign_in(0)
    asked, go = asyncio.Event(), asyncio.Event()

    async def hold(grant: str) -> None:
        asked.set()
        await go.wait()

    house.server.after = hold
    first = asyncio.create_task(oauth.token())
    await asked.wait()
    assert oauth.status().state == "refreshing"
    first.cancel()
    second = asyncio.create_task(oauth.token())
    go.set()
    assert await second == "at-2"
    assert house.file.access == "at-2"
    assert house.server.refreshes == 1


async def test_at_the_end_a_refresh_under_way_is_seen_through(house: House, oauth: OAuth) -> None:
    house.sign_in(0)
    asked = asyncio.Event()

    async def hold(grant: str) -> None:
        asked.set()
        await asyncio.sleep(0.02)

    house.server.after = hold
    asking = asyncio.create_task(oauth.token())
    await asked.wait()
    asking.cancel()
    await oauth.close()
    assert house.file.access == "at-2"


async def test_another_processs_login_is_seen_in_the_background(house: House, oauth: OAuth) -> None:
    house.sign_in()
    assert await oauth.token() == "at-1"
    house.sign_in()
    house.clock.at += 4
    assert await oauth.token() == "at-1"
    await asyncio.sleep(0.02)
    assert await oauth.token() == "at-1", "the file is not looked at more often than every 5 s"
    house.clock.at += 2
    await oauth.token()
    await asyncio.sleep(0.05)
    assert await oauth.token() == "at-2"
    assert house.server.asked == []


TROUBLE: list[tuple[str, Said, errors.Failure]] = [
    ("a page", html(200), errors.UPSTREAM_BLOCKED),
    ("a page with 401", html(401), errors.UPSTREAM_BLOCKED),
    ("500", error(500, "oops"), errors.UPSTREAM_UNREACHABLE),
]


@pytest.mark.parametrize(("said", "failure"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
async def test_trouble_that_passes_keeps_the_login(
    house: House, oauth: OAuth, said: Said, failure: errors.Failure
) -> None:
    house.sign_in(0)
    house.server.script = [said]
    refused = await refusal(oauth)
    assert refused.failure is failure
    assert "It is kept" in refused.message
    assert refused.retry_after is not None
    assert house.file.access == "at-1"

    assert (await refusal(oauth)).message == refused.message
    assert house.server.refreshes == 1, "the server is left in peace for a moment"
    house.clock.at += 2
    assert await oauth.token() == "at-2"


async def test_a_token_that_lasts_a_little_longer_is_used_while_there_is_trouble(house: House, oauth: OAuth) -> None:
    house.sign_in(20)
    house.server.script = [html(503)]
    assert await oauth.token() == "at-1"
    assert oauth.status().error.startswith("127.0.0.1")


async def test_a_server_that_wants_to_be_left_alone_is(house: House, oauth: OAuth) -> None:
    house.sign_in(0)
    house.server.script = [Said(429, {"error": "slow_down"}, headers={"retry-after": "60"})]
    assert (await refusal(oauth)).retry_after == 60
    house.clock.at += 59
    await refusal(oauth)
    assert house.server.refreshes == 1


async def test_a_lost_login_is_told_with_a_link_and_comes_back_without_a_restart(
    house: House, oauth: OAuth, caplog: pytest.LogCaptureFixture
) -> None:
    house.sign_in(0)
    house.server.revoke()
    house.server.pending = 10**6
    refused = await refusal(oauth)
    assert refused.failure is errors.UPSTREAM_KEY
    link = f"{house.server.url}/authorize?user_code=CODE-1"
    for said in ("Invalid refresh token or client_id", link, "CODE-1", "QWENPROXY_API_KEY"):
        assert said in refused.message
    assert link in caplog.text
    assert not house.file.exists
    status = oauth.status()
    assert (status.state, status.expires_at) == ("waiting for sign-in", None)
    assert status.invitation is not None
    assert status.invitation.link == link

    assert "CODE-1" in (await refusal(oauth)).message, "it is one and the same sign-in"
    house.server.pending = 0
    assert await until(lambda: oauth.current is not None)
    assert await oauth.token() == "at-2"
    assert house.file.access == "at-2"
    assert await until(lambda: oauth.status().error == "")
    assert (oauth.status().state, oauth.status().invitation) == ("signed in", None)


async def test_without_a_login_it_is_the_same(house: House, oauth: OAuth) -> None:
    house.server.pending = 10**6
    assert oauth.status().state == "lost"
    assert "CODE-1" in (await refusal(oauth)).message
    assert oauth.status().state == "waiting for sign-in"


async def test_a_login_of_another_process_ends_the_sign_in(house: House, oauth: OAuth) -> None:
    house.server.pending = 10**6
    await refusal(oauth)
    house.sign_in()
    await oauth.look()
    assert oauth.status().invitation is None
    assert await oauth.token() == "at-1"


async def test_a_request_sees_it_at_once(house: House, oauth: OAuth) -> None:
    house.server.pending = 10**6
    await refusal(oauth)
    house.sign_in()
    assert await oauth.token() == "at-1"
    assert oauth.status().state == "signed in"


async def test_a_sign_in_that_cannot_begin_says_why(house: House, oauth: OAuth) -> None:
    house.server.script = [html(403)] * 100
    refused = await refusal(oauth)
    assert refused.failure is errors.UPSTREAM_KEY
    assert "firewall" in refused.message
    assert "firewall" in oauth.status().error


async def test_a_server_that_is_silent_keeps_nobody_waiting_forever(
    house: House, oauth: OAuth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwenproxy.auth.oauth.PATIENCE", 0.02)
    house.server.before = forever
    assert "has not answered yet" in (await refusal(oauth)).message


async def test_a_refused_token_is_renewed(house: House, oauth: OAuth) -> None:
    house.sign_in()
    assert await oauth.renew(await oauth.token())
    assert await oauth.token() == "at-2"
    assert house.server.refreshes == 1


async def test_a_token_of_another_process_is_tried_first(house: House, oauth: OAuth) -> None:
    house.sign_in()
    refused = await oauth.token()
    house.sign_in()
    assert await oauth.renew(refused)
    assert await oauth.token() == "at-2"
    assert house.server.refreshes == 0


async def test_many_refused_at_once_cause_one_refresh(house: House, oauth: OAuth) -> None:
    house.sign_in()
    refused = await oauth.token()
    assert all(await asyncio.gather(*(oauth.renew(refused) for _ in range(20))))
    assert await oauth.renew(refused), "one that comes late takes what there is"
    assert house.server.refreshes == 1


async def test_a_refused_login_that_is_dead_leads_to_a_sign_in(house: House, oauth: OAuth) -> None:
    house.sign_in()
    house.server.pending = 10**6
    refused = await oauth.token()
    house.server.revoke()
    assert await oauth.renew(refused), "token() knows what to say"
    assert "CODE-1" in (await refusal(oauth)).message


async def test_one_that_cannot_be_renewed_now_is_not(house: House, oauth: OAuth) -> None:
    house.sign_in()
    house.server.script = [html(503)]
    refused = await oauth.token()
    assert not await oauth.renew(refused)
    assert not await oauth.renew(refused)
    assert house.server.refreshes == 1
    assert await oauth.token() == refused


async def test_nothing_was_refused_if_nothing_was_sent(oauth: OAuth) -> None:
    assert not await oauth.renew(None)


async def test_a_fresh_login_that_is_still_refused_is_explained(
    house: House, oauth: OAuth, caplog: pytest.LogCaptureFixture
) -> None:
    house.sign_in(resource_url="portal.qwen.ai")
    assert await oauth.renew(await oauth.token())
    for _ in range(3):
        assert await oauth.renew("at-2"), "token() knows what to say"
        refused = await refusal(oauth)
        assert refused.failure is errors.UPSTREAM_KEY
        for said in ("https://portal.qwen.ai/v1", "free tier", "2026-04-15", "API key", "Coding Plan", "Token Plan"):
            assert said in refused.message
    assert house.server.refreshes == 1, "never a loop"
    assert len([record for record in caplog.records if "free tier" in record.getMessage()]) == 1
    assert house.file.access == "at-2", "the login is kept"

    house.clock.at += 30
    assert await oauth.token() == "at-2", "later it is tried again"
    assert await oauth.renew("at-2")
    assert await oauth.token() == "at-3"


async def test_a_token_that_was_renewed_in_time_may_be_refused_too(house: House, oauth: OAuth) -> None:
    house.sign_in(0)
    assert await oauth.token() == "at-2"
    assert await oauth.renew("at-2")
    assert await oauth.token() == "at-3"


URLS = [
    ("portal.qwen.ai", "https://portal.qwen.ai/v1"),
    ("", "https://portal.qwen.ai/v1"),
    ("dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    ("http://10.1.2.3:8000", "http://10.1.2.3:8000/v1"),
    ("evil.example", "https://portal.qwen.ai/v1"),
    ("http://portal.qwen.ai", "https://portal.qwen.ai/v1"),
]


@pytest.mark.parametrize(("resource", "url"), URLS)
async def test_the_api_is_the_one_that_the_login_names_if_it_may_be(
    house: House, caplog: pytest.LogCaptureFixture, resource: str, url: str
) -> None:
    oauth = house.oauth(allowed_hosts=["10.1.2.3"])
    assert oauth.base_url == "https://portal.qwen.ai/v1"
    house.sign_in(resource_url=resource)
    await oauth.token()
    assert [oauth.base_url, oauth.base_url] == [url, url]
    warned = resource in ("evil.example", "http://portal.qwen.ai")
    assert len(caplog.records) == warned
    assert warned == ("must not get its token" in caplog.text)


async def test_the_status_is_a_snapshot(house: House, oauth: OAuth) -> None:
    house.sign_in(3600, resource_url="portal.qwen.ai")
    await oauth.token()
    before = oauth.status()
    assert (before.kind, before.state, before.place) == ("oauth", "signed in", str(house.file.path))
    assert (before.expires_at, before.resource_url) == (house.clock.at + 3600, "portal.qwen.ai")
    assert (before.refreshed_at, before.error, before.saved) == (None, "", True)
    house.clock.at += 3400
    assert oauth.status().state == "expiring"
    await oauth.refresh("at-1")
    assert oauth.status().refreshed_at == house.clock.at
    assert before.state == "signed in"


async def test_a_login_in_memory_only_is_told_and_written_at_the_end(house: House) -> None:
    oauth = OAuth(
        Store(house.file.path, stale_after=0.1), Client(house.server.server), now=house.clock.now, jitter=lambda: 0.0
    )
    house.sign_in(0)

    async def fail(grant: str) -> None:
        house.server.after = None
        house.file.take_folder_away()

    house.server.after = fail
    assert await oauth.token() == "at-2"
    assert (oauth.unsaved, oauth.status().saved) == (True, False)
    house.file.bring_folder_back()
    await oauth.close()
    assert house.file.access == "at-2"
    assert oauth.status().saved


async def test_a_killed_process_is_noticed_at_the_next_start(house: House) -> None:
    """Its refresh had been answered, and the answer was lost with it."""
    house.sign_in(0)
    await Client(house.server.server).renew(house.file.refresh)
    house.server.pending = 10**6
    oauth = house.oauth()
    assert "Invalid refresh token" in (await refusal(oauth)).message
    assert not house.file.exists
    house.server.pending = 0
    assert await until(lambda: oauth.current is not None)
    assert await oauth.token() == house.file.access
    await oauth.close()


async def test_no_secret_is_shown(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "qwenproxy")
    oauth = house.oauth()
    secrets = {"access_token": "at-s3cret", "refresh_token": "rt-s3cret"}
    house.file.put(house.server.login() | secrets, house.clock.at + 10)
    house.server.script = [html(503), dead()]
    shown = [await oauth.token() and "", repr(oauth.status())]
    house.clock.at += 20
    shown.append((await refusal(oauth)).message)
    await oauth.close()
    assert "s3cret" not in " ".join([*shown, caplog.text, repr(oauth.current)])


async def test_a_fresh_token_costs_next_to_nothing(house: House, oauth: OAuth) -> None:
    house.sign_in()
    await oauth.token()
    begun = time.perf_counter()
    for _ in range(10_000):
        await oauth.token()
    assert time.perf_counter() - begun < 1


def test_the_server_may_be_any(house: House) -> None:
    client = Client(Server("https://sso.corp.example", "me", "x"))
    assert OAuth(Store(house.file.path), client).status().state == "lost"


async def test_how_each_renewal_ended_is_told(house: House, oauth: OAuth) -> None:
    """By this process, by another one, not just now, and never again."""
    told: list[str] = []
    oauth.on_refresh = told.append
    house.sign_in()
    await oauth.look()
    for script in ([], [html(503)] * 9, [dead()]):
        house.server.script = script
        assert oauth.current is not None
        await oauth.refresh(oauth.current.access_token)
        house.clock.at += 60
    assert told == ["renewed", "failed", "refused"]


async def test_a_renewal_by_another_process_is_told_as_such(house: House, oauth: OAuth) -> None:
    told: list[str] = []
    oauth.on_refresh = told.append
    old = house.sign_in()
    await oauth.look()
    other = house.oauth()
    await other.look()
    await other.refresh(old)
    await oauth.refresh(old)
    await other.close()
    assert told == ["taken"]
