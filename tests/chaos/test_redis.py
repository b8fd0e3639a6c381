"""Redis says nothing, is killed and comes back: what needs no shared state goes on, the rest is told why it cannot."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.faults import WORD, ordered
from tests.chaos.outcomes import WHOLE, outcome
from tests.chaos.test_upstream import ask, body
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.clients import App, Reply, request
from tests.support.completions import END
from tests.support.credentials import CredentialsFile
from tests.support.evidence import APP_KEY
from tests.support.oauth_server import oauth_server
from tests.support.services import RedisServer, needs, redis_server
from tests.support.stage import RUNNING, Stage, stage
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, chunk

pytestmark = [*needs("redis-server"), pytest.mark.chaos, pytest.mark.timeout(200)]

KEY = "k" * 32
SOON, LONG = 10.0, 60.0
"""Seconds: within which an app hears, and within which all is well again."""
PAUSE = 0.2
LIFETIME = 3.0
"""Seconds of an access token."""


class Way(NamedTuple):
    """How it goes, and how it comes back, which has a name."""

    goes: Callable[[RedisServer], Awaitable[None]]
    comes: Callable[[RedisServer], Awaitable[None]]
    back: str


async def falls_silent(redis: RedisServer) -> None:
    redis.signal(signal.SIGSTOP)


async def speaks(redis: RedisServer) -> None:
    redis.signal(signal.SIGCONT)


async def dies(redis: RedisServer) -> None:
    await redis.stop(signal.SIGKILL)


WAYS: Mapping[str, Way] = {
    "says nothing": Way(falls_silent, speaks, "speaks again"),
    "is killed": Way(dies, RedisServer.start, "is started again"),
}
GROUP, CASES = "redis", 5 * len(WAYS) + 3


class Halting:
    """An upstream whose streams halt until they are told to go on; it answers "good" at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        if connection.asked.json["messages"][-1]["content"] != "halt":
            await ordered(connection)
            return
        await connection.send(STREAM_HEAD + WORD)
        await self.go_on.wait()
        await connection.send(chunk(END) + STREAM_END)


def sharing(redis: RedisServer, **more: str) -> Mapping[str, str]:
    return {"state": redis.url, "state_keys": KEY, **more}


def of_response(reply: Reply) -> str:
    """The outcome of an answer of the Responses API."""
    return WHOLE if reply.status == 200 and reply.json["status"] == "completed" else outcome(reply)


async def respond(app: App) -> Reply:
    """An answer that is stored, as by default."""
    asked = {"model": "qwen3-coder-plus", "input": "good"}
    return await app.ask(path="/v1/responses", body=asked, host="localhost", authorization=f"Bearer {APP_KEY}")


async def good(found: Stage, budget: float = SOON) -> str:
    async with asyncio.timeout(budget), found.local() as app:
        app.patience = budget
        return await ask(app, "good", stream=True)


async def stored(found: Stage) -> str:
    async with asyncio.timeout(SOON), found.local() as app:
        return of_response(await respond(app))


async def recalled(found: Stage, name: str) -> str:
    """The stored answer of that *name*."""
    async with asyncio.timeout(SOON), found.local() as app:
        place = f"/v1/responses/{name}"
        return of_response(await app.ask("GET", place, host="localhost", authorization=f"Bearer {APP_KEY}"))


async def eventually(asks: Callable[[], Awaitable[str]]) -> str:
    """What *asks* comes to in the end; it has its time to come to a whole answer."""
    for _ in range(int(LONG / PAUSE)):
        if (found := await asks()) == WHOLE:
            break
        await asyncio.sleep(PAUSE)
    return found


@pytest.mark.parametrize("way", WAYS)
async def test_what_needs_no_state_goes_on(
    way: str, tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]
) -> None:
    goes, comes, back = WAYS[way]
    halting, kept = Halting(), "and a stored answer is asked for"
    async with (
        redis_server(tmp_path, keep=True) as redis,
        stage(tmp_path, confdir, RUNNING, sharing(redis), environ=watched(tmp_path)) as found,
    ):
        await found.says(halting)
        async with found.local() as app, found.local() as other:
            name = (await respond(other)).json["id"]
            assert await recalled(found, name) == WHOLE
            before = await vitals(found.process, tmp_path)
            await app.send(request(body=body("halt", stream=True), host="localhost"))
            reply = await app.head()
            reply.body = await app.chunk()
            await goes(redis)
            got[way] = {"gets": await good(found)}
            got[f"{way}, and an answer is to be stored"] = {"gets": await stored(found)}
            got[f"{way}, {kept}"] = {"gets": await recalled(found, name)}
            halting.go_on.set()
            reply.body += await app._body(reply.headers)
            got[f"{way} in mid-stream"] = {"gets": outcome(reply)}
            await comes(redis)
        got[f"{back}, {kept}"] = {"gets": await eventually(lambda: recalled(found, name))}
        assert await stored(found) == WHOLE
        assert not await recovered(found.process, tmp_path, before)
        assert "Traceback" not in found.process.output
        assert found.process.output.count("is back after") == 1


async def test_rate_limits_hold_on(tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]) -> None:
    """Each proxy counts for itself, and goes on from what it has let through."""
    async with (
        redis_server(tmp_path) as redis,
        stage(tmp_path, confdir, RUNNING, sharing(redis, rate_limit="3/hour")) as found,
    ):
        await found.says(ordered)
        assert [await good(found) for _ in range(2)] == [WHOLE, WHOLE]
        await dies(redis)
        assert await good(found) == WHOLE
        got["is killed, and a client has used its `rate_limit` up"] = {"gets": await good(found)}
        assert "rate limits hold for this proxy alone" in found.process.output


async def test_the_login_is_not_lost(tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]) -> None:
    """It is killed while the token server is asked, empty when it is back, and away when the next token runs out."""
    file = CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json")
    async with redis_server(tmp_path) as redis, oauth_server(lifetime=LIFETIME) as server:
        file.put(server.login(), time.time() - 1)
        settings = sharing(redis, auth="oauth", oauth_url=server.url, credentials=str(file.path), api_key="")

        async def kill(grant: str) -> None:
            server.before = None
            await dies(redis)

        server.before = kill
        async with stage(tmp_path, confdir, RUNNING, settings) as found:
            await found.says(ordered)
            # A new token must not be lost: Redis has ten seconds to take it.
            got["is killed as the login is renewed"] = {"gets": await good(found, LONG)}
            await asyncio.sleep(LIFETIME)
            got["is away, and the login runs out"] = {"gets": await good(found)}
            await redis.start()
            assert await eventually(lambda: good(found, LONG)) == WHOLE
            assert "Traceback" not in found.process.output
        assert not any(family.revoked for family in server.families.values())
