"""`qwenproxy login` as a process that has no terminal, against the simulator."""

import io
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from qwenproxy import settings
from qwenproxy.auth.conversation import SignInError
from qwenproxy.auth.lock import Lock
from qwenproxy.auth.store import Store
from qwenproxy.auth.token import Token
from qwenproxy.commands.login import Attempt, NotKept
from qwenproxy.commands.run import free_port
from qwenproxy.commands.screen import Screen
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.clock import Clock
from tests.support.commands import TOKENS, Ended, Home, called
from tests.support.processes import QWENPROXY, running

POLLS = 0.1
"""Seconds between them here."""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@asynccontextmanager
async def up(terms: Terms) -> AsyncIterator[Simulator]:
    simulator = Simulator(terms=terms)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """One where a code confirms itself at once."""
    async with up(Terms(interval=POLLS, authorise_after=0)) as found:
        yield found


def attempt_of(home: Home, simulator: Simulator, out: io.StringIO, **given: str) -> Attempt:
    """An attempt in this process, which writes to *out*."""
    environ = home.environ(**{"oauth_url": simulator.base_url, "allowed_hosts": "127.0.0.1"} | given)
    return Attempt(settings.load(environ, home.path), environ, Screen(out, environ), with_qr=False)


async def told(home: Home, simulator: Simulator, **given: str) -> str:
    """All that is said until it has ended well.  Raises what it raises."""
    out = io.StringIO()
    await attempt_of(home, simulator, out, **given).carry_out()
    secrets = [home.content[name] for name in ("access_token", "refresh_token")]
    assert not [secret for secret in secrets if secret and secret in out.getvalue()]
    return out.getvalue()


async def login(home: Home, simulator: Simulator, **given: str) -> Ended:
    """The same as a process, however it ends."""
    return await called(home.path, "login", **{"oauth_url": simulator.base_url, "allowed_hosts": "127.0.0.1"} | given)


async def test_it_shows_link_and_code_says_what_came_of_it_and_keeps_it_for_its_owner(
    home: Home, simulator: Simulator
) -> None:
    found = await login(home, simulator)
    assert (found.status, found.err) == (0, "")
    lines = [line.strip() for line in found.out.splitlines()]
    code = next(line for line in lines if line.startswith("Code ")).removeprefix("Code ")
    host = simulator.base_url.removeprefix("http://")
    assert f"{simulator.base_url}/authorize?user_code={code}&client=qwen-code" in lines
    assert "Waiting for you to confirm it: 15 min left." in lines
    assert lines[lines.index(f"Signed in to {host}.") :][:4] == [
        f"Signed in to {host}.",
        f"kept in   {home.file}",
        f"good for  {simulator.base_url}/v1",
        "lasts     6 h, and is renewed by itself",
    ]
    assert "ended on 2026-04-15" in lines[-1]
    assert "proves nothing" in lines[-1]
    assert "`qwenproxy status`" in lines[-1]
    assert "\x1b" not in found.out, "there is no terminal"
    kept = home.content
    assert kept.keys() == {"access_token", "refresh_token", "token_type", "resource_url", "expiry_date"}
    assert (home.names, home.modes) == (["oauth_creds.json"], (0o600, 0o700))
    assert simulator.oauth.grants.accepts(kept["access_token"], simulator.oauth.now())
    assert kept["access_token"] not in found.out


async def test_the_status_command_finds_it(home: Home, simulator: Simulator) -> None:
    await told(home, simulator)
    found = await called(home.path, "status", oauth_url=simulator.base_url, allowed_hosts="127.0.0.1")
    assert found.status == 0
    assert found.out.startswith("● OAuth login: signed in\n")
    assert f"{simulator.base_url}/v1 (oauth-portal)" in found.out


async def test_a_simulator_of_its_own_confirms_the_login_as_its_options_say(home: Home) -> None:
    command = (*QWENPROXY, "simulator", "--port", "0", "--token-lifetime", "120", "--authorise-after", "0")
    async with running(command, home.environ(), ready="/api/v1/oauth2\n") as process, aiohttp.ClientSession() as http:
        url = process.output.split()[1]
        async with http.post(f"{url}/simulator/oauth?interval=0.1") as response:
            assert response.status == 200
        found = await called(home.path, "login", oauth_url=url, allowed_hosts="127.0.0.1")
    assert (found.status, found.err) == (0, "")
    assert "lasts     2 min, and is renewed by itself" in found.out


async def test_it_says_who_it_is(home: Home, simulator: Simulator) -> None:
    await told(home, simulator)
    assert all(call.headers["user-agent"].startswith("qwenproxy/") for call in simulator.oauth.calls)
    assert [call.kind for call in simulator.oauth.calls] == ["device", "poll"]


async def test_a_new_login_takes_the_place_of_an_old_one(home: Home, simulator: Simulator) -> None:
    home.keep(colour="blue")
    said = await told(home, simulator)
    assert f"There is a login in {home.file} already; a new one takes its place." in said
    assert home.content["access_token"] not in TOKENS
    assert home.content["colour"] == "blue", "what others have written there stays"


@pytest.mark.parametrize(
    ("oddity", "said"),
    [
        ("firewall 403", "The firewall of {host} is in the way (HTTP 403): trying again."),
        ("firewall 200", "The firewall of {host} is in the way (HTTP 200): trying again."),
        ("error", "{host} answers HTTP 500: trying again."),
        ("rate-limit", "{host} limits the rate (HTTP 429): trying again."),
        ("disconnect", "{host} cannot be reached: trying again."),
        ("pending-200", ""),
        ("pending-null", ""),
    ],
)
async def test_what_passes_is_waited_for(home: Home, simulator: Simulator, oddity: str, said: str) -> None:
    simulator.oauth.be(oddity, at="poll")
    found = await told(home, simulator)
    assert said.format(host=simulator.base_url.removeprefix("http://")) in found
    assert said or "trying again" not in found


