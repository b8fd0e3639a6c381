"""Keys and cookies stay where they belong: searched for in everything that leaves the process."""

import asyncio
import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.clients import HELLO, App2, Reply, request
from tests.support.completions import calling
from tests.support.evidence import (
    APP_KEY,
    CLIENT_KEY,
    COLLECTOR_KEY,
    COLLECTOR_PASSWORD,
    CREDENTIALS,
    OTHER_CLIENT_KEY,
    SECRETS,
    TOOLS_KEY,
    TOOLS_QUERY,
    TOOLS_TOKEN,
    UPSTREAM_KEY,
    found_in,
    spellings,
)
from tests.support.processes import MITMDUMP, OURS, authority, clean, running
from tests.support.stage import ANSWER, RUNNING, Stage, dumping, event, stage
from tests.support.upstream import STREAM_HEAD, Connection, Upstream, chunk, upstream, whole
from tests.support.upstream import Reply as Said
from tests.tools.tooling import own_server, servers

pytestmark = pytest.mark.asyncio(loop_scope="module")

SABOTAGE = Path(__file__).parent / "scripts" / "sabotage.py"
SETTINGS = {"client_keys": f"{CLIENT_KEY},{OTHER_CLIENT_KEY}", "api_key": UPSTREAM_KEY, "body_limit": "10000"}
TOLD_TO_TOOL = "ARGUMENT-0123456789"
MINE: dict[str, Any] = {"authorization": f"Bearer {CLIENT_KEY}"} | CREDENTIALS
TOLD = {"error": {"code": UPSTREAM_KEY, "param": UPSTREAM_KEY, "message": f"Incorrect API key: {UPSTREAM_KEY}."}}


async def cut(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one"))
    connection.writer.close()


REPLIES: Mapping[str, Said] = {
    "an answer": whole(ANSWER),
    "a refusal that repeats the key": whole(TOLD, 401),
    "a refusal in another way": whole(TOLD, 400),
    "a redirect": whole(b"", 302, location="http://127.0.0.1:1/"),
    "garbage": b"garbage\r\n\r\n",
    "a head that repeats the key": f"HTTP/1.1 200 OK\r\n{UPSTREAM_KEY}\r\n\r\n".encode(),
    "a page": whole(b"<html>oops</html>", 502, "text/html"),
    "no event": STREAM_HEAD + chunk(b"data: {\n\n"),
    "a cut stream": cut,
    "a call of a tool": calling(("own__echo", f'{{"text": "{TOLD_TO_TOOL}"}}')),
}
ASKED: Mapping[str, bytes] = {
    "a wrong key": request(body=HELLO, authorization=f"Bearer {APP_KEY}", **CREDENTIALS),
    "no such path": request(path="/v1/nothing", body=HELLO, **MINE),
    "no JSON": request(body=b"{", **MINE),
    "too much": request(body=bytes(20_000), **MINE),
    "too much, said before": request(body=b"", expect="100-continue", content_length="20000", **MINE),
    "a websocket": request("GET", "/v1/realtime", upgrade="websocket", connection="Upgrade", **MINE),
    "a bug": request(body=HELLO, x_sabotage="qwenproxy.flows.requests:Desk._routed raise", **MINE),
    "a bug in the hook": request(body=HELLO, x_sabotage="qwenproxy.addon:QwenProxy.qwen_open raise", **MINE),
}
UPGRADE: dict[str, Any] = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "sec_websocket_protocol": f"realtime, openai-insecure-api-key.{CLIENT_KEY}",
}
SOCKET = request("GET", "/v1/responses", host="localhost", **UPGRADE, **MINE)
CUT_SHORT: Mapping[str, bytes] = {
    "in its headers": request(body=HELLO, **MINE).partition(b"\r\n\r\n")[0],
    "in a header": f"POST /v1/models HTTP/1.1\r\nauthorization: Bearer {APP_KEY}"[:-3].encode(),
    "in its body": request(body=HELLO, **MINE)[:-3],
    "by a line that is no header": request(body=HELLO, **MINE).replace(b"authorization:", b"authorization"),
    "by two lengths": request(body=HELLO, **MINE).replace(b"\r\n\r\n", b"\r\ncontent-length: 7\r\n\r\n"),
}


