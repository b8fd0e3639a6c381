"""mitmproxy reloads a script that was touched: a good one goes on, a bad one closes the door; a replay is a request."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import orjson
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.test import tflow, tutils

from tests.support.clients import HELLO, Reply, connected
from tests.support.original import Original, original
from tests.support.processes import MITMDUMP, OURS, SCRIPT, Process, authority, clean, running
from tests.support.simulated import until
from tests.support.stage import ANSWER, DONE, KEY, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Upstream, upstream, whole
from tests.support.upstream import Reply as Said

NOT_READY = "the proxy is not ready"


@dataclass
class Reloading:
    """A proxy whose only way out, were there one, is to *original*."""

    process: Process
    original: Original
    upstream: Upstream
    script: Path
    written: float = field(default_factory=time.time)

    async def ask(self) -> Reply:
        async with connected(self.process.ports[0]) as app:
            return await app.ask(body=HELLO, host="localhost", authorization=KEY)

    async def rewritten(self, text: str | None, printed: str) -> None:
        """The script with *text*, or none, and what mitmproxy says to it."""
        before = self.process.output.count(printed)
        if text is None:
            self.script.unlink()
        else:
            self.written += 10  # s: a file system may be coarse
            self.script.write_text(text)
            os.utime(self.script, (self.written, self.written))
        await self.process.until(printed, before + 1)


@asynccontextmanager
async def reloading(tmp_path: Path, confdir: Path, *replies: Said) -> AsyncIterator[Reloading]:
    authority(confdir)
    script = tmp_path / "entry.py"
    script.write_text(SCRIPT.read_text())
    async with original() as host, upstream(*replies) as qwen:
        mode = f"reverse:http://127.0.0.1:{host.port}@127.0.0.1:0"
        options = ("--set", f"confdir={confdir}", "--set", "qwen_hosts=api.openai.com,127.0.0.1")
        environ = clean(tmp_path, upstream=qwen.base_url, api_key="qwen-key")
        async with running(
            [*MITMDUMP, "-s", str(script), "--mode", mode, *options], environ, ready="listening at"
        ) as process:
            yield Reloading(process, host, qwen, script)
            assert host.received == []
            assert "SECRET" not in process.output


async def test_a_reload_neither_opens_a_way_nor_ends_a_stream(tmp_path: Path, confdir: Path) -> None:
    """All in one process: good, bad, good, gone."""
    go_on = asyncio.Event()

    async def slowly(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        await go_on.wait()
        await connection.send(event("two", "stop") + DONE + STREAM_END)

    good = SCRIPT.read_text()
    async with reloading(tmp_path, confdir, slowly, whole(ANSWER)) as found, connected(found.process.ports[0]) as app:
        asking = asyncio.create_task(app.ask(body=HELLO | {"stream": True}, host="localhost", authorization=KEY))
        assert await until(lambda: bool(found.upstream.asked))

        await found.rewritten(good, "Loading script")
        assert (await found.ask()).status == 200
        go_on.set()
        streamed = await asking
        assert (streamed.status, streamed.broken) == (200, False)
        assert streamed.body.endswith(b"data: [DONE]\n\n")
        assert all(word in streamed.body for word in (b"one", b"two"))

        await found.rewritten("addons = [", "SyntaxError")
        refused = await found.ask()
        assert refused.error == (500, "internal_error")
        assert NOT_READY in refused.json["error"]["message"]

        await found.rewritten(good, "Loading script")
        assert (await found.ask()).status == 200

        settings = tmp_path / "qwenproxy.toml"
        settings.write_text("heartbeat = 'soon'")
        await found.rewritten(good, "expected a number of seconds")
        assert NOT_READY in (await found.ask()).json["error"]["message"]

        settings.write_text("heartbeat = 15")
        await found.rewritten(good, "Loading script")
        assert (await found.ask()).status == 200

        await found.rewritten(None, "Removing script")
        assert NOT_READY in (await found.ask()).json["error"]["message"]


def saved(path: Path, port: int) -> None:
    """A flow as somebody saved it without the proxy: on its way to *port*, with the app's key."""
    headers = http.Headers([(b"host", b"api.openai.com"), (b"authorization", KEY.encode())])
    request = tutils.treq(
        host="127.0.0.1",
        port=port,
        method=b"POST",
        path=b"/v1/chat/completions",
        headers=headers,
        content=orjson.dumps(HELLO),
    )
    with path.open("wb") as file:
        FlowWriter(file).add(tflow.tflow(req=request))


async def replayed(tmp_path: Path, confdir: Path, scripts: Sequence[str]) -> tuple[http.HTTPFlow, Original, Upstream]:
    authority(confdir)
    async with original() as host, upstream(whole(ANSWER)) as qwen:
        saved(tmp_path / "flows", host.port)
        files = ("-C", str(tmp_path / "flows"), "-w", str(tmp_path / "replayed"))
        environ = clean(tmp_path, upstream=qwen.base_url, api_key="qwen-key")
        async with running([*MITMDUMP, "-n", *scripts, *files, "--set", f"confdir={confdir}"], environ) as process:
            assert await process.ended() == 0, process.output
    with (tmp_path / "replayed").open("rb") as file:
        *_, flow = FlowReader(file).stream()
    assert isinstance(flow, http.HTTPFlow)
    return flow, host, qwen


async def test_without_the_addon_a_replay_goes_to_the_original(tmp_path: Path, confdir: Path) -> None:
    flow, host, _ = await replayed(tmp_path, confdir, ())
    assert flow.response is not None
    assert flow.response.text == "original"
    assert KEY.encode() in host.text


async def test_a_replay_is_answered_by_the_proxy(tmp_path: Path, confdir: Path) -> None:
    flow, host, qwen = await replayed(tmp_path, confdir, OURS)
    assert flow.response is not None
    assert flow.response.json()["object"] == "chat.completion"
    assert host.received == []
    assert [asked.headers["authorization"] for asked in qwen.asked] == ["Bearer qwen-key"]
    assert "authorization" not in flow.request.headers
