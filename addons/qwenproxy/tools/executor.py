"""Runs tools: in bounded time and number, with answers of bounded size.  Whatever happens, the model reads of it."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from qwenproxy.tools import audit
from qwenproxy.tools.arguments import parsed
from qwenproxy.tools.tool import Tool, ToolError
from qwenproxy.wire.openai import Json

REPAIR = "Correct the arguments and call it once more."
GIVE_UP = "Do not call it again; answer without it."
UNEXPLAINED = "the tool failed"
TOLD = 2_000
"""Characters of a failure that go to the model."""


class Outcome(StrEnum):
    """How a call ended."""

    OK = "ok"
    INVALID = "invalid"
    """Its arguments do not fit."""
    UNKNOWN = "unknown"
    """There is no such tool, or it is not on for this request."""
    REFUSED = "refused"
    """A person would have to agree."""
    FAILED = "failed"
    TIMEOUT = "timeout"
    BUSY = "busy"
    """Its turn did not come in time."""
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call: the text for the model, and how it ended."""

    text: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Limits:
    """What calls may take."""

    timeout: float
    """Seconds for one call, waiting for its turn included."""
    output: int
    """Bytes of its answer."""
    concurrency: int
    """Calls at the same time, of all exchanges."""


@dataclass(slots=True)
class Asked:
    """A call as a model asks for it."""

    name: str
    arguments: str
    exchange: str = ""
    """The id in the audit line."""
    last: bool = False
    """Whether wrong arguments were wrong before, so that there is no further try."""


class Executor:
    """Runs calls within *limits*; *trail* is told of each."""

    def __init__(self, limits: Limits, trail: audit.Trail, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._trail = trail
        self._clock = clock
        self._turns = asyncio.Semaphore(limits.concurrency)
        self._abandoned: set[asyncio.Task[Any]] = set()

    async def run(self, tool: Tool | None, asked: Asked) -> Result:
        """What comes of *asked*; *tool* is None if it is not on.  Raises nothing but CancelledError."""
        began = self._clock()
        result = Result("", Outcome.CANCELLED)
        try:
            result = await self._result(tool, asked, began)
        finally:
            ms = round((self._clock() - began) * 1000)
            source = tool.source if tool else ""
            self._trail.write(asked.name, source, result.outcome, ms, asked.arguments, result.text, asked.exchange)
        return result

    async def _result(self, tool: Tool | None, asked: Asked, began: float) -> Result:
        if tool is None:
            return failure(Outcome.UNKNOWN, f"there is no tool {asked.name[:64]!r} here.", GIVE_UP)
        if tool.needs_confirmation:
            return failure(Outcome.REFUSED, f"a person would have to agree to each call of {tool.name}.", GIVE_UP)
        try:
            arguments = parsed(asked.arguments)
            faults = tool.parameters.complaints(arguments)
        except ValueError as error:
            faults = [str(error)]
        if faults:
            advice = GIVE_UP if asked.last else REPAIR
            listed = "\n".join(f"- {fault}" for fault in faults)
            return failure(Outcome.INVALID, f"{tool.name} cannot take these arguments:\n{listed}\n{advice}")
        return await self._in_turn(tool, arguments, began)

    async def _in_turn(self, tool: Tool, arguments: Json, began: float) -> Result:
        try:
            async with asyncio.timeout(self._limits.timeout):
                await self._turns.acquire()
        except TimeoutError:
            return failure(Outcome.BUSY, "too many other calls are under way.", "Answer without it, or try later.")
        try:
            return await self._bounded(tool, arguments, self._limits.timeout - (self._clock() - began))
        finally:
            self._turns.release()

    async def _bounded(self, tool: Tool, arguments: Json, seconds: float) -> Result:
        """One call, in a task of its own: a tool that does not let itself be stopped is left to itself."""
        task = asyncio.ensure_future(_guarded(tool, arguments, self._limits.output))
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)
        try:
            await asyncio.wait({task}, timeout=max(0.0, seconds))
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            words = f"{tool.name} gave no answer within {self._limits.timeout:g} seconds and was stopped."
            return failure(Outcome.TIMEOUT, words, "It may have had effects.")
        if task.cancelled():
            return failure(Outcome.FAILED, f"{tool.name}: {UNEXPLAINED}.")
        return task.result()


async def _guarded(tool: Tool, arguments: Json, most: int) -> Result:
    try:
        return Result(cut(await tool.call(arguments), most), Outcome.OK)
    except ToolError as error:
        return failure(Outcome.FAILED, f"{tool.name}: {cut(str(error) or UNEXPLAINED, min(most, TOLD))}")
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # foreign code: nothing that it raises may go further
        return failure(Outcome.FAILED, f"{tool.name}: {cut(in_words(error), min(most, TOLD))}")


def in_words(error: BaseException) -> str:
    """What was raised, for the model; even if it cannot be written."""
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:  # its own __str__ fails
        return UNEXPLAINED


def failure(outcome: Outcome, *sentences: str) -> Result:
    return Result(f"Error: {' '.join(sentences)}", outcome)


def cut(text: str, most: int) -> str:
    """*text* as something that JSON can carry, of at most *most* bytes and a mark where it was cut."""
    if not isinstance(text, str):
        raise ToolError("it returned no text")
    encoded = text[:most].encode("utf-8", "replace")
    if len(text) <= most and len(encoded) <= most:
        return encoded.decode()
    kept = encoded[:most].decode("utf-8", "ignore")
    return f"{kept}\n[cut here: {len(kept)} of {len(text)} characters are shown]"