async def speak(found: Stage) -> list[Reply]:
    """All that can go well and wrong, at both doors."""
    replies: list[Reply] = []
    for reply in REPLIES.values():
        await found.says(reply)
        for stream in (False, True):
            async with found.local() as app:
                replies.append(await app.ask(body=HELLO | {"stream": stream}, host="localhost", **MINE))
    await found.says(whole(ANSWER))
    for asked in ASKED.values():
        async with found.tunnel() as app:
            await app.send(asked)
            replies.append(await app.reply())
    for piece in CUT_SHORT.values():
        for door in (found.local(), found.tunnel(), found.tunnel(tls=False)):
            async with door as app:
                await app.send(piece)
                await asyncio.sleep(0.02)
    for asked in (SOCKET, request("GET", "/metrics", host="localhost", **MINE)):
        async with found.local() as app:
            await app.send(asked)
            replies.append(await app.reply())
    async with found.tunnel("h2") as tunnel:
        app2 = App2(tunnel)
        replies.append(await app2.ask(HELLO, **MINE))
        replies.append(await app2.ask(bytes(20_000), **MINE))
    return replies


def shown(replies: list[Reply]) -> bytes:
    return b"\n".join(str(reply.headers).encode() + reply.body for reply in replies)


def beside(collector: Upstream, tools: Upstream) -> tuple[dict[str, str], dict[str, str]]:
    """Settings and variables for what stands beside the proxy, all of it with keys, half of it not to be reached."""
    web = {"type": "http", "headers": {"Authorization": f"Bearer {TOOLS_TOKEN}"}}
    entries: dict[str, Any] = {
        "own": own_server("stdio", env={"TOOLS_KEY": TOOLS_KEY}),
        "web": web | {"url": f"{tools.base_url}?key={TOOLS_QUERY}"},
        "gone": web | {"url": f"http://127.0.0.1:9/mcp?key={TOOLS_QUERY}"},
        "none": {"command": "/nonexistent", "args": ["--key", TOOLS_KEY]},
    }
    settings = {"otel": "on", "mcp_servers": servers(**entries), "tools": "*"}
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://user:{COLLECTOR_PASSWORD}@127.0.0.1:{collector.port}",
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"http://user:{COLLECTOR_PASSWORD}@127.0.0.1:9/?key={COLLECTOR_KEY}",
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR_KEY}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }
    return settings, environ


async def evidence_of_mitmdump(home: Path, confdir: Path) -> dict[str, bytes]:
    """It says and saves as much as it can, and has all beside it that there is."""
    refused = whole({"error": f"not for {TOOLS_TOKEN} {TOOLS_QUERY}"}, 401, www_authenticate="Bearer")
    async with upstream(whole(b"")) as collector, upstream(refused) as tools:
        found = await evidence_with(home, confdir, *beside(collector, tools))
    sent = [asked.path.encode() + asked.body for asked in collector.asked]
    return found | {"the collector": b"\n".join(sent)}


async def evidence_with(
    home: Path, confdir: Path, settings: Mapping[str, str], environ: Mapping[str, str]
) -> dict[str, bytes]:
    loud = ("-v", "--set", "termlog_verbosity=debug", "--set", "flow_detail=4", "--set", "show_ignored_hosts=true")
    files = ("-w", str(home / "flows"), "--set", f"hardump={home / 'har'}", "-s", str(SABOTAGE))
    command = dumping(*loud, *files)
    told = {**SETTINGS, **settings}
    async with stage(home, confdir, command, told, ready="listening at", times=2, environ=environ) as found:
        replies = await speak(found)
        await found.process.until("the MCP server web is away")
        cmdline = found.process.cmdline
    return {
        "the log": found.process.output.encode(),
        "saved flows": (home / "flows").read_bytes(),
        "the HAR file": (home / "har").read_bytes(),
        "modes": " ".join(oct(stat.S_IMODE((home / name).stat().st_mode)) for name in ("flows", "har")).encode(),
        "answers": shown(replies),
        "the command line": cmdline,
        "the original host": found.original.text,
    } | asked_of(found)


