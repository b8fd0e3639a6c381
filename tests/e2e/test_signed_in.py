"""A login under traffic: renewed while streams run, lost and found again, shared by two proxies."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import openai
import orjson
import pytest

from qwenproxy.auth.oauth import OAuth
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.processes import QWENPROXY, clean, running
from tests.support.proxy import Running, proxy

STREAMS = 50
LIFETIME = 3
"""Seconds that a token lives."""
WAIT = 0.05
"""Seconds that a request may wait for a token while one is fresh."""


@asynccontextmanager
async def simulator(lifetime: float = 21_600) -> AsyncIterator[Simulator]:
    made = Simulator(pace=0.05, terms=Terms(interval=1, authorise_after=0.5, token_lifetime=lifetime))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def environ(made: Simulator, folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "QWENPROXY_AUTH": "oauth",
        "QWENPROXY_UPSTREAM": f"{made.base_url}/v1",
        "QWENPROXY_OAUTH_URL": made.base_url,
        "QWENPROXY_CREDENTIALS": str(folder / "oauth_creds.json"),
    }


def client(base_url: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=base_url, api_key="sk-app", max_retries=0)


async def say(app: openai.AsyncOpenAI, text: str) -> str:
    """The streamed answer to *text*."""
    stream = await app.chat.completions.create(
        model="qwen3-coder-plus", messages=[{"role": "user", "content": text}], stream=True
    )
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def signed_in(app: openai.AsyncOpenAI) -> None:
    """Wait until the proxy has found its way to a login."""
    for _ in range(60):
        try:
            await say(app, "Hello")
        except openai.AuthenticationError:
            await asyncio.sleep(0.25)
        else:
            return
    raise AssertionError("the proxy did not sign in")


def credential(running: Running) -> OAuth:
    assert running.addon.service is not None
    found = running.addon.service.lines[0].credential
    assert isinstance(found, OAuth)
    return found


async def longest_wait(login: OAuth, seconds: float) -> float:
    """The longest that a fresh token took to be handed out, in so many seconds of asking."""
    until, longest = time.monotonic() + seconds, 0.0
    while time.monotonic() < until:
        token = login.current
        if token is not None and token.is_fresh(time.time()):
            begun = time.monotonic()
            await login.token()
            longest = max(longest, time.monotonic() - begun)
        await asyncio.sleep(0.01)
    return longest


async def test_tokens_are_renewed_under_streams_that_never_notice(tmp_path: Path) -> None:
    async with simulator(LIFETIME) as made, proxy(environ(made, tmp_path), tmp_path) as running:
        app = client(running.base_url)
        await signed_in(app)
        streams = [say(app, f"Stream {number} [sim: words 180]") for number in range(STREAMS)]
        waiting = asyncio.create_task(longest_wait(credential(running), 3 * LIFETIME))
        told = await asyncio.gather(*streams)
        waited = await waiting
        await app.close()
    assert waited < WAIT
    assert all(len(text.split()) >= 180 for text in told)
    assert made.oauth.counts["refreshes"] >= 3
    assert made.oauth.most_at_once == 1


RUN = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port")


def secrets(folder: Path) -> list[bytes]:
    """The tokens of the login that is kept in *folder*."""
    kept = orjson.loads((folder / "oauth_creds.json").read_bytes())
    return [kept[name].encode() for name in ("access_token", "refresh_token")]


async def test_a_lost_login_is_told_and_comes_back_without_a_restart(tmp_path: Path) -> None:
    async with (
        simulator() as made,
        running(RUN, clean(tmp_path) | environ(made, tmp_path), ready="listening") as process,
    ):
        app = client(f"http://127.0.0.1:{process.ports[0]}/v1")
        await signed_in(app)
        made.oauth.terms.authorise_after = None
        made.oauth.grants.revoke()
        with pytest.raises(openai.AuthenticationError, match=f"Open {made.base_url}/authorize"):
            await say(app, "Hello")
        assert f"open {made.base_url}/authorize" in process.output
        made.oauth.decide(authorise=True)
        await signed_in(app)
        await app.close()


async def test_two_proxies_share_one_login_and_show_it_nowhere(tmp_path: Path) -> None:
    shown = b""
    async with simulator(LIFETIME) as made:
        settings = clean(tmp_path) | environ(made, tmp_path)
        async with (
            running(RUN, settings, ready="listening") as one,
            running(RUN, settings, ready="listening") as two,
        ):
            apps = [client(f"http://127.0.0.1:{process.ports[0]}/v1") for process in (one, two)]
            for app in apps:
                await signed_in(app)
            tokens = secrets(tmp_path)
            until = time.monotonic() + 3 * LIFETIME
            while time.monotonic() < until:
                assert all(await asyncio.gather(*(say(app, "Hello [sim: words 5]") for app in apps)))
                await asyncio.sleep(0.3)  # the portal takes 60 calls a minute
            tokens += secrets(tmp_path)
            for app in apps:
                await app.close()
            for process in (one, two):
                shown += process.cmdline + process.printed
    assert made.oauth.counts["reused"] == 0
    assert made.oauth.most_at_once == 1
    assert len(set(tokens)) == 4
    assert not [token for token in tokens if token in shown]
    assert (tmp_path / "oauth_creds.json").stat().st_mode & 0o777 == 0o600
