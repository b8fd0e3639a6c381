"""A token server that is down, slow or wrong: the app hears what is the matter, and is served when it is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.chaos.faults import ordered
from tests.chaos.outcomes import WHOLE
from tests.chaos.test_upstream import ask
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import OAuthServer, Said, dead, error, html, oauth_server
from tests.support.stage import RUNNING, Stage, stage

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]

LONG = 60.0
"""Seconds in which an app must have heard."""


async def slowly(grant: str) -> None:
    await asyncio.sleep(2)


async def never(grant: str) -> None:
    await asyncio.Event().wait()


async def drops(grant: str) -> None:
    raise ConnectionResetError


class State(NamedTuple):
    """What the token server does, and for how long the token at hand lasts still."""

    script: tuple[Said, ...] = ()
    before: Callable[[str], Awaitable[None]] | None = None
    lasts: float = -1.0
    heals: bool = True
    """When the server is well again, so is the proxy, without anybody's help."""
    down: bool = False
    """Nobody listens there."""


MANY = 50
STATES: Mapping[str, State] = {
    "is well": State(),
    "is down": State(down=True),
    "is slow": State(before=slowly),
    "says nothing": State(before=never),
    "breaks off": State(before=drops),
    "says nothing, while the token is fresh": State(before=never, lasts=200.0),
    "fails": State((Said(500, {"error": "server_error"}),) * MANY),
    "fails, while the token is fresh": State((Said(500, {"error": "server_error"}),) * MANY, lasts=200.0),
    "answers a page": State((html(200),) * MANY),
    "answers a page as a failure": State((html(504),) * MANY),
    "answers what is no JSON": State((Said(200, "{'access_token'"),) * MANY),
    "answers without a token": State((Said(200, {"status": "success"}),) * MANY),
    "wants fewer questions": State((error(429, "slow_down"),) * MANY),
    "has ended the login": State((dead(),) * MANY, heals=False),
}
GROUP, CASES = "tokens", len(STATES)


async def first(found: Stage) -> str:
    async with found.local() as app:
        app.patience = LONG
        return await ask(app, "good", stream=True)


@pytest.mark.parametrize("name", STATES)
async def test_whatever_the_token_server_does(
    name: str, tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]
) -> None:
    state = STATES[name]
    file = CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json")
    async with oauth_server(script=list(state.script), before=state.before) as server:
        file.put(server.login(), time.time() + state.lasts)
        settings = {
            "auth": "oauth",
            "oauth_url": server.url,
            "credentials": str(file.path),
            "api_key": "",
            "refresh_lead": "300",
        }
        async with stage(tmp_path, confdir, RUNNING, settings, environ=watched(tmp_path)) as found:
            await found.says(ordered)
            before = await vitals(found.process, tmp_path)
            if state.down:
                await server.go_down()
            async with asyncio.timeout(LONG):
                outcome = await first(found)
            server.script.clear()
            server.before = None
            if state.down:
                await server.listen()
            if state.heals:
                await well_again(found, server)
            # A question that a silent server has been asked is given up after half a minute.
            assert not await recovered(found.process, tmp_path, before, patience=LONG)
            for secret in ("at-1", "rt-1", "at-2", "rt-2"):
                assert secret not in found.process.output
    got[name] = {"gets": outcome}


async def well_again(found: Stage, server: OAuthServer) -> None:
    """Within a minute a request is served, and with a token that the server has given."""
    end = time.monotonic() + LONG
    while (outcome := await first(found)) != WHOLE:
        assert time.monotonic() < end, outcome
        await asyncio.sleep(0.5)
    assert found.upstream.asked[-1].headers["authorization"].startswith("Bearer at-")
