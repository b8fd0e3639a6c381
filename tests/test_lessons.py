"""What one proxy learns about an upstream, the others know; what makes no sense is passed over."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from qwenproxy.lessons import PREFIX, Lessons, identity, take, told
from qwenproxy.lines import Line
from qwenproxy.service import Service, service
from qwenproxy.settings import load
from qwenproxy.shared.link import Away, Link
from tests.support.services import RedisServer, needs, redis_server

SERVICES, REDIS = needs("redis-server")
KEY = {"QWENPROXY_API_KEY": "sk-hidden"}
MODEL = "qwen-plus"


def made(folder: Path, key: str = "sk-hidden") -> Service:
    return service(load({"HOME": str(folder), "QWENPROXY_API_KEY": key}, folder), {})


def line_of(folder: Path, key: str = "sk-hidden") -> Line:
    return made(folder, key).lines[0]


def test_what_was_learned_is_told_as_the_difference(tmp_path: Path) -> None:
    line = line_of(tmp_path)
    names = frozenset({"search", "files"})
    line.learn(MODEL, replace(line.row(MODEL), max_output=9, reserved_names=names))
    line.learn_batch("text-embedding-v4", 7)
    found = told(line)
    assert found["batch text-embedding-v4"] == b"7"
    assert b"context" not in found[f"row {MODEL}"]
    other = line_of(tmp_path)
    for name, value in found.items():
        take(other, name, value)
    assert other.row(MODEL) == line.row(MODEL)
    assert other.batches == {"text-embedding-v4": 7}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (f"row {MODEL}", b"not JSON"),
        (f"row {MODEL}", b"[1]"),
        (f"row {MODEL}", b'{"max_output": "many", "of_another_version": 1}'),
        ("batch x", b"many"),
        ("batch x", b"-1"),
        ("something else", b"1"),
    ],
)
def test_what_makes_no_sense_changes_nothing(tmp_path: Path, name: str, value: bytes) -> None:
    line, untouched = line_of(tmp_path), line_of(tmp_path)
    take(line, name, value)
    assert (line.row(MODEL), line.batches) == (untouched.row(MODEL), {})


async def test_two_keys_are_two_lines_and_no_key_is_told(tmp_path: Path) -> None:
    one, other = await identity(line_of(tmp_path)), await identity(line_of(tmp_path, "sk-other"))
    assert one != other
    assert "hidden" not in one


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as server:
        yield server


@SERVICES
@REDIS
async def test_the_others_hear_of_it_and_of_a_rest(tmp_path: Path, redis: RedisServer) -> None:
    link, clock = Link(redis.url, budget=10), Clock()
    mine, theirs, stranger = line_of(tmp_path), line_of(tmp_path), line_of(tmp_path, "sk-other")
    here, there = Lessons(link, [mine], clock), Lessons(link, [theirs, stranger], clock)
    mine.learn(MODEL, replace(mine.row(MODEL), max_output=9))
    mine.rests_until = clock.now + 60
    await here.turn()
    await there.turn()
    assert theirs.row(MODEL).max_output == 9
    assert theirs.rests_until == pytest.approx(clock.now + 60, abs=5)
    assert (stranger.rests_until, stranger.learned) == (0.0, {})
    before = await link.call("PEXPIRETIME", f"{PREFIX}{await identity(mine)}:rest")
    for _ in range(5):
        await here.turn()
        await there.turn()
    assert await link.call("PEXPIRETIME", f"{PREFIX}{await identity(mine)}:rest") == before, "it is not drawn out"
    theirs.learn(MODEL, replace(theirs.row(MODEL), max_output=7))
    await there.turn()
    await here.turn()
    assert mine.row(MODEL).max_output == 7
    await link.close()


@SERVICES
@REDIS
async def test_what_could_not_be_told_is_told_later(tmp_path: Path, redis: RedisServer) -> None:
    link = Link(redis.url, budget=10)
    mine, theirs = line_of(tmp_path), line_of(tmp_path)
    here, there = Lessons(link, [mine]), Lessons(link, [theirs])
    await redis.stop()
    mine.learn_batch("text-embedding-v4", 7)
    with pytest.raises(Away):
        await here.turn()
    assert mine.batches == {"text-embedding-v4": 7}
    await redis.start()
    await here.turn()
    await redis.restart()  # and it forgets
    await here.turn()
    await here.turn()
    await there.turn()
    assert theirs.batches == {"text-embedding-v4": 7}
    await link.close()
