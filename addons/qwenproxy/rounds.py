"""Rounds as sources of chat events: one alone, or several at once for several choices."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from typing import Protocol

import orjson

from qwenproxy.dialects.base import Reader
from qwenproxy.errors import INTERNAL, UPSTREAM_GARBLED, ProxyError
from qwenproxy.upstream import Round
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

log = logging.getLogger(__name__)


class Source(Protocol):
    """Chat events as they come; after a ProxyError nothing more."""

    async def read(self) -> Sequence[ChatEvent]:
        """The next events, at least one; none at the end."""
        ...

    async def close(self) -> None: ...

    @property
    def started(self) -> bool:
        """Whether anything has been said yet; a role is nothing."""
        ...

    @property
    def repairs(self) -> Sequence[str]:
        """What was put right in what has been read."""
        ...


LARGEST = 128 * 1024 * 1024
"""Bytes of an answer that is held until its end."""
EVENT_COST = 256
"""Bytes that an event counts beside what it says: so many it takes in memory."""
NOT_CALLED = "tool_choice: no call of what had to be called came"


class Strand:
    """One round, read by its dialect's reader."""

    def __init__(
        self,
        answer: Round,
        reader: Reader,
        choice: int,
        names: Mapping[str, str],
        forced: frozenset[str] = frozenset(),
    ) -> None:
        """*choice*: its index in the app's answer.  *names*: functions by their names upstream -> the app's names.

        *forced*: functions, by their names upstream, one of which the answer has to call; none if it is free.
        """
        self.reader = reader
        self.choice = choice
        self._answer = answer
        self._names = names
        self._forced = forced
        """Empty as soon as one of them is called."""
        self._uncalled = False
        self._broken = False
        if answer.entry is not None:
            answer.entry.read_by(choice, lambda: self.repairs)

    async def read(self) -> Sequence[ChatEvent]:
        while not (self.reader.finished or self._broken):
            try:
                data = await self._answer.read()
            except ProxyError as e:
                self._broken = True
                if not self.reader.answered:
                    return [e]
                data = b""
            events = self.reader.feed(data)
            if self._answer.ended and not self.reader.finished:
                events = [*events, *self.reader.feed(b"")]
            if events:
                if self.reader.finished and isinstance(events[-1], ProxyError):
                    self._answer.masked(events[-1])
                if self._forced:
                    self._look_for_a_call(events)
                return [self._renamed(event) for event in events] if self._names else events
        return ()

    @property
    def started(self) -> bool:
        return self.reader.started

    @property
    def repairs(self) -> Sequence[str]:
        return [*self.reader.repairs, NOT_CALLED] if self._uncalled else self.reader.repairs

    def _look_for_a_call(self, events: Sequence[ChatEvent]) -> None:
        """Sees whether a choice that says it is complete has called what it had to: some servers pass that over."""
        for event in events:
            if isinstance(event, Delta):
                if any(name_of(call) in self._forced for call in event.delta.get("tool_calls", ())):
                    self._forced = frozenset()
                    return
                self._uncalled = self._uncalled or event.finish_reason in ("stop", "tool_calls")

    def _renamed(self, event: ChatEvent) -> ChatEvent:
        if not isinstance(event, Delta) or "tool_calls" not in event.delta:
            return event
        calls = [self._call(call) for call in event.delta["tool_calls"]]
        return event._replace(delta=event.delta | {"tool_calls": calls})

    def _call(self, call: Json) -> Json:
        name = name_of(call)
        return call | {"function": call["function"] | {"name": self._names.get(name, name)}} if name else call

    async def close(self) -> None:
        await self._answer.close(drain=self.reader.finished)


class Around:
    """A source that is *source*, but for what it says of its events."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def close(self) -> None:
        await self._source.close()

    @property
    def started(self) -> bool:
        return self._source.started

    @property
    def repairs(self) -> Sequence[str]:
        return self._source.repairs


class Bounded(Around):
    """A source whose events are held until its end: one that grows beyond `LARGEST` ends in an error."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._room = LARGEST

    async def read(self) -> Sequence[ChatEvent]:
        if self._room < 0:
            return ()
        events = await self._source.read()
        self._room -= size(events)
        if self._room < 0:
            return [ProxyError(UPSTREAM_GARBLED, f"The upstream's answer is larger than {LARGEST} bytes.")]
        return events