def asked_of(found: Stage) -> dict[str, bytes]:
    """What the upstream was shown: its own key, and apart from that all else."""
    keys = {asked.headers.pop("authorization") for asked in found.heard}
    assert keys == {f"Bearer {UPSTREAM_KEY}"}
    rest = "\n".join(f"{asked.path} {asked.headers} {asked.body!r}" for asked in found.heard)
    return {"the upstream": rest.encode()}


async def evidence_of_run(home: Path, confdir: Path) -> dict[str, bytes]:
    settings = SETTINGS | {"log_format": "json"}
    async with stage(home, confdir, (*RUNNING, "--set", f"scripts={SABOTAGE}"), settings) as found:
        replies = await speak(found)
    return {"run: the log": found.process.output.encode(), "run: answers": shown(replies)}


async def evidence_of_options(home: Path, confdir: Path) -> dict[str, bytes]:
    async with running(
        [*MITMDUMP, *OURS, "--options", "--set", f"confdir={confdir}"], clean(home, **SETTINGS)
    ) as process:
        assert await process.ended() == 0
    assert "qwen_upstream" in process.output
    return {"--options": process.output.encode()}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def evidence(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, bytes]]:
    authority(confdir)
    kinds = (evidence_of_mitmdump, evidence_of_run, evidence_of_options)
    found = await asyncio.gather(*(kind(tmp_path_factory.mktemp("home"), confdir) for kind in kinds))
    yield {name: text for each in found for name, text in each.items()}


PLACES = {
    "the log": b"POST chat 200",
    "saved flows": b"/v1/chat/completions",
    "the HAR file": b"/v1/chat/completions",
    "answers": b"chat.completion",
    "the command line": b"mitmdump",
    "the upstream": b"/v1/chat/completions",
    "the original host": b"",
    "the collector": b"chat gpt-4o",
    "run: the log": b'"endpoint":"chat"',
    "run: answers": b"chat.completion",
    "--options": b"qwen_upstream",
}
"""Each with what it holds if it is what it seems."""


@pytest.mark.parametrize("place", PLACES)
async def test_no_secret_is_found(evidence: dict[str, bytes], place: str) -> None:
    assert PLACES[place] in evidence[place]
    assert found_in(evidence[place]) == set()


async def test_what_a_websocket_and_metrics_have_shown_was_searched(evidence: dict[str, bytes]) -> None:
    assert b"openai-insecure-api-key.[secret]" in evidence["saved flows"]
    assert b"qwenproxy_exchanges_total" in evidence["answers"]
    assert b"sec-websocket-accept" in evidence["answers"]


async def test_what_a_tool_was_told_is_in_what_was_saved_and_in_no_log(evidence: dict[str, bytes]) -> None:
    assert b"tool own__echo ok" in evidence["the log"]
    assert TOLD_TO_TOOL.encode() in evidence["saved flows"]
    assert not [name for name in ("the log", "the collector", "answers") if TOLD_TO_TOOL.encode() in evidence[name]]


async def test_what_was_saved_is_its_owners(evidence: dict[str, bytes]) -> None:
    assert evidence["modes"] == b"0o600 0o600"


@pytest.mark.parametrize("secret", SECRETS)
async def test_the_search_finds_what_there_is(secret: str) -> None:
    for spelling in spellings(secret):
        assert found_in(b"before " + spelling + b" after") >= {secret}
