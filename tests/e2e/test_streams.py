"""Answers under way, through the real thing: apps that leave or do not read, upstreams that fall silent or drop off."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from qwenproxy import sse
from tests.support.clients import HELLO, App, App2, request, trusting
from tests.support.simulated import until
from tests.support.stage import ANSWER, DONE, KEY, RUNNING, Stage, event, stage
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEGABYTE = 1 << 20
STREAMED = HELLO | {"stream": True}


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key"
    path.write_text("sk-qwen-first\n")
    return path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def proxy(confdir: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    times = {"heartbeat": "0.2", "idle_timeout": "1"}
    home = tmp_path_factory.mktemp("home")
    async with stage(home, confdir, RUNNING, settings=times | {"api_key": "", "api_key_file": str(key_file)}) as found:
        yield found


@asynccontextmanager
async def over_http2(proxy: Stage, *, greedy: bool = True) -> AsyncIterator[App2]:
    async with proxy.local() as app:
        await app.writer.start_tls(trusting(proxy.authority, "h2"), server_hostname="localhost")
        yield App2(app, greedy=greedy)


async def begin(app: App) -> None:
    """Have a streamed answer begin."""
    await app.send(request(body=STREAMED, authorization=KEY))
    assert (await app.head()).status == 200


class Endless:
    """Answers that begin and do not end; *left*: how many of them the proxy has given up."""

    def __init__(self) -> None:
        self.left = 0

    async def __call__(self, connection: Connection) -> None:
        await connection.send(STREAM_HEAD + event("one"))
        try:
            while not connection.reader.at_eof():
                await connection.send(event("more"))
                await asyncio.wait({asyncio.ensure_future(connection.gone())}, timeout=0.1)
        finally:
            self.left += 1


async def test_an_app_that_leaves_ends_its_call_at_once(proxy: Stage) -> None:
    await proxy.says(endless := Endless())
    async with proxy.local() as app:
        await begin(app)
    assert await until(lambda: endless.left == 1)


async def test_a_stream_of_http2_that_is_given_up_ends_its_call_and_no_other(proxy: Stage) -> None:
    await proxy.says(endless := Endless())
    async with over_http2(proxy) as app:
        first, second = await app.send(STREAMED), await app.send(STREAMED)
        await app.until(lambda: b"one" in first.body and b"one" in second.body)
        await app.reset(first)
        assert await until(lambda: endless.left == 1)
        heard = len(second.body)
        await app.until(lambda: len(second.body) > heard)
    assert await until(lambda: endless.left == 2)


class Flood:
    """A long answer, as fast as it is taken; *sent*: its bytes so far."""

    TOTAL = 48 * MEGABYTE

    def __init__(self) -> None:
        self.sent = 0

    async def __call__(self, connection: Connection) -> None:
        said = event("x" * 16_000)
        await connection.send(STREAM_HEAD)
        while self.sent < self.TOTAL:
            await connection.send(said)
            self.sent += len(said)
        await connection.send(event("", "stop") + DONE + STREAM_END)

    async def held(self) -> bool:
        """Whether it is held back, for good."""
        for _ in range(100):
            before = self.sent
            await asyncio.sleep(0.2)
            if 0 < before == self.sent:
                return True
        return False


@pytest.mark.parametrize("http2", [False, True], ids=["http/1.1", "http/2"])
async def test_an_app_that_does_not_read_fills_no_memory(proxy: Stage, http2: bool) -> None:
    await proxy.says(flood := Flood())
    before = proxy.process.resident()
    async with over_http2(proxy, greedy=False) as other, proxy.local() as app:
        await (other.send(STREAMED) if http2 else begin(app))
        assert await flood.held()
        assert flood.sent < Flood.TOTAL / 2
        assert proxy.process.resident() - before < 16 * MEGABYTE


async def test_and_what_it_reads_late_is_all_there(proxy: Stage) -> None:
    await proxy.says(flood := Flood())
    async with proxy.local() as app:
        await begin(app)
        assert await flood.held()
        size = 0
        while piece := await app.chunk():
            size += piece.count(b"x")
            last = piece
        assert (size >= 0.99 * Flood.TOTAL, last.endswith(sse.DONE)) == (True, True)


async def silent(connection: Connection) -> None:
    await connection.gone()


async def silent_in_the_middle(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + event("one"))
    await connection.gone()


@pytest.mark.parametrize("reply", [silent, silent_in_the_middle])
async def test_silence_is_filled_with_comments_until_it_is_too_long(
    proxy: Stage, reply: Callable[[Connection], Awaitable[None]]
) -> None:
    await proxy.says(reply)
    async with proxy.local() as app:
        found = await app.ask(body=STREAMED, authorization=KEY)
    assert not found.broken
    assert found.body.count(sse.KEEP_ALIVE) >= 2
    assert b'"code":"upstream_timeout"' in found.body
    assert sse.DONE not in found.body


async def test_of_a_whole_answer_that_does_not_come_the_app_is_told(proxy: Stage) -> None:
    await proxy.says(silent)
    async with proxy.local() as app:
        assert (await app.ask(body=HELLO, authorization=KEY)).error == (504, "upstream_timeout")


async def test_a_connection_that_the_upstream_has_dropped_is_opened_anew(proxy: Stage) -> None:
    async def drop(connection: Connection) -> None:
        connection.writer.close()

    await proxy.says(whole(ANSWER), drop, whole(ANSWER))
    async with proxy.local() as app:
        for _ in range(2):
            assert (await app.ask(body=HELLO, authorization=KEY)).status == 200
    assert len(proxy.upstream.asked) == 3


def replace(file: Path, key: str) -> None:
    file.write_text(f"{key}\n")


async def test_a_key_that_is_refused_is_read_again_and_tried_once(proxy: Stage, key_file: Path) -> None:
    refusal = whole({"error": {"code": "invalid_api_key", "message": "Incorrect API key provided."}}, 401)
    await proxy.says(refusal, whole(ANSWER))
    replace(key_file, "sk-qwen-second")
    async with proxy.local() as app:
        assert (await app.ask(body=HELLO, authorization=KEY)).status == 200
        shown = [asked.headers["authorization"] for asked in proxy.upstream.asked]
        assert shown == ["Bearer sk-qwen-first", "Bearer sk-qwen-second"]
        await proxy.says(refusal)
        replace(key_file, "sk-qwen-third")
        assert (await app.ask(body=HELLO, authorization=KEY)).error == (401, "invalid_api_key")
    assert len(proxy.upstream.asked) == 2


async def test_a_body_that_is_far_larger_than_it_looks_fills_no_memory(proxy: Stage) -> None:
    before = proxy.process.resident()
    bomb = gzip.compress(gzip.compress(bytes(256 * MEGABYTE), 1), 1)
    async with proxy.local() as app:
        found = await app.ask(body=bomb, content_encoding="gzip, gzip", authorization=KEY)
    assert found.error == (413, "request_too_large")
    assert proxy.process.resident() - before < 160 * MEGABYTE  # twice the limit of 64 MiB, while it is unpacked
