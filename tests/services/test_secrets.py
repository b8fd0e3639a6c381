"""What Redis gets to see, with all kinds of keys in use, and what others of this machine can see of the workers."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.clients import HELLO, request
from tests.support.clock import until
from tests.support.commands import called
from tests.support.completions import streamed
from tests.support.evidence import (
    APP_KEY,
    CLIENT_KEY,
    CREDENTIALS,
    OTHER_CLIENT_KEY,
    STATE_KEY,
    STATE_PASSWORD,
    UPSTREAM_KEY,
    found_in,
)
from tests.support.services import RedisServer, needs, redis_server
from tests.support.sockets import PATH, UPGRADE, Socket
from tests.support.stage import RUNNING, Stage, stage

pytestmark = [*needs("redis-server", "redis-cli"), pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

PROMPT, ANSWER = "PROMPT-0123456789", "ANSWER-0123456789"
MINE: dict[str, Any] = {"host": "localhost", "authorization": f"Bearer {CLIENT_KEY}"} | CREDENTIALS
COMMANDS = (("status",), ("status", "--json"), ("usage",), ("usage", "--json"), ("tools",), ("doctor", "--offline"))


@asynccontextmanager
async def monitored(redis: RedisServer) -> AsyncIterator[bytearray]:
    """All that is asked of *redis*, as its command MONITOR tells."""
    heard = bytearray()
    words = ("redis-cli", "-s", str(redis.socket), "-a", STATE_PASSWORD, "--no-auth-warning", "monitor")
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    out = process.stdout

    async def read() -> None:
        while piece := await out.read(65536):
            heard.extend(piece)

    reading = asyncio.create_task(read())
    assert await until(lambda: b"OK" in heard)
    try:
        yield heard
    finally:
        process.terminate()
        await process.wait()
        await reading


async def speak(found: Stage) -> bytes:
    """Chats, stored responses, a WebSocket, refusals; what came of them."""
    asked: Any = HELLO | {"messages": [{"role": "user", "content": PROMPT}]}
    told = b""
    for body, path in ((asked, "/v1/chat/completions"), ({"model": "gpt-4o", "input": PROMPT}, "/v1/responses")):
        for more in ({"stream": False}, {"stream": True}):
            async with found.local() as app:
                told += (await app.ask(body=body | more, path=path, **MINE)).body
    async with found.local() as app:
        await app.send(request("GET", PATH, **UPGRADE, **MINE))
        assert (await app.head()).status == 101
        socket = Socket(app)
        await socket.create()
        told += str(await socket.events()).encode()
    for headers in (MINE | {"authorization": f"Bearer {APP_KEY}"}, MINE):
        async with found.local() as app:
            told += (await app.ask("GET", "/metrics", **headers)).body
    return told


def processes(of: int) -> list[Path]:
    """In /proc, the process *of* and those that it has started."""
    children = Path(f"/proc/{of}/task/{of}/children").read_text().split()
    return [Path(f"/proc/{of}"), *(Path(f"/proc/{child}") for child in children)]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def evidence(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, bytes]]:
    home, confdir = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("mitmproxy")
    async with (
        redis_server(tmp_path_factory.mktemp("redis"), password=STATE_PASSWORD, keep=True) as redis,
        monitored(redis) as heard,
    ):
        settings = {
            "api_key": UPSTREAM_KEY,
            "client_keys": f"{CLIENT_KEY},{OTHER_CLIENT_KEY}",
            "state": f"redis://:{STATE_PASSWORD}@127.0.0.1:{redis.port}/0",
            "state_keys": STATE_KEY,
            "rate_limit": "1000/minute",
        }
        async with stage(home, confdir, (*RUNNING, "--workers", "2"), settings) as found:
            await found.says(streamed(ANSWER))
            answers = await speak(found)
            running = processes(found.process.pid)
            cmdlines = b"\n".join((each / "cmdline").read_bytes() for each in running)
            modes = {stat.S_IMODE((each / "environ").stat().st_mode) for each in running}
            sockets = [oct(stat.S_IMODE(path.stat().st_mode)) for path in home.rglob("*.workers")]
            around = settings | {"upstream": found.upstream.base_url}
            said = [await called(home, *words, **around) for words in COMMANDS]
        kept = b"".join(path.read_bytes() for path in redis.folder.rglob("*.aof"))
        yield {
            "answers": answers,
            "command lines": cmdlines,
            "environments": str(modes).encode(),
            "the status socket": " ".join(sockets).encode(),
            "other commands": "\n".join(each.out + each.err for each in said).encode(),
            "the log": found.process.output.encode(),
            "what was asked of Redis": bytes(heard),
            "what Redis keeps": kept,
        }


PLACES = {
    "answers": ANSWER.encode(),
    "command lines": b"qwenproxy.commands.workers.worker",
    "environments": str({0o400}).encode(),
    "the status socket": b"0o600",
    "other commands": b"QWENPROXY_API_KEY",
    "the log": b"worker 2: ",
    "what was asked of Redis": b"qwenproxy",
    "what Redis keeps": b"qwenproxy",
}
"""Each with what it holds if it is what it seems."""


@pytest.mark.parametrize("place", PLACES)
async def test_no_secret_is_found(evidence: dict[str, bytes], place: str) -> None:
    assert PLACES[place] in evidence[place]
    assert found_in(evidence[place]) == set()


@pytest.mark.parametrize("place", [place for place in PLACES if place != "answers"])
async def test_no_prompt_and_no_answer_is_found_either(evidence: dict[str, bytes], place: str) -> None:
    assert not [text for text in (PROMPT, ANSWER) if text.encode() in evidence[place]]
