"""Several workers with one login: a refresh for each of its lives, and no more."""

import asyncio
import time
from pathlib import Path

import pytest

from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.e2e.test_signed_in import client, say, signed_in
from tests.support.fleet import fleet

pytestmark = pytest.mark.chaos

LIFETIME, LIVES = 3, 3
"""Seconds that a token lives, and for how many lives the test goes on."""


async def test_all_workers_live_by_one_refresh_for_each_life_of_a_token(tmp_path: Path, confdir: Path) -> None:
    made = Simulator(pace=0, terms=Terms(interval=1, authorise_after=0.5, token_lifetime=LIFETIME))
    await made.start()
    settings = {
        "auth": "oauth",
        "upstream": f"{made.base_url}/v1",
        "oauth_url": made.base_url,
        "credentials": str(tmp_path / "oauth_creds.json"),
    }
    try:
        async with fleet(tmp_path, confdir, None, workers=3, **settings) as found:
            app = client(f"http://127.0.0.1:{found.port}/v1")
            await signed_in(app)
            began, before = time.monotonic(), made.oauth.counts["refreshes"]
            while time.monotonic() < began + LIVES * LIFETIME:
                assert await say(app, "Hello [sim: words 5]")
                await asyncio.sleep(0.3)  # the portal takes 60 calls a minute
            lives = (time.monotonic() - began) / (LIFETIME / 2)  # it is renewed when half of so short a life is over
            assert 2 <= made.oauth.counts["refreshes"] - before <= lives + 1
            await app.close()
    finally:
        await made.stop()
    assert made.oauth.counts["logins"] == 1
    assert made.oauth.counts["reused"] == 0
    assert made.oauth.most_at_once == 1


async def test_with_the_simulator_all_workers_answer_from_one(tmp_path: Path, confdir: Path) -> None:
    async with fleet(tmp_path, confdir, None, "--simulator", auth="oauth") as found:
        assert found.process.output.startswith("simulator http://127.0.0.1:")
        assert found.process.output.count("listening reverse=") == 1
        apps = [client(f"http://127.0.0.1:{found.port}/v1") for _ in range(4)]
        await signed_in(apps[0])
        assert all(await asyncio.gather(*(say(app, "Hello [sim: words 5]") for app in apps)))
        for app in apps:
            await app.close()
    assert not (tmp_path / ".qwen").exists()
