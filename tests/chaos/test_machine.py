"""A machine that fails: the clock jumps, the disk is full, the home can only be read."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.chaos.faults import ordered
from tests.chaos.outcomes import WHOLE, outcome
from tests.chaos.test_upstream import ask, body
from tests.chaos.vitals import recovered, vitals, watched
from tests.support.credentials import CredentialsFile
from tests.support.oauth_server import oauth_server
from tests.support.stage import RUNNING, Stage, stage

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(200)]

FAKETIME = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
JUMPS = {"a day ahead": "+1d", "a day back": "-1d", "a year ahead": "+1y", "30 years back": "-30y"}
DAY = 24 * 3600
DISK = "2m"


@pytest.mark.skipif(FAKETIME is None, reason="needs libfaketime (Debian: faketime)")
@pytest.mark.parametrize("jump", JUMPS)
async def test_the_clock_jumps(jump: str, tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]) -> None:
    """The wall clock, as libfaketime shows it to the process; the monotonic one, as in life, goes on evenly.

    A stream is under way when it jumps, and a login is in use, whose token has then run out, or seems to be new.
    """
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    fake = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(clock)}
    fake |= {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    file = CredentialsFile(tmp_path / ".qwen" / "oauth_creds.json")
    async with oauth_server(lifetime=3600.0) as server:
        file.put(server.login(), time.time() + 3600)
        settings = {"auth": "oauth", "oauth_url": server.url, "credentials": str(file.path), "api_key": ""}
        around = watched(tmp_path) | fake
        async with stage(tmp_path, confdir, RUNNING, settings, environ=around) as found:
            await found.says(ordered)
            async with found.local() as app:
                assert await ask(app, "good", stream=True) == WHOLE
            before = await vitals(found.process, tmp_path)
            async with found.local() as app:
                aside = clock.with_suffix(".new")
                aside.write_text(JUMPS[jump] + "\n")
                aside.rename(clock)
                during = await ask(app, "fault: drips, 16 bytes at a time", stream=True)
                reply = await app.ask(body=body("good"), host="localhost")
                after = outcome(reply)
                assert abs(reply.json["created"] - time.time()) > 0.9 * DAY
            got[f"the clock jumps {jump}"] = {"gets": during if during == after else f"{during}, then {after}"}
            assert not await recovered(found.process, tmp_path, before)
            assert not any(family.revoked for family in server.families.values())


def in_home(*steps: str) -> Sequence[str]:
    """`qwenproxy run` in a mount namespace in which *steps* have been done to its home, `$HOME`."""
    script = " && ".join(("mount --make-rprivate /", *steps, 'exec "$@"'))
    return ("unshare", "--mount", "sh", "-c", script, "sh", *RUNNING)


FULL = (
    f'mount -t tmpfs -o size={DISK} none "$HOME"',
    'mkdir -p "$HOME/.qwen" && cp "$CREDENTIALS" "$HOME/.qwen/oauth_creds.json"',
    '(cat /dev/zero > "$HOME/filler" 2>/dev/null; true)',
)
READ_ONLY = (
    'mkdir -p "$HOME/.qwen" && cp "$CREDENTIALS" "$HOME/.qwen/oauth_creds.json"',
    'mount --bind "$HOME" "$HOME" && mount -o remount,bind,ro "$HOME"',
)
HOMES = {"the disk is full": FULL, "the home is read-only": READ_ONLY}
GROUP, CASES = "machine", len(JUMPS) + 2 * len(HOMES)


def can_mount() -> bool:
    return (
        os.geteuid() == 0 and shutil.which("unshare") is not None and os.system("unshare --mount true 2>/dev/null") == 0
    )


@pytest.mark.skipif(not can_mount(), reason="needs root and mount namespaces")
@pytest.mark.parametrize("home", HOMES)
async def test_nothing_can_be_written(home: str, tmp_path: Path, confdir: Path, got: dict[str, dict[str, str]]) -> None:
    """A token has run out and its successor cannot be kept; an answer is to be stored and cannot be."""
    file = CredentialsFile(tmp_path / "given.json")
    place = tmp_path / "home"
    place.mkdir()
    async with oauth_server(lifetime=3600.0) as server:
        file.put(server.login(), time.time() - 1)
        settings = {"auth": "oauth", "oauth_url": server.url, "api_key": ""}
        around = watched(tmp_path) | {"CREDENTIALS": str(file.path)}
        async with stage(place, confdir, in_home(*HOMES[home]), settings, environ=around) as found:
            await found.says(ordered)
            got[home] = {"gets": await plain(found)}
            before = await vitals(found.process, tmp_path)
            got[home + ", and an answer is to be stored"] = {"gets": await stored(found)}
            assert await plain(found) == got[home]["gets"]
            assert not await recovered(found.process, tmp_path, before)
            os.kill(found.process.pid, signal.SIGTERM)
            await found.process.ended()
            assert "Traceback" not in found.process.output
            assert "the login is kept in memory only" in found.process.output
            assert "a response is not kept" in found.process.output


async def plain(found: Stage) -> str:
    async with found.local() as app:
        return await ask(app, "good", stream=True)


async def stored(found: Stage) -> str:
    """An answer of the Responses API, which is stored by default."""
    body = {"model": "qwen3-coder-plus", "input": "good", "store": True}
    async with found.local() as app:
        reply = await app.ask(path="/v1/responses", body=body, host="localhost")
    return WHOLE if reply.status == 200 and reply.json["status"] == "completed" else outcome(reply)
