"""Rounds as sources of chat events."""

import asyncio
from collections.abc import Sequence

import pytest

from qwenproxy import errors, rounds
from qwenproxy.auth.credentials import NoCredential
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.dialects.failures import failure
from qwenproxy.dialects.reader import Reader
from qwenproxy.errors import ProxyError
from qwenproxy.rounds import NOT_CALLED, Bounded, Fan, Source, Strand, size, total
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import ChatEvent, Delta, Usage
from tests.support import upstream as scripted

HI = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"}}]}\n\n'
CALL = (
    b'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"search_",'
    b'"arguments":"{}"}}]}}]}\n\n'
)
STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
REQUEST = UpstreamRequest("/chat/completions", {}, b"{}", stream=True)


def cut(*events: bytes) -> scripted.Reply:
    """A streamed answer that breaks off after *events*."""

    async def reply(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + b"".join(map(scripted.chunk, events)))
        connection.writer.close()

    return reply


async def strand(client: Upstream, choice: int = 0, forced: Sequence[str] = (), **names: str) -> Strand:
    answer = await client.open(REQUEST, "test")
    reader = Reader(answer.content_type, tools=frozenset(), failure=failure, new_id=lambda: "call_1")
    return Strand(answer, reader, choice, names, frozenset(forced))


async def read(source: Source) -> list[ChatEvent]:
    events: list[ChatEvent] = []
    while more := await source.read():
        events += more
    await source.close()
    return events


async def played(*replies: scripted.Reply, choices: Sequence[int] = (0,), **names: str) -> list[ChatEvent]:
    """The events of one source over rounds with these replies."""
    async with scripted.upstream(*replies) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        strands = [await strand(client, choice, **names) for choice in choices]
        try:
            return await read(strands[0] if len(strands) == 1 else Fan(strands))
        finally:
            await client.retire()


def texts(events: Sequence[ChatEvent], choice: int) -> str:
    return "".join(e.delta.get("content", "") for e in events if isinstance(e, Delta) and e.choice == choice)


async def test_a_round_gives_its_events_and_then_nothing() -> None:
    events = await played(scripted.stream(HI, STOP, USAGE, DONE))
    assert texts(events, 0) == "Hi"
    assert isinstance(events[-1], Usage)


async def test_a_cut_before_the_finish_is_an_error() -> None:
    events = await played(cut(HI))
    assert isinstance(events[-1], ProxyError)
    assert events[-1].failure is errors.UPSTREAM_CUT


async def test_a_cut_after_the_finish_loses_nothing() -> None:
    events = await played(cut(HI, STOP))
    assert isinstance(events[-1], Delta)
    assert events[-1].finish_reason == "stop"


async def test_functions_get_the_names_back_that_the_app_gave_them() -> None:
    events = await played(scripted.stream(CALL, STOP, DONE), search_="search")
    calls = [call for e in events if isinstance(e, Delta) for call in e.delta.get("tool_calls", [])]
    assert [call["function"]["name"] for call in calls if call["function"].get("name")] == ["search"]


async def test_several_rounds_are_several_choices_of_one_answer() -> None:
    events = await played(scripted.stream(HI, STOP, USAGE, DONE), choices=(0, 1, 2))
    assert [texts(events, choice) for choice in range(3)] == ["Hi", "Hi", "Hi"]
    finishes = [e.choice for e in events if isinstance(e, Delta) and e.finish_reason]
    assert sorted(finishes) == [0, 1, 2]
    usages = [e.usage for e in events if isinstance(e, Usage)]
    assert [(usage["prompt_tokens"], usage["total_tokens"]) for usage in usages] == [(9, 12)]
    assert isinstance(events[-1], Usage)


LENGTH = STOP.replace(b"stop", b"length")


