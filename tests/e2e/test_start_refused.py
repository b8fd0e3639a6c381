"""What would open a way past the proxy is refused at the start: it ends, not with 0, and says what to do."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.processes import MITMDUMP, MITMWEB, OURS, QWENPROXY, authority, clean, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

REVERSE = ("--mode", "reverse:https://api.openai.com@127.0.0.1:0")
REGULAR = ("--mode", "regular@127.0.0.1:0")
DUMP, WEB = (*MITMDUMP, *OURS), (*MITMWEB, *OURS, "--web-port", "0")
RUN = (*QWENPROXY, "run", "--port", "0", "--no-proxy-port")

RENAMED = "stream.take_server_connection = stream.make_server_connection; del stream.make_server_connection"
RESIGNED = "stream.send_response = lambda self, stream_id, already_streamed=False: None"
ANOTHER_DOOR = "stream.other = lambda self: (yield layers.GetHttpConnection(('x', 1), False, None, 'tcp'))"
UNUSED = "layers.HttpLayer.make_stream = lambda self, stream_id: None"
CUSTOMISED = "from mitmproxy.proxy.layers import http as layers; stream = layers.HttpStream; "


@dataclass(frozen=True)
class Start:
    """A program with its arguments and settings; *custom*: Python that runs before it."""

    name: str
    says: str
    command: Sequence[str] = (*DUMP, *REVERSE)
    arguments: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    custom: str = ""
    status: int = 1


def option(name: str, value: str, says: str = "remove it") -> Start:
    return Start(f"{name}={value}", f"{name}.*{says}", arguments=("--set", f"{name}={value}"))


def mode(spec: str, says: str, command: Sequence[str] = DUMP) -> Start:
    return Start(f"{command[-1]} {spec}", says, command, ("--mode", spec))


REFUSED = [
    mode("reverse:https://portal.qwen.ai@127.0.0.1:0", "use reverse:https://api.openai.com@"),
    mode("reverse:tcp://api.openai.com:443@127.0.0.1:0", "use reverse:https://api.openai.com@"),
    mode("reverse:https://api.openai.com@0", r"listen on 127\.0\.0\.1.*missing: allow_remote, client_keys"),
    Start("mitmweb", "use reverse:https://api.openai.com@", (*WEB, "--mode", "reverse:https://portal.qwen.ai@0")),
    option("allow_hosts", "example.com", "name further hosts there"),
    option("ignore_hosts", "example.com"),
    option("tcp_hosts", "example.com"),
    option("rawtcp", "true"),
    option("connection_strategy", "eager"),
    option("stream_large_bodies", "1m"),
    option("keep_host_header", "false"),
    option("proxy_debug", "true"),
    Start("a wrong setting", "QWENPROXY_HEARTBEAT: expected a number of seconds", settings={"heartbeat": "soon"}),
    Start("a wrong option", "qwen_heartbeat: expected a number of seconds", arguments=("--set", "qwen_heartbeat=soon")),
    Start("an open upstream", "https://", settings={"upstream": "http://qwen.example.com/v1"}),
    Start("a renamed method", "Install mitmproxy>=12.2.3,<12.3", custom=CUSTOMISED + RENAMED),
    Start("another signature", "not started.*Install mitmproxy", custom=CUSTOMISED + RESIGNED),
    Start("another door", "GetHttpConnection.*Install mitmproxy", custom=CUSTOMISED + ANOTHER_DOOR),
    Start("another stream", "make_stream.*Install mitmproxy", custom=CUSTOMISED + UNUSED),
    Start("run: all interfaces", "missing: allow_remote, client_keys", (*RUN, "--host", "0.0.0.0"), status=2),
    Start("run: a hole", "ignore_hosts .* remove it", (*RUN, "--set", "ignore_hosts=x"), status=2),
    Start("run: a wrong setting", "expected a number of seconds", RUN, settings={"heartbeat": "soon"}, status=2),
    Start("run: no such option", "unknown option: nonsense", (*RUN, "--set", "nonsense=1"), status=2),
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
    command = [*case.command, *case.arguments, "--set", f"confdir={confdir}"]
    async with running(command, environ) as process:
        return Ended(await process.ended(), process.output)
