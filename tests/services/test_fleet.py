"""Thirty processes on three machines with one login, and a server that revokes a login whose refresh token comes twice.

The processes are those of tests/support/fleet_worker.py: the layer of tokens and state alone, since thirty whole
proxies would be too much for a small machine.  Whole ones are in tests/e2e/test_machines.py.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from qwenproxy.auth.shared_store import SharedStore
from qwenproxy.auth.token import Token
from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from tests.support.clock import until
from tests.support.fleet_worker import DOUBT, KEY
from tests.support.namespaces import WIRED, Namespace, missing, namespace
from tests.support.oauth_server import OAuthServer, oauth_server
from tests.support.programs import Program, program
from tests.support.services import RedisServer, free_port, needs

pytestmark = [*needs("redis-server"), pytest.mark.chaos, pytest.mark.timeout(300)]

NETWORKS = ("192.0.2", "198.51.100", "203.0.113")
"""One wire to each machine (RFC 5737)."""
EACH = 10
LIFETIME = 16.0
"""Seconds of an access token; it is renewed at about half of it."""


@contextmanager
def machines() -> Iterator[tuple[Namespace, list[Namespace]]]:
    """The machine of Redis and the token server, and three with a wire to it each.  Skips where there can be none."""
    if reason := missing(WIRED):
        pytest.skip(reason)
    with ExitStack() as stack:
        hub, *others = (stack.enter_context(namespace()) for _ in range(4))
        for network, other in zip(NETWORKS, others, strict=True):
            name = f"to{network.partition('.')[0]}"
            hub.call("ip", "link", "add", name, "type", "veth", "peer", "name", "wire", "netns", str(other.keeper))
            for host, address, wire in ((hub, f"{network}.1/24", name), (other, f"{network}.2/24", "wire")):
                host.call("ip", "address", "add", address, "dev", wire)
                host.call("ip", "link", "set", wire, "up")
        yield hub, others


@dataclass
class Fleet:
    """Thirty processes, ten on each machine."""

    redis: RedisServer
    server: OAuthServer
    parts: list[Program]

    async def tell(self, line: str) -> None:
        for part in self.parts:
            await part.tell(line)

    async def tokens(self, but: int | None = None) -> list[str]:
        """What each process says when it is asked for a token; *but*: the machine on which one is stopped."""
        await self.tell("token")
        counts = [EACH - (number == but) for number in range(len(self.parts))]
        return [
            await word(part, "token", "error")
            for part, count in zip(self.parts, counts, strict=True)
            for _ in range(count)
        ]

    async def all_say(self, text: str, but: int) -> None:
        """Wait until each says *text* when it is asked for a token."""
        for _ in range(60):
            found = await self.tokens(but)
            if all(text in each for each in found):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"not all say {text!r}: {set(found)}")

    async def agree(self) -> str:
        """The token that all of them have, soon."""
        for _ in range(60):
            found = set(await self.tokens())
            if len(found) == 1 and self.server.accepts(token := found.pop().removeprefix("token ")):
                return token
            await asyncio.sleep(1)
        raise AssertionError("they do not agree")

    async def stopped(self) -> tuple[int, int]:
        """The process that has stopped itself, and the number of its machine; no other will."""
        waiting = [asyncio.create_task(word(part, "stopping")) for part in self.parts]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        (machine,) = [number for number, each in enumerate(waiting) if each.done()]
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await self.tell("stop none")
        return int(waiting[machine].result().removeprefix("stopping ")), machine

    @property
    def sent(self) -> list[str]:
        """The refresh tokens that the server was sent, in order."""
        return [form["refresh_token"] for grant, form, _ in self.server.asked if grant == "refresh_token"]

    @property
    def is_revoked(self) -> bool:
        return any(family.revoked for family in self.server.families.values())


async def word(part: Program, *beginnings: str) -> str:
    """The next line that begins so."""
    while line := await part.line():
        if line.startswith(beginnings):
            return line
    raise AssertionError(f"it ended: {await part.errors()}")


@asynccontextmanager
async def thirty(folder: Path, left: float) -> AsyncIterator[Fleet]:
    """A fleet with a login that has *left* seconds to live; they begin to keep it fresh."""
    with machines() as (hub, others):
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(oauth_server(at=hub.listen("0.0.0.0", 0)))
            server.lifetime = LIFETIME
            redis = RedisServer(folder, port=free_port(), bind="0.0.0.0", enter=hub.enter())
            stack.push_async_callback(redis.stop, signal.SIGKILL)
            await redis.start()
            await sign_in(redis, server, left)
            parts = [
                await stack.enter_async_context(
                    program(
                        "fleet_worker.py",
                        f"redis://{network}.1:{redis.port}/0",
                        f"http://{network}.1:{server.port}",
                        EACH,
                        enter=other.enter(),
                    )
                )
                for network, other in zip(NETWORKS, others, strict=True)
            ]
            fleet = Fleet(redis, server, parts)
            for part in parts:
                for _ in range(EACH):
                    await part.until("ready")
            yield fleet
            await fleet.tell("end")
            for part in parts:
                part.no_more()
                assert await part.end() == 0
                errors = await part.errors()
                assert "at-" not in errors
                assert "rt-" not in errors


async def sign_in(redis: RedisServer, server: OAuthServer, left: float) -> None:
    """Put a login into Redis, as `qwenproxy login` does."""
    answer = server.login()
    token = Token(answer["access_token"], answer["refresh_token"], round((time.time() + left) * 1000))
    link = Link(f"unix://{redis.socket}", budget=10)
    await SharedStore(Shared(link, Seal([KEY])), "login").write(token, None)
    await link.close()


@pytest.mark.parametrize(
    "restarts",
    [pytest.param(0, id="Redis stays"), pytest.param(2, id="Redis is restarted, empty")],
)
async def test_there_is_one_refresh_for_each_expiry(tmp_path: Path, restarts: int) -> None:
    refreshed: list[float] = []

    async def note(grant: str) -> None:
        refreshed.append(time.monotonic())

    async with thirty(tmp_path, left=-1) as fleet:
        fleet.server.before = note
        assert set(await fleet.tokens()) == {"token at-2"}, "all thirty asked at once, for one that has run out"
        assert len(fleet.sent) == 1
        await fleet.tell("go")
        for _ in range(restarts):
            await asyncio.sleep(LIFETIME / 4)
            await fleet.redis.restart()
        for _ in range(round(2.5 * LIFETIME)):
            found = await fleet.tokens()
            assert all(fleet.server.accepts(each.removeprefix("token ")) for each in found), set(found)
            await asyncio.sleep(1)
        assert len(set(fleet.sent)) == len(fleet.sent) >= 4, "no refresh token twice"
        assert min(after - before for before, after in pairwise(refreshed)) > LIFETIME / 4
        assert not fleet.is_revoked


async def test_a_holder_stopped_before_it_sends_sends_nothing_afterwards(tmp_path: Path) -> None:
    async with thirty(tmp_path, left=LIFETIME / 2) as fleet:
        await fleet.tell("stop before")
        await fleet.tell("go")
        stopped, _ = await fleet.stopped()
        try:
            assert await until(lambda: len(fleet.sent) == 1, 60), "another does it, once the old token has run out"
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert await fleet.agree() == "at-2"
        assert (fleet.sent, fleet.is_revoked) == (["rt-1"], False)


async def test_what_a_holder_stopped_after_it_sent_has_got_is_kept(tmp_path: Path) -> None:
    """It comes back while the others still leave the login alone."""
    async with thirty(tmp_path, left=LIFETIME) as fleet:
        await fleet.tell("stop after")
        await fleet.tell("go")
        stopped, _ = await fleet.stopped()
        await asyncio.sleep(DOUBT)  # its lease is over
        os.kill(stopped, signal.SIGCONT)
        assert await fleet.agree() == "at-2"
        assert (fleet.sent, fleet.is_revoked) == (["rt-1"], False)


async def test_one_that_comes_back_too_late_overwrites_nothing(tmp_path: Path) -> None:
    """The others have tried the refresh token that was spent: the login is lost, and all say so until it is renewed."""
    async with thirty(tmp_path, left=LIFETIME / 2) as fleet:
        await fleet.tell("stop after")
        await fleet.tell("go")
        stopped, machine = await fleet.stopped()
        try:
            assert await until(lambda: fleet.is_revoked, 60), "nobody could know"
            assert fleet.sent == ["rt-1", "rt-1"]
            await fleet.all_say("not signed in to Qwen", but=machine)
            await sign_in(fleet.redis, fleet.server, LIFETIME)
        finally:
            os.kill(stopped, signal.SIGCONT)
        assert await fleet.agree() not in ("at-1", "at-2")
