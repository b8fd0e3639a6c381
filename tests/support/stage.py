"""The whole scene: an app's ways in, the proxy as a process, an upstream, and the host that must never be reached."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext
from types import MappingProxyType

import orjson

from qwenproxy.commands.run import free_port
from tests.support.clients import App, connected, trusting, tunnelled
from tests.support.original import Original, original
from tests.support.processes import MITMDUMP, OURS, QWENPROXY, Process, authority, clean, running
from tests.support.upstream import Asked, Reply, Upstream, chunk, upstream, whole

ANSWER = {
    "id": "1",
    "model": "qwen3-coder-plus",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}
KEY = "Bearer sk-app-SECRET"
"""What an app shows to OpenAI, and nobody else may see."""
DONE = chunk(b"data: [DONE]\n\n")


def event(text: str, finish: str | None = None) -> bytes:
    """An event of a streamed answer."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return chunk(b"data: " + orjson.dumps({"id": "1", "model": "m", "choices": [choice]}) + b"\n\n")


@dataclass
class Stage:
    """A proxy with a local OpenAI and an HTTPS proxy, each on its port."""

    process: Process
    original: Original
    upstream: Upstream
    authority: Path
    reverse: int
    regular: int
    heard: list[Asked] = field(default_factory=list)
    """All that the upstream was asked."""

    def local(self) -> AbstractAsyncContextManager[App]:
        """A connection to the local OpenAI."""
        return connected(self.reverse)

    def tunnel(self, *alpn: str, tls: bool = True, name: str = "api.openai.com") -> AbstractAsyncContextManager[App]:
        """A connection through the HTTPS proxy to the original host's address, under OpenAI's *name*."""
        trust: SSLContext | None = trusting(self.authority, *alpn) if tls else None
        return tunnelled(self.regular, f"127.0.0.1:{self.original.port}", trust, name)

    async def says(self, *replies: Reply) -> None:
        """Let the upstream answer so from now on, the last one again and again."""
        self.upstream.replies[:] = replies
        self.heard += self.upstream.asked
        self.upstream.asked.clear()


def dumping(*arguments: str, target: str = "http://api.openai.com:443") -> Sequence[str]:
    """mitmdump with the addon, on both ports; more *arguments* may load more scripts."""
    modes = ("--mode", f"reverse:{target}@127.0.0.1:{{reverse}}", "--mode", "regular@127.0.0.1:{regular}")
    return (*MITMDUMP, *OURS, *modes, *arguments)


RUNNING = (*QWENPROXY, "run", "--port", "{reverse}", "--proxy-port", "{regular}")


@asynccontextmanager
async def stage(
    home: Path,
    confdir: Path,
    command: Sequence[str],
    settings: Mapping[str, str] = MappingProxyType({}),
    *,
    ready: str = "listening reverse=",
    times: int = 1,
    environ: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Stage]:
    """*command*, in which `{reverse}`, `{regular}` and `{original}` stand for ports, once it has said it is *ready*.

    *environ*: further variables, by their own names.
    """
    trust = authority(confdir)
    async with original() as host, upstream(whole(ANSWER)) as qwen:
        ports = {"reverse": free_port("127.0.0.1"), "regular": free_port("127.0.0.1"), "original": host.port}
        arguments = [word.format(**ports) for word in (*command, "--set", f"confdir={confdir}")]
        around = clean(home, **{"upstream": qwen.base_url, "api_key": "sk-qwen-HIDDEN", **settings})
        around |= {"ORIGINAL": str(host.port), **environ}
        async with running(arguments, around, ready=ready, times=times) as process:
            yield Stage(process, host, qwen, trust, ports["reverse"], ports["regular"])
