"""The way to a Redis: quick when it is there, quicker when it is not."""

import asyncio
import signal
from pathlib import Path

import pytest

from qwenproxy.shared.link import FAILURES, Away, Link
from qwenproxy.shared.script import Script
from tests.support.clock import until
from tests.support.services import free_port, needs, redis_server

redis = needs("redis-server")[1]
services = pytest.mark.services


async def failing(link: Link) -> str:
    with pytest.raises(Away) as caught:
        await link.call("GET", "a")
    return str(caught.value)


async def test_a_redis_that_is_not_there_costs_nothing_after_a_few_calls(caplog: pytest.LogCaptureFixture) -> None:
    link = Link(f"redis://127.0.0.1:{free_port()}/0", "hidden")
    said = [await failing(link) for _ in range(FAILURES)]
    assert "cannot be reached" in said[0]
    assert link.is_down
    assert await failing(link) == f"{link.url} does not answer: {said[-1].partition(': ')[2]}"
    assert [link.failures, len(caplog.messages)] == [FAILURES, 1]
    assert "hidden" not in caplog.text
    await link.close()


async def test_one_that_says_nothing_is_given_up_within_the_budget() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    link = Link(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", budget=0.05)
    assert "no answer within 0.05 s" in await failing(link)
    await link.close()
    server.close()
    await server.wait_closed()


@services
@redis
async def test_commands_programs_and_refusals(tmp_path: Path) -> None:
    async with redis_server(tmp_path, password="pw") as server:
        link, wrong = Link(server.url, "pw", budget=5), Link(server.url, "hidden", budget=5)
        await link.call("SET", "a", b"\x00b")
        assert await link.call("GET", "a") == b"\x00b"
        script = Script("return {ARGV[1], redis.call('GET', 'a')}")
        assert [await link.run(script, ("x",)) for _ in range(2)] == [[b"x", b"\x00b"]] * 2
        with pytest.raises(Away, match="refuses: WRONGTYPE"):
            await link.call("LPUSH", "a", "b")
        assert not link.is_down
        assert "invalid username-password" in await failing(wrong)
        await link.close()
        await wrong.close()


@services
@redis
@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_it_comes_back_by_itself(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    async with redis_server(tmp_path) as server:
        link = Link(server.url, budget=0.2)
        await link.call("SET", "a", 1)
        if how == "killed":
            await server.stop()
        else:
            server.signal(signal.SIGSTOP)
        while not link.is_down:
            await failing(link)
        if how == "killed":
            await server.start()
        else:
            server.signal(signal.SIGCONT)
        assert await until(lambda: not link.is_down)
        assert await link.call("PING")
        assert "is back after" in caplog.text
        await link.close()


@services
@redis
async def test_a_restart_that_nobody_noticed_costs_no_call(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as server:
        link = Link(server.url, budget=5)
        await asyncio.gather(*(link.call("GET", "a") for _ in range(5)))
        await server.restart()
        await asyncio.gather(*(link.call("GET", "a") for _ in range(5)))
        assert link.failures == 0
        await link.close()
