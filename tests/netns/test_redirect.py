"""scripts/redirect: whose connections it redirects, and that nothing is left of it, however it ends."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.netns.conftest import World, world
from tests.support.launched import children, cmdline
from tests.support.namespaces import OPENAI, cgroup
from tests.support.processes import Process
from tests.support.stage import KEY

pytestmark = [pytest.mark.netns, pytest.mark.asyncio(loop_scope="module")]

REDIRECT = (sys.executable, "-m", "scripts.redirection")
REDIRECTED = "redirected to port"
NOBODY, GROUP = 65534, 4711
ASKING = ("curl", "-s", "--noproxy", "*", "-m", "5", "-H", f"authorization: {KEY}", "http://api.openai.com/v1/models")
ENGINES = ["nftables", "iptables"]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def here(open_folder: Path) -> AsyncIterator[World]:
    async with world(open_folder) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def nothing_is_left(here: World) -> AsyncIterator[None]:
    yield
    assert await here.home.is_as_it_was(), (here.home.processes, here.home.rules)
    assert not await redirected(here)


async def redirected(here: World, user: int = 0, group: int = 0) -> bool:
    """Whether a process of these gets its answer from the proxy; else it was the original host that answered."""
    here.openai.received.clear()
    _, out = await here.home.run(*ASKING, user=user, group=group)
    assert (out == "original") == bool(here.openai.received), out
    return '"object":"list"' in out


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (("--all",), {(0, 0), (NOBODY, 0), (0, GROUP), (NOBODY, GROUP)}),
        (("--user", "nobody"), {(NOBODY, 0), (NOBODY, GROUP)}),
        (("--user", "0"), {(0, 0), (0, GROUP)}),
        (("--group", str(GROUP)), {(0, GROUP), (NOBODY, GROUP)}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
async def test_only_those_are_redirected_who_were_named(
    here: World, engine: str, scope: tuple[str, ...], expected: set[tuple[int, int]]
) -> None:
    """The proxy is root's here, like some of the apps: it is told from them by its group."""
    words = (*REDIRECT, *scope, "--with", engine, "--", *here.confdir)
    async with here.running(*words, ready=f"{REDIRECTED} 8082 by {engine}"):
        everybody = [(user, group) for user in (0, NOBODY) for group in (0, GROUP)]
        assert {each for each in everybody if await redirected(here, *each)} == expected
        assert engine != "nftables" or "qwenproxy" in here.home.rules


async def test_a_cgroup_is_redirected(here: World) -> None:
    """By whichever engine finds cgroups where they are mounted: nftables looks below /sys/fs/cgroup only."""
    with cgroup() as path:
        words = (*REDIRECT, "--cgroup", path.name, "--", *here.confdir)
        async with here.running(*words, ready=REDIRECTED):
            assert not await redirected(here)
            join = f'echo $$ > {path / "cgroup.procs"}; exec "$@"'
            _, out = await here.home.run("sh", "-c", join, "sh", *ASKING)
            assert '"object":"list"' in out


async def test_the_proxy_has_the_rights_of_the_user_who_called_sudo(here: World) -> None:
    """Not root's; only its group is one of its own."""
    words = (*REDIRECT, "--all", "--dry-run")
    status, out = await here.home.run(*words, environ=here.environ() | {"SUDO_USER": "nobody"})
    assert (status, out.splitlines()[0].split(":")[0]) == (0, "# as nobody")
    told = ("sh", "-c", "id -u; id -g; echo $HOME")
    start = f"from scripts.redirection import proxy; proxy.start({told!r}, 'nobody').wait()"
    _, out = await here.home.run(sys.executable, "-c", start, environ=here.environ())
    assert out.split() == ["65534", "60800", "/nonexistent"]


def end_by(number: signal.Signals) -> Callable[[World, Process], None]:
    return lambda _here, script: os.kill(script.pid, number)


def kill_the_proxy(_here: World, script: Process) -> None:
    (found,) = [pid for pid in children(script.pid) if "mitmdump" in cmdline(pid)]
    os.kill(found, signal.SIGKILL)


