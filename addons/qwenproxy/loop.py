"""Rounds upon rounds: the model calls our tools, reads what they gave, and goes on, all in one answer of the app's.

The app sees one answer: words as they come, one role, one finish, the usage of all rounds together, and of the calls
only those of its own tools.  While tools run nothing is said; comments keep the connection awake as in any silence.
What a limit, a choice or a mode makes of it is in the table of `toolsets`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from qwenproxy import toolsets
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.rounds import Source, total
from qwenproxy.toolsets import Toolset
from qwenproxy.turn import Called, Manner, Told, Turn, result_message
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

OUT_OF_TIME = "Error: the time for tools is over; this call was stopped. Answer without it."
STOPPED, OK = "timeout", "ok"
"""Outcomes of calls: the time was over; all went well."""
NOTED = 200
"""Characters of a call's arguments that a note shows."""

type Open = Callable[[Json, frozenset[str]], Awaitable[tuple[Source, Sequence[ChatEvent]]]]
"""Opens a round for a request, of which these tools are ours."""
type Keep = Callable[[Sequence[str], Sequence[Json]], object]
"""Takes the ids of the app's calls, and the messages that say it all."""


class Result(Protocol):
    """What came of a call."""

    @property
    def text(self) -> str:
        """What the model reads."""
        ...

    @property
    def outcome(self) -> str:
        """How it ended, in a word."""
        ...


class Kit(Protocol):
    """The tools that are on for one exchange."""

    @property
    def functions(self) -> Sequence[Json]:
        """They, as a chat request offers them."""
        ...

    async def run(self, name: str, arguments: str) -> Result:
        """What comes of one call.  Raises nothing but CancelledError."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """After what the model has to answer without further calls: rounds, seconds, tokens of all rounds together."""

    rounds: int
    seconds: float
    tokens: int


class Loop:
    """The rounds of one answer, as a source of its events."""

    def __init__(
        self, toolset: Toolset, kit: Kit, open: Open, keep: Keep, record: Record, limits: Limits, *, notes: bool = False
    ) -> None:
        """*notes*: the app reads of our calls, as reasoning."""
        chat = toolset.chat
        self._chat = chat
        self._ours = toolset.ours
        self._kit = kit
        self._open = open
        self._keep = keep
        self._record = record
        self._limits = limits
        self._notes = notes
        own = toolsets.offered(toolsets.without(chat, toolset.ours))
        self._manner = Manner(own, chat.get("parallel_tool_calls") is False, toolsets.wants_json(chat))
        self._told = Told()
        self._usages: list[Json] = []
        self._said: list[Json] = []
        """Messages of the rounds so far."""
        self._rounds = 0
        self._deadline = asyncio.get_running_loop().time() + limits.seconds
        self._source: Source | None = None
        self._repairs: list[str] = []
        self._playing = self._play()

    async def read(self) -> Sequence[ChatEvent]:
        """The next events for the app.  Raises ProxyError as long as it has nothing."""
        try:
            return await anext(self._playing)
        except StopAsyncIteration:
            return ()
        except ProxyError as error:
            if not self._told.anything:
                raise
            return [error]

    async def close(self) -> None:
        await self._playing.aclose()
        await self._leave()

    @property
    def started(self) -> bool:
        return self._told.anything

    @property
    def repairs(self) -> Sequence[str]:
        return [*self._repairs, *(self._source.repairs if self._source is not None else ())]

    async def _play(self) -> AsyncGenerator[Sequence[ChatEvent]]:
        while True:
            limit = self._limit()
            turn = Turn(self._manner, self._told)
            told: list[ChatEvent] = []
            events = await self._begin(limit)
            while events:
                told += turn.hear(events)
                if told and (turn.failed or not turn.ended):  # else all of it is in: the rest goes with the end
                    yield told
                    told = []
                if turn.failed:
                    return
                events = await self._heard()
            if turn.usage is not None:
                self._usages.append(turn.usage)
            calls = () if limit else turn.ours
            if not calls:
                break
            if told := [*told, *self._noted(calls)]:
                yield told
                told = []
            await self._leave()
            self._said += [turn.message(calls), *await self._run(calls)]
            if turn.apps:
                break
        if turn.apps and self._said:  # the app sees less of its answer than the model has said
            self._keep(turn.apps, self._said if calls else [*self._said, turn.message(())])
        yield [*told, *turn.close(), *([Usage(total(self._usages))] if self._usages else ())]

    async def _begin(self, limit: str) -> Sequence[ChatEvent]:
        """Open the next round, and return its first events; *limit*: why it is the last one."""
        chat = self._chat | {"messages": [*self._chat["messages"], *self._said]}
        if limit:
            chat = toolsets.concluding(chat, self._ours)
            self._repairs.append(f"tools: no more calls, the limit of {limit} is reached")
        self._rounds += 1
        self._source, first = await self._open(chat, self._ours)
        return first or await self._source.read()

    async def _heard(self) -> Sequence[ChatEvent]:
        return await self._source.read() if self._source is not None else ()

    async def _leave(self) -> None:
        """Be done with the round."""
        source, self._source = self._source, None
        if source is not None:
            await source.close()
            self._repairs += source.repairs

    def _noted(self, calls: Sequence[Called]) -> Sequence[ChatEvent]:
        """What the app reads of *calls*, if anything."""
        return [Delta(0, {"reasoning_content": note(call)}) for call in calls] if self._notes else ()

    def _limit(self) -> str:
        """The limit that is reached; "" if none is."""
        if self._rounds >= self._limits.rounds:
            return "rounds"
        if asyncio.get_running_loop().time() >= self._deadline:
            return "time"
        return "tokens" if total(self._usages).get("total_tokens", 0) >= self._limits.tokens else ""

    async def _run(self, calls: Sequence[Called]) -> list[Json]:
        """Make *calls* side by side, and return their results as messages.  Cancelled, it leaves none running."""
        if not calls:
            return []
        tasks = [asyncio.ensure_future(self._call(call)) for call in calls]
        left = self._deadline - asyncio.get_running_loop().time()
        try:
            done, _ = await asyncio.wait(tasks, timeout=max(0.0, left))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return [
            self._result(call, task.result() if task in done else None) for call, task in zip(calls, tasks, strict=True)
        ]

    async def _call(self, call: Called) -> Result:
        trace = self._record.trace
        if trace is None:
            return await self._kit.run(call.name, call.arguments)
        step, outcome = trace.tool(call.name, call.id), STOPPED
        try:
            result = await self._kit.run(call.name, call.arguments)
            outcome = str(result.outcome)
        finally:
            step.end("" if outcome == OK else outcome)
        return result

    def _result(self, call: Called, result: Result | None) -> Json:
        self._record.ran(call.name, STOPPED if result is None else str(result.outcome))
        return result_message(call, OUT_OF_TIME if result is None else result.text)


def note(call: Called) -> str:
    """A line about *call*."""
    shown = call.arguments if len(call.arguments) <= NOTED else f"{call.arguments[:NOTED]}…"
    return f"\n[{call.name} {shown}]\n"