class Gathering:
    """The events of several works at once: totals are summed and come last, one failure fails all.

    *room*: how often works may put something in before anybody reads; then they wait.
    """

    def __init__(self, room: int) -> None:
        self._queue: asyncio.Queue[Sequence[ChatEvent]] = asyncio.Queue(maxsize=room)
        self._tasks: list[asyncio.Task[None]] = []
        self._open = 0
        self._usage: list[Json] = []

    def start(self, works: Sequence[Coroutine[None, None, None]]) -> None:
        self._open = len(works)
        self._tasks = [asyncio.create_task(self._guarded(work)) for work in works]

    async def put(self, events: Sequence[ChatEvent]) -> None:
        """What a work has to tell."""
        await self._queue.put(events)

    async def read(self) -> Sequence[ChatEvent]:
        """The next events; none at the end."""
        while self._open:
            events = await self._queue.get()
            if not events:
                self._open -= 1
            elif told := self.told(events):
                return told
        usage, self._usage = self._usage, []
        return [Usage(total(usage))] if usage else ()

    def told(self, events: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        """*events* without the totals, which come last; nothing after an error."""
        told: list[ChatEvent] = []
        for event in events:
            if isinstance(event, Usage):
                self._usage.append(event.usage)
                continue
            told.append(event)
            if isinstance(event, ProxyError):
                self._open = 0
                self._usage.clear()
                break
        return told

    async def close(self) -> None:
        """Stop the works."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _guarded(self, work: Coroutine[None, None, None]) -> None:
        """Does *work*, and says that it is over; a failure is an event like any other."""
        try:
            await work
        except ProxyError as e:
            await self._queue.put([e])
        except Exception:  # a fault of ours: the app must hear of it rather than wait for ever
            log.exception("internal error in the proxy")
            await self._queue.put([ProxyError(INTERNAL, "internal error in the proxy")])
        await self._queue.put(())


class Fan:
    """Several rounds at once: each gives one choice."""

    def __init__(self, strands: Sequence[Strand]) -> None:
        self._strands = strands
        self._gathering = Gathering(room=len(strands))
        self._gathering.start([self._pump(strand) for strand in strands])

    async def read(self) -> Sequence[ChatEvent]:
        return await self._gathering.read()

    @property
    def started(self) -> bool:
        return any(strand.reader.started for strand in self._strands)

    @property
    def repairs(self) -> Sequence[str]:
        return [repair for strand in self._strands for repair in strand.repairs]

    async def close(self) -> None:
        await self._gathering.close()
        for strand in self._strands:
            await strand.close()

    async def _pump(self, strand: Strand) -> None:
        while events := await strand.read():
            told = [e._replace(choice=strand.choice) if isinstance(e, Delta) else e for e in events]
            await self._gathering.put(told)


def size(events: Sequence[ChatEvent]) -> int:
    """The bytes that *events* count."""
    total = EVENT_COST * len(events)
    for event in events:
        if type(event) is Delta:
            for said in event.delta.values():
                total += len(said) if type(said) is str else len(orjson.dumps(said))
            if event.logprobs is not None:
                total += len(orjson.dumps(event.logprobs))
    return total


def name_of(call: Json) -> str:
    """The function that a piece of a call names; "" if it names none."""
    name = (call.get("function") or {}).get("name")
    return name if isinstance(name, str) else ""


def total(usages: Sequence[Json]) -> Json:
    """The sum of several `usage` objects, details included.

    The prompt is counted as often as it was sent, since that is what is paid for.
    """
    result: Json = {}
    for usage in usages:
        for name, value in usage.items():
            if isinstance(value, dict):
                result[name] = total([result.get(name, {}), value])
            elif isinstance(value, int | float):
                result[name] = result.get(name, 0) + value
    return result
