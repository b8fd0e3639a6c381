"""Calls of tools: whatever a tool or a model does, a text comes of it, in time, and nobody else notices."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from qwenproxy.tools import executor
from qwenproxy.tools.audit import Trail
from qwenproxy.tools.executor import GIVE_UP, REPAIR, Asked, Executor, Limits, Outcome, Result, cut
from qwenproxy.tools.tool import ToolError
from qwenproxy.wire.openai import Json
from tests.tools.tooling import tool_of

type Does = Callable[[Json], Awaitable[str]]

NUMBER: Json = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def executor_of(*, timeout: float = 5.0, output: int = 100, concurrency: int = 2) -> Executor:
    return Executor(Limits(timeout, output, concurrency), Trail())


async def run(does: Does, arguments: str = "{}", **limits: Any) -> Result:
    return await executor_of(**limits).run(tool_of(does), Asked("it", arguments))


async def test_the_answer_is_the_models_to_read() -> None:
    async def add(arguments: Json) -> str:
        return str(arguments["a"] + 1)

    assert await run(add, '{"a": 1}') == Result("2", Outcome.OK)


async def broken(_: Json) -> str:
    raise ToolError("the shop is closed")


async def crashing(_: Json) -> str:
    return str(1 // 0)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


async def unspeakable(_: Json) -> str:
    raise Unspeakable


async def leaving(_: Json) -> str:
    raise SystemExit(1)


async def interrupting(_: Json) -> str:
    raise KeyboardInterrupt


async def cancelling(_: Json) -> str:
    raise asyncio.CancelledError


async def wordy(_: Json) -> str:
    raise ToolError("x" * 10_000_000)


async def mute(_: Json) -> Any:
    return None


async def endless(_: Json) -> str:
    await asyncio.sleep(60)
    return ""


async def stubborn(_: Json) -> str:
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.05)
    return ""


HOSTILE: dict[str, tuple[Does, Outcome, str]] = {
    "fails": (broken, Outcome.FAILED, "it: the shop is closed"),
    "crashes": (crashing, Outcome.FAILED, "it: ZeroDivisionError: "),
    "crashes without words": (unspeakable, Outcome.FAILED, "it: the tool failed"),
    "leaves": (leaving, Outcome.FAILED, "it: SystemExit: 1"),
    "interrupts": (interrupting, Outcome.FAILED, "it: KeyboardInterrupt"),
    "cancels itself": (cancelling, Outcome.FAILED, "it: the tool failed"),
    "fails at length": (wordy, Outcome.FAILED, "it: xxx"),
    "returns nothing": (mute, Outcome.FAILED, "it: it returned no text"),
    "hangs": (endless, Outcome.TIMEOUT, "it gave no answer within 0.1 seconds"),
    "hangs on": (stubborn, Outcome.TIMEOUT, "it gave no answer within 0.1 seconds"),
}


@pytest.mark.parametrize(("does", "outcome", "words"), HOSTILE.values(), ids=HOSTILE)
async def test_a_tool_that(does: Does, outcome: Outcome, words: str) -> None:
    began = time.perf_counter()
    result = await run(does, timeout=0.1)
    assert time.perf_counter() - began < 1.2
    assert result.outcome is outcome
    assert result.text.startswith(f"Error: {words}")
    assert len(result.text) < 300


LONG: dict[str, tuple[str, str]] = {
    "short": ("x" * 100, "x" * 100),
    "megabytes": ("x" * 10_000_000, "x" * 100 + "\n[cut here: 100 of 10000000 characters are shown]"),
    "two bytes each": ("ä" * 60, "ä" * 50 + "\n[cut here: 50 of 60 characters are shown]"),
    "within a character": ("x" + "ä" * 60, "x" + "ä" * 49 + "\n[cut here: 50 of 61 characters are shown]"),
    "half a character": ("a\ud800b", "a?b"),
    "a call of itself": ('<tool_call>{"name": "it"}</tool_call>', '<tool_call>{"name": "it"}</tool_call>'),
}


@pytest.mark.parametrize(("said", "read"), LONG.values(), ids=LONG)
async def test_an_answer_is_cut_where_it_is_too_long_and_says_so(said: str, read: str) -> None:
    async def say(_: Json) -> str:
        return said

    assert await run(say) == Result(read, Outcome.OK)


ARGUMENTS = {
    "no JSON": ('{"n": ', "not valid JSON"),
    "a wrong type": ('{"n": "1"}', "$.n: '1' is not of type 'integer'"),
    "a missing one": ("", "$: 'n' is a required property"),
    "megabytes": ('{"n": "' + "x" * 10_000_000 + '"}', "the arguments have 10000009 characters"),
    "too deep": ('{"n": 1, "m":' + "[" * 500 + "]" * 500 + "}", "nested more than 64 levels deep"),
}


@pytest.mark.parametrize(("arguments", "words"), ARGUMENTS.values(), ids=ARGUMENTS)
async def test_wrong_arguments_may_be_mended_once(arguments: str, words: str) -> None:
    tool = tool_of(broken, parameters=NUMBER)
    first = await executor_of().run(tool, Asked("it", arguments))
    again = await executor_of().run(tool, Asked("it", arguments, last=True))
    assert (first.outcome, again.outcome) == (Outcome.INVALID, Outcome.INVALID)
    assert words in first.text
    assert first.text.endswith(REPAIR)
    assert again.text.endswith(GIVE_UP)
    assert len(first.text) < 1_500


async def test_a_tool_that_is_not_there_is_an_answer_too() -> None:
    result = await executor_of().run(None, Asked("x" * 1_000, "{}"))
    assert result.outcome is Outcome.UNKNOWN
    assert len(result.text) < 200


async def test_what_needs_a_persons_agreement_is_not_run() -> None:
    result = await executor_of().run(tool_of(crashing, needs_confirmation=True), Asked("it", "{}"))
    assert result.outcome is Outcome.REFUSED


async def test_so_many_run_side_by_side_and_others_wait_their_turn() -> None:
    running, most = 0, 0

    async def watch(_: Json) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return "done"

    one = executor_of(concurrency=2)
    results = await asyncio.gather(*(one.run(tool_of(watch), Asked("it", "{}")) for _ in range(6)))
    assert [result.text for result in results] == ["done"] * 6
    assert most == 2


async def test_a_turn_that_does_not_come_in_time_is_told() -> None:
    one = executor_of(concurrency=1, timeout=0.2)
    hanging = asyncio.ensure_future(one.run(tool_of(endless), Asked("it", "{}")))
    await asyncio.sleep(0)
    impatient = Executor(Limits(0.05, 100, 1), Trail())
    impatient._turns = one._turns
    result = await impatient.run(tool_of(broken), Asked("it", "{}"))
    assert result.outcome is Outcome.BUSY
    assert (await hanging).outcome is Outcome.TIMEOUT
    assert (await one.run(tool_of(broken), Asked("it", "{}"))).outcome is Outcome.FAILED, "the turn is free again"


async def test_an_app_that_leaves_ends_the_call_and_its_turn(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qwenproxy.tools")
    ended = asyncio.Event()

    async def wait(_: Json) -> str:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()
        return ""

    one = executor_of(concurrency=1)
    call = asyncio.ensure_future(one.run(tool_of(wait), Asked("it", "{}")))
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(ended.wait(), 1)
    assert "tool it cancelled" in caplog.text
    assert (await one.run(tool_of(broken), Asked("it", "{}"))).outcome is Outcome.FAILED


async def test_each_call_leaves_one_line_without_its_arguments(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qwenproxy.tools")
    await executor_of().run(tool_of(broken), Asked("it", '{"secret": 1}', "req-1"))
    (line,) = caplog.messages
    assert line.startswith("tool it failed ")
    assert line.endswith("in=13 out=29 source='a test' id=req-1")


def test_a_cut_counts_bytes() -> None:
    assert cut("äöü", 6) == "äöü"
    assert cut("äöü", 5).startswith("äö\n[cut here: 2 of 3")
    assert executor.in_words(KeyError("a")) == "KeyError: 'a'"
