"""A login in a real Redis: one refresh for all, and nothing older in the place of something newer."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from qwenproxy.auth.base import Locked, LockLost, Overtaken
from qwenproxy.auth.client import Client
from qwenproxy.auth.conversation import Unreachable
from qwenproxy.auth.holding import Holding
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.refresher import Refresher
from qwenproxy.auth.shared_store import ASIDE, SharedStore
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from qwenproxy.errors import STATE_UNAVAILABLE, ProxyError
from qwenproxy.shared.link import Away, Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from tests.support.clock import until
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, oauth_server
from tests.support.services import RedisServer, needs, redis_server

pytestmark = needs("redis-server")

KEY = "k" * 32
QUICK: dict[str, Any] = {"lease": 0.3, "doubt": 0.6, "settling": 0.3}


BEGAN = time.time()


def token(number: int, left: float = 3600.0) -> Token:
    return Token(f"at-{number}", f"rt-{number}", round((BEGAN + left) * 1000))


@dataclass
class Fleet:
    """A Redis with its clients."""

    redis: RedisServer
    folder: Path
    links: list[Link] = field(default_factory=list)

    def store(self, key: str = KEY, file: Path | None = None, **more: Any) -> SharedStore:
        """That of another process."""
        self.links.append(Link(self.redis.url, budget=2.0))
        shared = Shared(self.links[-1], Seal([key]))
        return SharedStore(shared, "login", None if file is None else Store(file), **QUICK | more)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    async with redis_server(tmp_path) as redis:
        found = Fleet(redis, tmp_path)
        yield found
        for link in found.links:
            await link.close()


async def locked(store: SharedStore) -> None:
    """Hold the lock for a moment."""
    async with store.lock():
        pass


async def test_what_one_writes_the_others_read_and_redis_does_not(fleet: Fleet) -> None:
    one, other = fleet.store(), fleet.store()
    assert await one.stamp() is None
    stamp = await one.write(token(1), None)
    read = await other.read()
    assert (read.stamp, read.token) == (stamp, token(1))
    assert read.token is not None
    assert read.token.lifetime == pytest.approx(3600, abs=100)
    lies = await fleet.links[0].call("HVALS", one._login)
    assert not any(secret in value for value in lies for secret in (b"at-1", b"rt-1"))


async def test_another_key_does_not_open_it(fleet: Fleet) -> None:
    await fleet.store().write(token(1), None)
    with pytest.raises(Away, match=r"setting state_keys\); `qwenproxy logout` forgets it"):
        await fleet.store(key="x" * 32).read()


async def test_it_is_written_under_the_lock_that_holds_only(fleet: Fleet) -> None:
    """The one was stopped: its lease has run out, another has written, and it comes back."""
    one, other = fleet.store(), fleet.store()
    await one.write(token(1), None)
    await other.read()
    stopped = one.lock()
    await stopped.__aenter__()
    assert stopped._extending is not None
    stopped._extending.cancel()
    async with other.lock() as lock:
        await other.write(token(2), lock, {"at-1"})
    with pytest.raises(LockLost):
        await stopped.check()
    with pytest.raises(LockLost):
        await stopped.spend()
    with pytest.raises(LockLost):
        await one.write(token(3), stopped, {"at-1"})
    await stopped.__aexit__(None, None, None)
    with pytest.raises(Overtaken):
        async with one.lock(keeping=True) as lock:
            await one.write(token(3), lock, {"at-1"})
    assert (await one.read()).token == token(2)


async def test_who_waits_for_the_lock_hears_that_the_work_is_done(fleet: Fleet) -> None:
    one, other = fleet.store(), fleet.store()
    await one.write(token(1), None)
    await other.read()
    async with one.lock() as lock:
        waiting = asyncio.create_task(locked(other))
        await asyncio.sleep(0.4)
        assert not waiting.done(), "the lease was extended"
        await one.write(token(2), lock, {"at-1"})
    with pytest.raises(Locked, match="renewed it meanwhile"):
        await waiting


async def test_a_refresh_token_that_may_be_spent_is_left_alone_for_a_while(fleet: Fleet) -> None:
    """Its holder has fallen silent after it said that it would send it."""
    one, other = fleet.store(), fleet.store()
    await one.write(token(1, left=-1), None)
    await other.read()
    silent = one.lock()
    await silent.__aenter__()
    assert silent._extending is not None
    await silent.spend()
    silent._extending.cancel()
    with pytest.raises(Locked, match="fallen silent"):
        await locked(other)
    async with one.lock(keeping=True) as lock:
        await one.write(token(2), lock, {"at-1"})
    assert (await other.read()).token == token(2)


async def test_what_redis_lost_is_put_back_by_whoever_knows_the_newest(fleet: Fleet) -> None:
    ahead, behind, fresh = fleet.store(), fleet.store(), fleet.store()
    await ahead.write(token(1), None)
    await behind.read()
    await ahead.write(token(2), None)
    await fleet.redis.restart()
    assert (await fresh.read()).token is None
    assert (await behind.read()).token == token(1)
    assert (await fresh.read()).token == token(1)
    with pytest.raises(TimeoutError):  # nobody spends it before all have looked
        await asyncio.wait_for(locked(fresh), 0.2)
    assert (await ahead.read()).token == token(2)
    assert (await behind.read()).token == token(2)


async def test_signed_out_is_signed_out_for_all(fleet: Fleet) -> None:
    one, other = fleet.store(), fleet.store()
    await one.write(token(1), None)
    await other.read()
    assert await one.remove(None)
    assert not await one.remove(None)
    assert (await other.read()).token is None
    with pytest.raises(Overtaken):  # a refresh that was under way
        await other.write(token(2), None, {"at-1"})
    await other.write(token(3), None, ())
    assert (await one.read()).token == token(3)


async def test_only_the_login_that_is_over_is_removed(fleet: Fleet) -> None:
    one = fleet.store()
    await one.write(token(2), None)
    with pytest.raises(Overtaken):
        await one.remove(None, {"rt-1"})
    assert await one.remove(None, {"rt-1", "rt-2"})


async def test_why_there_is_no_login_any_more_is_told_to_all(fleet: Fleet) -> None:
    one, silent, other = fleet.store(), fleet.store(), fleet.store()
    assert (await other.read()).fault == "", "there never was one"
    await one.write(token(1), None)
    assert await one.remove(None, {"rt-1"}, "{} said no")
    assert (await other.read()).fault == "{} said no"
    await one.write(token(2), None)
    assert await one.remove(None)
    assert (await other.read()).fault == "somebody has signed out"
    await one.write(token(3, left=-1), None)
    await asyncio.gather(silent.read(), other.read())
    async with silent.lock() as lock:
        await lock.spend()  # and nothing is ever heard of it
    async with asyncio.timeout(30):
        while True:
            with suppress(Locked):
                async with other.lock() as lock:
                    await lock.spend()
                    assert await other.remove(lock, {"rt-3"}, "it said no")
                    break
            await asyncio.sleep(0.05)
    assert (await one.read()).fault.startswith("it said no: the proxy that had sent its refresh token fell silent")
    await one.write(token(4), None)
    assert await one.remove(None, {"rt-4"}, "it said no again")
    assert (await other.read()).fault == "it said no again"


async def test_a_login_in_a_file_is_offered_once(fleet: Fleet) -> None:
    file = CredentialsFile(fleet.folder / ".qwen" / "oauth_creds.json")
    held = token(1)
    file.put({"access_token": "at-1", "refresh_token": "rt-1", "token_type": "Bearer"}, held.expires_at)
    store = fleet.store(file=file.path)
    assert (await store.read()).token == held
    assert (file.exists, file.neighbours) == (False, [f"oauth_creds.json{ASIDE}"])
    await asyncio.sleep(0)
    assert await store.remove(None, {"rt-1"})
    (file.path.parent / f"oauth_creds.json{ASIDE}").rename(file.path)
    assert (await store.read()).token is None, "its refresh token is used up"
    file.put({"access_token": "at-9", "refresh_token": "rt-9", "token_type": "Bearer"}, held.expires_at)
    assert (await store.read()).token == token(9)


@pytest.fixture
async def server() -> AsyncIterator[OAuthServer]:
    async with oauth_server() as found:
        yield found


def signed_in(server: OAuthServer, left: float) -> Token:
    answer = server.login()
    return Token(answer["access_token"], answer["refresh_token"], round((time.time() + left) * 1000))


async def test_many_refresh_once(fleet: Fleet, server: OAuthServer) -> None:
    await fleet.store().write(signed_in(server, -1), None)
    many = [Holding(fleet.store(), Client(server.server), now=time.time) for _ in range(8)]
    await asyncio.gather(*(each.refresh("at-1") for each in many))
    assert {each.token.access_token for each in many if each.token} == {"at-2"}
    assert server.refreshes == 1


async def test_without_redis_nobody_refreshes_and_the_token_goes_on(fleet: Fleet, server: OAuthServer) -> None:
    await fleet.store().write(signed_in(server, 3600), None)
    holding = Holding(fleet.store(), Client(server.server), now=time.time)
    await holding.look()
    await fleet.redis.stop()
    with pytest.raises(Unreachable, match="cannot be reached"):
        await holding.refresh("at-1")
    assert holding.token is not None
    assert (holding.token.access_token, server.refreshes) == ("at-1", 0)


async def test_that_redis_is_away_is_no_reason_to_sign_in_anew(fleet: Fleet, server: OAuthServer) -> None:
    """A proxy that starts then cannot know whether anybody is signed in."""
    await fleet.redis.stop()
    oauth = OAuth(fleet.store(), Client(server.server))
    assert await Refresher(oauth).turn() > 0
    with pytest.raises(ProxyError, match=r"cannot be told now \(setting state\): redis://") as caught:
        await oauth.token()
    assert caught.value.failure is STATE_UNAVAILABLE
    assert caught.value.headers()["retry-after"]
    assert server.asked == []
    await fleet.redis.start()
    await fleet.store().write(signed_in(server, 3600), None)
    assert await until(lambda: not any(link.is_down for link in fleet.links))
    await oauth.look()
    assert await oauth.token() == "at-1"
    await oauth.close()


@pytest.mark.parametrize("keeps", [False, True], ids=["data lost", "data kept"])
async def test_a_token_that_redis_did_not_take_is_kept_until_it_does(
    fleet: Fleet, server: OAuthServer, keeps: bool
) -> None:
    """Redis goes while the server answers.  Meanwhile nobody spends the refresh token again."""
    fleet.redis.keep = keeps
    await fleet.redis.restart()

    async def go(grant: str) -> None:
        await fleet.redis.stop()

    await fleet.store().write(signed_in(server, 60), None)
    holding, other = (Holding(fleet.store(), Client(server.server), now=time.time) for _ in range(2))
    await other.look()
    server.after = go
    await holding.refresh("at-1")
    assert holding.token is not None
    assert (holding.token.access_token, holding.unsaved) == ("at-2", True)
    server.after = None
    await fleet.redis.start()
    assert await until(lambda: not any(link.is_down for link in fleet.links))
    await other.look()
    with pytest.raises((Unreachable, TimeoutError)):  # it is left alone
        await asyncio.wait_for(other.refresh("at-1"), 0.2)
    await holding.look()
    await holding.save()
    await other.look()
    assert other.token is not None
    assert (other.token.access_token, holding.unsaved, server.refreshes) == ("at-2", False, 1)