def take_down(here: World, _script: Process) -> None:
    words = here.home.enter(*REDIRECT, "--down")
    assert subprocess.run(words, env=here.environ(), check=False).returncode == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("end", "status"),
    [
        (end_by(signal.SIGTERM), 0),
        (end_by(signal.SIGINT), 0),
        (end_by(signal.SIGHUP), 0),
        (end_by(signal.SIGKILL), -signal.SIGKILL),
        (kill_the_proxy, 1),
        (take_down, 0),
    ],
    ids=["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL", "the proxy is killed", "--down"],
)
async def test_however_it_ends_all_is_as_before(
    here: World, engine: str, end: Callable[[World, Process], None], status: int
) -> None:
    """See `nothing_is_left`."""
    words = (*REDIRECT, "--user", "nobody", "--with", engine, "--", *here.confdir)
    async with here.running(*words, ready=REDIRECTED) as script:
        assert await redirected(here, user=NOBODY)
        await asyncio.to_thread(end, here, script)
        assert await script.ended() == status


async def test_rules_whose_watcher_was_killed_too_are_removed_by_the_next_call(here: World) -> None:
    """The one way in which iptables' rules outlive their processes."""
    words = (*REDIRECT, "--user", "nobody", "--with", "iptables", "--", *here.confdir)
    async with here.running(*words, ready=REDIRECTED) as script:
        (watcher,) = [pid for pid in children(script.pid) if "trap" in cmdline(pid)]
        os.kill(script.pid, signal.SIGSTOP)
        os.kill(watcher, signal.SIGKILL)
        os.kill(script.pid, signal.SIGKILL)
    assert "QWENPROXY" in here.home.rules
    status, out = await here.home.run(*REDIRECT, "--status", environ=here.environ())
    assert (status, "nothing is redirected" in out, "-N QWENPROXY" in out) == (3, True, True)
    take_down(here, script)


async def test_it_is_set_up_once(here: World) -> None:
    """A second call says who has it; so does --status, which fails when there is nothing."""
    status, out = await here.home.run(*REDIRECT, "--status", environ=here.environ())
    assert (status, out) == (3, "nothing is redirected\n")
    words = (*REDIRECT, "--user", "nobody", "--", *here.confdir)
    async with here.running(*words, ready=REDIRECTED) as script:
        status, out = await here.home.run(*words, environ=here.environ())
        assert (status, f"process {script.pid} of user 0" in out) == (1, True)
        status, out = await here.home.run(*REDIRECT, "--status", environ=here.environ())
        assert (status, f"process {script.pid}" in out, "skuid 65534" in out) == (0, True, True)
        assert await redirected(here, user=NOBODY)
    for _ in range(2):
        take_down(here, script)


async def test_a_port_that_is_taken_is_refused(here: World) -> None:
    with here.home.listen("127.0.0.1", 8082) as other:
        other.listen()
        words = (*REDIRECT, "--all", "--", *here.confdir)
        status, out = await here.home.run(*words, environ=here.environ())
    assert (status, "port 8082 is taken" in out) == (1, True)


async def test_a_proxy_that_does_not_start_redirects_nothing(here: World) -> None:
    words = (*REDIRECT, "--all", "--", *here.confdir, "--set", "ignore_hosts=.*")
    status, out = await here.home.run(*words, environ=here.environ())
    assert (status, "ignore_hosts" in out, "the proxy has ended" in out) == (1, True, True)


async def test_an_address_without_any_name_is_ours_only_if_the_settings_name_it(here: World) -> None:
    """A client that shows no server name (curl does not, for an address) cannot be told from others."""
    address = OPENAI[socket.AF_INET]
    curl = (
        "curl",
        "-s",
        "-k",
        "--noproxy",
        "*",
        "-m",
        "5",
        "-H",
        f"authorization: {KEY}",
        f"https://{address}/v1/models",
    )
    words = (*REDIRECT, "--user", "nobody", "--", *here.confdir)
    async with here.running(*words, ready=REDIRECTED, hosts=f"api.openai.com,{address}"):
        here.openai.received.clear()
        _, out = await here.home.run(*curl, user=NOBODY)
        assert '"object":"list"' in out
        assert here.openai.received == []
