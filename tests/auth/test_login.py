"""The sign-in in the background."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from qwenproxy.auth.client import Client
from qwenproxy.auth.conversation import Blocked, Expired, Refused
from qwenproxy.auth.login import Login
from qwenproxy.wire.oauth import TokenAnswer
from tests.support.clock import Clock, until
from tests.support.oauth_server import OAuthServer, Said, error, forever, html, oauth_server


@dataclass
class Desk:
    """A login with its server, its time, and what came of it."""

    server: OAuthServer
    clock: Clock = field(default_factory=Clock)
    taken: list[TokenAnswer] = field(default_factory=list)

    def __post_init__(self) -> None:
        client = Client(self.server.server, sleep=self.clock.sleep)
        self.login = Login(client, self.take, sleep=self.clock.sleep, jitter=lambda: 0.0)

    async def take(self, answer: TokenAnswer) -> None:
        self.taken.append(answer)

    async def done(self) -> None:
        """Until it has succeeded."""
        assert await until(lambda: not self.login.is_running)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    async with oauth_server() as server:
        found = Desk(server)
        yield found
        await found.login.close()


async def until_shown(login: Login) -> None:
    assert await until(lambda: login.invitation is not None)


async def test_it_shows_a_link_waits_and_hands_over_the_token(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.server.pending = 3
    desk.login.start()
    await until_shown(desk.login)
    assert desk.login.invitation is not None
    assert desk.login.invitation.user_code == "CODE-1"
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert f"{desk.server.url}/authorize?user_code=CODE-1" in line.getMessage()
    assert "CODE-1 (within 15 minutes)" in line.getMessage()
    await desk.done()
    assert [answer.access_token for answer in desk.taken] == ["at-1"]
    assert desk.login.invitation is None


async def test_there_is_one_at_a_time(desk: Desk) -> None:
    for _ in range(3):
        desk.login.start()
        desk.login.want()
    await desk.done()
    assert [grant for grant, *_ in desk.server.asked].count("device") == 1


async def test_one_that_succeeded_may_begin_again(desk: Desk) -> None:
    for _ in range(2):
        desk.login.start()
        await desk.done()
    assert len(desk.taken) == 2


@pytest.mark.parametrize(
    ("said", "rests"),
    [
        ([error(400, "expired_token")] * 5, [5, 10, 20, 40, 80]),
        ([error(400, "access_denied")] * 3, [5, 10, 20]),
        ([error(401, "invalid_client")] * 12, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]),
    ],
    ids=["nobody came", "denied", "nobody ever comes"],
)
async def test_it_begins_again_with_longer_and_longer_rests(desk: Desk, said: list[Said], rests: list[float]) -> None:
    start = Said(200, {"device_code": "d", "user_code": "C", "verification_uri": f"{desk.server.url}/a", "interval": 1})
    desk.server.script = [answer for each in said for answer in (start, each)]
    desk.login.start()
    await desk.done()
    assert len(desk.taken) == 1
    slept = [seconds for seconds in desk.clock.slept if seconds not in (1, 0.01)]
    assert sum(slept) == sum(rests)


@pytest.mark.parametrize("said", [html(200), html(403), error(429, "slow_down"), error(500, "oops")])
async def test_a_server_that_cannot_be_used_is_tried_again(desk: Desk, said: Said) -> None:
    desk.server.script = [said] * 8
    desk.login.start()
    await desk.done()
    assert len(desk.taken) == 1
    assert sum(desk.clock.slept) == pytest.approx(5 + 10 + 20 + 40 + 80 + 160 + 300 + 300, abs=1)


async def test_a_server_that_wants_to_be_left_alone_is(desk: Desk) -> None:
    desk.server.script = [Said(429, {"error": "x"}, headers={"retry-after": "120"})]
    desk.login.start()
    await desk.done()
    assert sum(desk.clock.slept) == pytest.approx(120, abs=1)


async def test_why_there_is_no_link_is_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.server.script = [html(503)]
    held = asyncio.Event()

    async def sleep(seconds: float) -> None:
        await held.wait()

    desk.login = Login(Client(desk.server.server), desk.take, sleep=sleep, jitter=lambda: 0.0)
    desk.login.start()
    await desk.login.news(5)
    assert desk.login.invitation is None
    assert type(desk.login.error) is Blocked
    assert "firewall" in caplog.text
    held.set()
    await desk.done()
    assert desk.login.error is None


@pytest.mark.parametrize(("code", "kind"), [("expired_token", Expired), ("access_denied", Refused)])
async def test_a_request_ends_the_rest_of_one_that_nobody_confirmed(
    desk: Desk, code: str, kind: type[Expired | Refused]
) -> None:
    never = asyncio.Event()

    async def sleep(seconds: float) -> None:
        """The first moment passes, the rest does not."""
        if len(slept := desk.clock.slept) >= 2:
            await never.wait()
        slept.append(seconds)

    start = Said(200, {"device_code": "d", "user_code": "C", "verification_uri": f"{desk.server.url}/a"})
    desk.server.script = [start, error(400, code), start, error(400, code)]
    client = Client(desk.server.server, sleep=Clock().sleep)
    desk.login = Login(client, desk.take, sleep=sleep, jitter=lambda: 0.0)
    desk.login.start()
    assert await until(lambda: len(desk.server.asked) == 4 and type(desk.login.error) is kind)
    await asyncio.sleep(0.02)
    desk.login.start()
    await asyncio.sleep(0.02)
    assert len(desk.server.asked) == 4, "only a request ends it"
    desk.login.want()
    await until_shown(desk.login)
    await desk.done()


async def test_it_can_be_given_up(desk: Desk) -> None:
    desk.server.pending = 10**6
    desk.login.start()
    await until_shown(desk.login)
    desk.login.stop()
    await asyncio.sleep(0)
    assert not desk.login.is_running
    assert desk.login.invitation is None
    assert desk.taken == []


async def test_one_that_has_its_token_is_seen_through(desk: Desk) -> None:
    taking, go, kept = asyncio.Event(), asyncio.Event(), list[str]()

    async def take(answer: TokenAnswer) -> None:
        taking.set()
        await go.wait()
        kept.append(answer.access_token)

    desk.login = Login(Client(desk.server.server), take, sleep=desk.clock.sleep, jitter=lambda: 0.0)
    desk.login.start()
    await taking.wait()
    desk.login.stop()
    closing = asyncio.create_task(desk.login.close())
    await asyncio.sleep(0)
    go.set()
    await closing
    assert kept == ["at-1"]


async def test_after_the_end_it_does_not_begin_again(desk: Desk) -> None:
    await desk.login.close()
    desk.login.start()
    desk.login.want()
    await desk.login.news(60)
    assert not desk.login.is_running
    assert desk.server.asked == []


async def test_whoever_waits_for_a_link_does_not_wait_forever(desk: Desk) -> None:
    desk.server.before = forever
    desk.login.start()
    await desk.login.news(0.01)
    assert desk.login.invitation is None


async def test_what_goes_wrong_in_keeping_the_token_does_not_end_it(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def take(answer: TokenAnswer) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("a bug")

    desk.login = Login(Client(desk.server.server), take, sleep=desk.clock.sleep, jitter=lambda: 0.0)
    desk.login.start()
    await desk.done()
    assert calls == 2
    assert "a bug" in caplog.text