@pytest.mark.parametrize(
    ("oddity", "at", "reason"),
    [
        ("denied", "poll", "{host} ended the sign-in"),
        ("unknown", "poll", "{host} ended the sign-in"),
        ("firewall 405", "device", "its firewall is in the way"),
        ("error", "device", "{host} answered HTTP 500"),
        ("error-200 invalid_client", "device", "{host} gives no code (HTTP 200)"),
        ("garbled", "device", "its answer is not JSON"),
    ],
)
async def test_what_does_not_pass_ends_it(home: Home, simulator: Simulator, oddity: str, at: str, reason: str) -> None:
    simulator.oauth.be(oddity, at=at)
    with pytest.raises(SignInError) as caught:
        await told(home, simulator)
    assert reason.format(host=simulator.base_url.removeprefix("http://")) in str(caught.value)
    assert home.names == []


async def test_a_refusal_is_one_line_and_status_1(home: Home, simulator: Simulator) -> None:
    simulator.oauth.be("denied")
    found = await login(home, simulator)
    assert found.status == 1
    assert found.err.startswith("qwenproxy login: not signed in: ")
    assert found.err.count("\n") == 1
    assert home.names == []


async def test_a_code_that_nobody_confirms_expires(home: Home) -> None:
    async with up(Terms(interval=POLLS, code_lifetime=0.3)) as simulator:
        found = await login(home, simulator)
    assert (found.status, home.names) == (1, [])
    assert found.err == "qwenproxy login: not signed in: the code was not confirmed in time\n"


async def test_a_server_that_is_not_there_is_one_line(home: Home) -> None:
    url = f"http://127.0.0.1:{free_port('127.0.0.1')}"
    found = await called(home.path, "login", oauth_url=url)
    assert (found.status, found.out) == (1, "")
    assert f"{url.removeprefix('http://')} could not be reached" in found.err
    assert found.err.count("\n") == 1


async def test_interrupted_it_leaves_nothing_behind(home: Home) -> None:
    home.keep()
    before = home.file.read_bytes()
    async with up(Terms()) as simulator:
        environ = home.environ(oauth_url=simulator.base_url)
        async with running((*QWENPROXY, "login"), environ, ready="Waiting for you") as process:
            process.process.send_signal(signal.SIGINT)
            assert await process.ended() == 130
    assert process.output.endswith("\nqwenproxy login: interrupted: nothing was changed\n")
    assert "Traceback" not in process.output
    assert (home.names, home.file.read_bytes()) == (["oauth_creds.json"], before)


async def test_a_place_where_it_cannot_be_kept_is_noticed_first(home: Home, simulator: Simulator) -> None:
    home.file.mkdir(parents=True)
    found = await login(home, simulator)
    assert (found.status, found.out) == (1, "")
    assert found.err.startswith(f"qwenproxy login: not signed in: {home.file} cannot be used: ")
    assert simulator.oauth.calls == []


async def test_wrong_settings_are_status_2(home: Home, simulator: Simulator) -> None:
    found = await login(home, simulator, auth="magic")
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("qwenproxy login: QWENPROXY_AUTH: expected one of")


@pytest.mark.parametrize(
    ("oddity", "given", "note"),
    [
        ("no-refresh-token", {}, "It came without a refresh token: when it has run out, sign in again."),
        ("resource-url evil.example.com", {}, "evil.example.com is not a host of Qwen's"),
        ("slow 0", {"auth": "api_key", "api_key": "sk-1"}, "As things are set, calls do not use it: they use api_key"),
        ("slow 0", {"api_key": "sk-1"}, "Calls use api_key at "),
    ],
    ids=["no refresh token", "foreign host", "a key instead", "a key first"],
)
async def test_what_limits_its_use_is_said(
    home: Home, simulator: Simulator, oddity: str, given: dict[str, str], note: str
) -> None:
    simulator.oauth.be(oddity, at="poll")
    said = await told(home, simulator, **given)
    assert note in said
    assert "ended on 2026-04-15" in said


class Impatient(Store):
    """Waits for a lock without taking the time."""

    def lock(self, *, keeping: bool = False) -> Lock:
        return Lock(self.path.with_name("oauth_creds.lock"), sleep=Clock().sleep)


async def test_a_login_is_kept_though_the_lock_is_held_all_the_time(home: Home, simulator: Simulator) -> None:
    lock, out = home.lock(), io.StringIO()
    attempt = attempt_of(home, simulator, out)
    attempt.store = Impatient(home.file)
    await attempt.carry_out()
    assert home.content["access_token"].startswith("at_")
    assert f"{lock} was held by another program all the time: written without it." in out.getvalue()
    assert lock.exists(), "it is not ours to remove"


async def test_a_login_that_cannot_be_written_is_told(home: Home, simulator: Simulator) -> None:
    """As when the disk is full: here something is in the way of the file since it was looked at."""
    attempt = attempt_of(home, simulator, io.StringIO())
    (home.file / "something").mkdir(parents=True)
    with pytest.raises(NotKept, match="cannot be written: "):
        await attempt.keep(Token("at_1", "rt_1", 1))