@pytest.mark.parametrize(
    ("forced", "said", "noted"),
    [
        ((), (HI, STOP), False),
        (("search_",), (HI, STOP), True),
        (("search_",), (CALL, STOP), False),
        (("look", "search_"), (CALL, STOP), False),
        (("look",), (CALL, STOP), True),
        (("look",), (HI, LENGTH), False),
    ],
    ids=["free", "none", "it", "one of them", "another", "too long for it"],
)
async def test_a_forced_call_that_does_not_come_is_noted(
    forced: tuple[str, ...], said: tuple[bytes, ...], noted: bool
) -> None:
    """Some servers pass a forced choice over; the app gets its answer as it is."""
    async with scripted.upstream(scripted.stream(*said, DONE)) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        found = await strand(client, forced=forced, search_="search")
        await read(found)
        assert (NOT_CALLED in found.repairs) is noted
        await client.retire()


async def test_an_answer_that_is_held_until_its_end_may_not_be_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "LARGEST", 20_000)

    async def endless(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD)
        while not connection.writer.is_closing():
            await connection.send(scripted.chunk(HI * 10))

    async with scripted.upstream(endless) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        *before, last = await read(source := Bounded(await strand(client)))
        await client.retire()
    assert isinstance(last, ProxyError)
    assert last.failure is errors.UPSTREAM_GARBLED
    assert sum(map(size, before)) <= 20_000
    assert await source.read() == ()


@pytest.mark.parametrize(
    ("event", "beside"),
    [
        (Delta(0, {"content": "x" * 1000}), 1000),
        (Delta(0, {"tool_calls": [{"index": 0, "function": {"arguments": "x" * 1000}}]}), 1000),
        (Delta(0, {"content": ""}, None, {"content": [{"token": "x" * 1000}]}), 1000),
        (Usage({"prompt_tokens": 1}), 0),
    ],
)
def test_an_event_counts_what_it_says_and_what_it_costs(event: ChatEvent, beside: int) -> None:
    assert beside <= size(event) - rounds.EVENT_COST < beside + 100


async def test_one_failure_fails_all() -> None:
    events = await played(scripted.stream(HI, STOP, USAGE, DONE), cut(HI), choices=(0, 1))
    assert [type(e) for e in events].count(ProxyError) == 1
    assert isinstance(events[-1], ProxyError)
    assert not any(isinstance(e, Usage) for e in events)


class Faulty(Strand):
    """A strand with a fault of ours."""

    async def read(self) -> Sequence[ChatEvent]:
        raise ZeroDivisionError


async def test_a_fault_of_ours_is_told_rather_than_waited_out() -> None:
    async with scripted.upstream(scripted.stream(HI, STOP, DONE)) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        sound = await strand(client, 0)
        answer = await client.open(REQUEST, "test")
        fan = Fan([sound, Faulty(answer, sound.reader, 1, {})])
        events = await asyncio.wait_for(read(fan), 5)
        assert isinstance(events[-1], ProxyError)
        assert events[-1].failure is errors.INTERNAL
        await client.retire()


async def test_closing_cancels_what_is_under_way() -> None:
    left = asyncio.Event()

    async def endless(connection: scripted.Connection) -> None:
        await connection.send(scripted.STREAM_HEAD + scripted.chunk(HI))
        await connection.gone()
        left.set()

    async with scripted.upstream(endless) as server:
        client = Upstream(server.base_url, NoCredential(), idle_timeout=5.0)
        fan = Fan([await strand(client, 0), await strand(client, 1)])
        assert await fan.read()
        await fan.close()
        await asyncio.wait_for(left.wait(), 5)
        await client.retire()


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        ([], {}),
        ([{"total_tokens": 1}, {"total_tokens": 2}], {"total_tokens": 3}),
        ([{"d": {"cached": 1}}, {"d": {"cached": 2, "text": 1}}, {}], {"d": {"cached": 3, "text": 1}}),
        ([{"x": None}, {"x": 1}], {"x": 1}),
    ],
)
def test_totals_are_summed_with_their_details(usages: list[dict[str, object]], expected: dict[str, object]) -> None:
    assert total(usages) == expected
