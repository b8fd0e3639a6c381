"""What would open a way past the proxy is refused at the start: it ends, not with 0, and says what to do."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from qwenproxy.commands.run import free_port
from tests.support.clients import HELLO, connected, request
from tests.support.original import original
from tests.support.processes import MITMDUMP, MITMWEB, OURS, QWENPROXY, authority, clean, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

REVERSE = ("--mode", "reverse:https://api.openai.com@127.0.0.1:0")
USE = "use reverse:https://api.openai.com@"
OPEN = r"listen on 127\.0\.0\.1.*missing: allow_remote, client_keys"
DUMP, WEB = (*MITMDUMP, *OURS), (*MITMWEB, *OURS, "--web-port", "0")
RUN = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port")

CUSTOMISED = "from mitmproxy.proxy.layers import http as layers; stream = layers.HttpStream; "
RENAMED = CUSTOMISED + "stream.open_server = stream.make_server_connection; del stream.make_server_connection"
RESIGNED = CUSTOMISED + "stream.send_response = lambda self, stream_id, already_streamed=False: None"
FAILING = "def running(): raise ValueError('somebody else has failed')"


@dataclass(frozen=True)
class Start:
    """A program with its arguments and settings, and what it says; *custom*: Python that runs before it."""

    name: str
    says: str
    command: Sequence[str] = (*DUMP, *REVERSE)
    settings: Mapping[str, str] = field(default_factory=dict)
    custom: str = ""
    status: int = 1


def dump(*arguments: str) -> Sequence[str]:
    return (*DUMP, *arguments)


HOLES = {
    "allow_hosts": "example.com",
    "ignore_hosts": "example.com",
    "tcp_hosts": "example.com",
    "rawtcp": "true",
    "connection_strategy": "eager",
    "stream_large_bodies": "1m",
    "keep_host_header": "false",
    "proxy_debug": "true",
}

REFUSED = [
    Start("another target", USE, dump("--mode", "reverse:https://portal.qwen.ai@127.0.0.1:0")),
    Start("another target in mitmweb", USE, (*WEB, "--mode", "reverse:https://portal.qwen.ai@127.0.0.1:0")),
    Start("all interfaces", OPEN, dump("--mode", "regular@0")),
    Start(
        "options that open a way",
        ".*: remove it; .*".join(list(HOLES)[1:]),
        (*DUMP, *REVERSE, *(word for name, value in HOLES.items() for word in ("--set", f"{name}={value}"))),
    ),
    Start("a wrong setting", "QWENPROXY_HEARTBEAT: expected a number of seconds", settings={"heartbeat": "soon"}),
    Start("a mitmproxy with a renamed method", "Install mitmproxy>=12.2.3,<12.3", custom=RENAMED),
    Start("a mitmproxy with another signature", "not started.*Install mitmproxy", custom=RESIGNED),
    Start("somebody else's script that fails", "somebody else has failed", dump("-s", "failing.py", *REVERSE)),
    Start("run on all interfaces", OPEN, (*RUN, "--host", "0.0.0.0"), status=2),
    Start(
        "run with an option that opens a way", "ignore_hosts .*remove it", (*RUN, "--set", "ignore_hosts=x"), status=2
    ),
    Start(
        "run with a password in a URL", "a key goes into api_key", RUN, {"upstream": "https://me:SECRET@x/v1"}, status=2
    ),
]


@dataclass
class Ended:
    status: int
    output: str


async def start(case: Start, home: Path, confdir: Path) -> Ended:
    environ = clean(home, **case.settings)
    if case.custom:
        (home / "sitecustomize.py").write_text(case.custom)
        environ["PYTHONPATH"] = f"{home}:{environ['PYTHONPATH']}"
    (home / "failing.py").write_text(FAILING)
    command = [*case.command, "--set", f"confdir={confdir}"]
    async with running(command, environ) as process:
        return Ended(await process.ended(), process.output)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def starts(
    confdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, asyncio.Task[Ended]]]:
    """All of them, a few at a time: most of a start is waiting for a core."""
    authority(confdir)
    seats = asyncio.Semaphore(3)

    async def seated(case: Start) -> Ended:
        async with seats:
            return await start(case, tmp_path_factory.mktemp("home"), confdir)

    tasks = {case.name: asyncio.create_task(seated(case)) for case in REFUSED}
    yield tasks
    for task in tasks.values():
        task.cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
async def test_it_ends_and_says_what_to_do(case: Start, starts: Mapping[str, asyncio.Task[Ended]]) -> None:
    ended = await starts[case.name]
    if case.status == 1 and ended.status == -signal.SIGSEGV:
        ended.status = 1  # mitmproxy's listener for HTTP/3 may crash when it has to leave at once
    assert (ended.status, re.search(case.says, ended.output) is not None) == (case.status, True), ended.output
    assert "SECRET" not in ended.output


@pytest.mark.parametrize("case", [case for case in REFUSED if case.status == 2], ids=lambda case: case.name)
async def test_our_own_command_says_it_in_one_line(case: Start, starts: Mapping[str, asyncio.Task[Ended]]) -> None:
    assert (await starts[case.name]).output.count("\n") == 1


async def test_listening_beyond_loopback_is_allowed_with_keys(tmp_path: Path, confdir: Path) -> None:
    environ = clean(tmp_path, allow_remote="true", client_keys="sk-client", api_key="sk-qwen")
    command = (*DUMP, "--mode", "reverse:http://api.openai.com:443@0.0.0.0:0", "--set", f"confdir={confdir}")
    async with running(command, environ, ready="listening at") as process, connected(process.ports[0]) as app:
        assert (await app.ask("GET", "/v1/models", host="proxy.example")).error == (401, "invalid_api_key")
        found = await app.ask("GET", "/v1/models", host="proxy.example", authorization="Bearer sk-client")
        assert found.status == 200


async def test_nobody_gets_through_while_a_start_fails(tmp_path: Path, confdir: Path) -> None:
    """mitmproxy binds its ports before it ends because of a script that could not be loaded."""
    (tmp_path / "sitecustomize.py").write_text(RENAMED)
    port = free_port("127.0.0.1")
    async with original() as host:
        environ = clean(tmp_path, hosts="api.openai.com,127.0.0.1")
        environ["PYTHONPATH"] = f"{tmp_path}:{environ['PYTHONPATH']}"
        mode = f"reverse:http://127.0.0.1:{host.port}@127.0.0.1:{port}"
        async with running([*DUMP, "--mode", mode, "--set", f"confdir={confdir}"], environ) as process:
            while process.process.returncode is None:
                with suppress(OSError, asyncio.IncompleteReadError):
                    async with connected(port) as app:
                        await app.send(request(body=HELLO, authorization="Bearer sk-app-SECRET"))
                        await app.head()
                await asyncio.sleep(0.002)
            assert process.process.returncode == 1
    assert b"SECRET" not in host.text
