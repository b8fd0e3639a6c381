"""What the app does not see of an answer that it goes on from."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from qwenproxy import continuations
from qwenproxy.continuations import LIFETIME, MOST, Continuations
from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from qwenproxy.wire.openai import Json
from tests.support.clock import Clock
from tests.support.services import free_port, needs, redis_server

SERVICES, REDIS = needs("redis-server")

ASKED: list[Json] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Time, and weather?"}]


def call(id: str, name: str) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}}


def result(id: str, text: str) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": text}


SEEN: Json = {"role": "assistant", "content": None, "tool_calls": [call("b", "weather")]}
WHOLE: list[Json] = [
    {"role": "assistant", "content": None, "tool_calls": [call("a", "clock"), call("b", "weather")]},
    result("a", "noon"),
]
BACK = [*ASKED, SEEN, result("b", "rain")]


def kept(clock: Clock | None = None, client: str = "key-1") -> Continuations:
    made = Continuations((clock or Clock()).now)
    made.keep(client, ASKED, ["b"], WHOLE)
    return made


def test_the_whole_takes_the_place_of_what_the_app_has_seen() -> None:
    assert kept().woven("key-1", BACK) == [*ASKED, *WHOLE, result("b", "rain")]


def test_it_is_woven_in_again_each_time_the_history_comes() -> None:
    made = kept()
    later = [*BACK, {"role": "assistant", "content": "Noon, rain."}, {"role": "user", "content": "Thanks"}]
    assert made.woven("key-1", BACK) == made.woven("key-1", BACK)
    assert made.woven("key-1", later) == [*ASKED, *WHOLE, *later[3:]]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "Something else?"}, *BACK[2:]],
        [*ASKED, {**SEEN, "tool_calls": [call("c", "weather")]}, result("c", "rain")],
        [*ASKED, {**SEEN, "tool_calls": [call("b", "weather"), call("c", "weather")]}],
        [*ASKED, {"role": "assistant", "content": "Noon."}],
        ASKED,
    ],
    ids=["another question", "another call", "more calls", "no calls", "no answer"],
)
def test_what_is_not_the_same_answer_stays_as_it_is(messages: list[Json]) -> None:
    assert kept().woven("key-1", messages) is messages


def test_another_client_gets_nothing_of_it_even_with_the_same_ids() -> None:
    assert kept().woven("key-2", BACK) is BACK


@pytest.mark.parametrize(
    "question",
    [
        "Time, and weather?",
        [{"type": "text", "text": "Time, and weather?"}],
        [{"type": "text", "text": "Time, and weather?"}, {"type": "image_url", "image_url": {"url": "u"}}],
    ],
    ids=["text", "parts", "a picture"],
)
def test_of_the_history_only_the_question_has_to_be_the_same(question: Any) -> None:
    messages = [{"role": "user", "content": question}, *BACK[2:]]
    assert len(kept().woven("key-1", messages)) == len(messages) + 1


def test_without_a_question_the_calls_are_enough() -> None:
    made = Continuations(Clock().now)
    made.keep("key-1", [], ["b"], WHOLE)
    assert made.woven("key-1", BACK[2:]) == [*WHOLE, result("b", "rain")]


def test_it_is_forgotten_after_its_time_which_asking_prolongs() -> None:
    clock = Clock()
    made = kept(clock)
    clock.at += LIFETIME - 1
    assert made.woven("key-1", BACK) is not BACK
    clock.at += LIFETIME - 1
    assert made.woven("key-1", BACK) is not BACK
    clock.at += LIFETIME
    assert made.woven("key-1", BACK) is BACK


def test_the_oldest_make_room_for_more_than_are_kept() -> None:
    made = kept()
    for number in range(MOST):
        made.keep("key-1", ASKED, [f"call-{number}"], WHOLE)
    assert made.woven("key-1", BACK) is BACK
    newest = [*ASKED, {**SEEN, "tool_calls": [call(f"call-{MOST - 1}", "weather")]}]
    assert len(made.woven("key-1", newest)) == len(newest) + 1


def test_the_oldest_make_room_for_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuations, "ROOM", 1_000)
    made = kept()
    large = [result("x", "x" * 900)]
    made.keep("key-1", ASKED, ["c"], large)
    assert made.woven("key-1", BACK) is BACK
    assert made.woven("key-1", [*ASKED, {**SEEN, "tool_calls": [call("c", "w")]}]) == [*ASKED, *large]
    made.keep("key-1", ASKED, ["d"], [result("x", "x" * 1_000)])
    too_large = [*ASKED, {**SEEN, "tool_calls": [call("d", "w")]}]
    assert made.woven("key-1", too_large) is too_large


def test_what_is_kept_anew_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuations, "ROOM", 1_000)
    made = kept()
    for _ in range(10):
        made.keep("key-1", ASKED, ["b"], WHOLE)
    assert made.woven("key-1", BACK) is not BACK


@SERVICES
@REDIS
async def test_the_app_may_come_back_to_another_proxy(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with redis_server(tmp_path) as server:
        link, clock = Link(server.url, budget=5), Clock()
        shared, stranger = Shared(link, Seal(["k" * 32])), Shared(link, Seal(["o" * 32]))
        here = Continuations(clock.now, shared)
        here.keep("key-1", ASKED, ["b"], WHOLE)
        await asyncio.gather(*here._sharing)
        (name,) = await link.call("KEYS", f"{continuations.PREFIX}*")
        assert b"noon" not in await link.call("GET", name)
        assert 0 < await link.call("PTTL", name) <= LIFETIME * 1000
        there = Continuations(clock.now, shared)
        await there.fetch("key-2", BACK)
        assert there.woven("key-2", BACK) is BACK, "it is another client's"
        await there.fetch("key-1", BACK)
        assert there.woven("key-1", BACK) == [*ASKED, *WHOLE, result("b", "rain")]
        with_other_keys = Continuations(clock.now, stranger)
        await with_other_keys.fetch("key-1", BACK)
        assert with_other_keys.woven("key-1", BACK) is BACK
        assert "is not known here" in caplog.text
        await link.close()


async def test_without_redis_the_history_is_left_as_the_app_has_it() -> None:
    link = Link(f"redis://127.0.0.1:{free_port()}/0")
    here = Continuations(Clock().now, Shared(link, Seal([])))
    here.keep("key-1", ASKED, ["b"], WHOLE)
    await asyncio.gather(*here._sharing)
    await here.fetch("key-1", BACK)
    assert here.woven("key-1", BACK) == [*ASKED, *WHOLE, result("b", "rain")], "its own it knows"
    await here.fetch("key-2", BACK)
    assert here.woven("key-2", BACK) is BACK
    await link.close()
