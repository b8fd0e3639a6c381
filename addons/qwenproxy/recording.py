"""The events of a response as they pass on their way to the app: kept, without holding them up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from qwenproxy.endpoints.responses import stored
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Body
from qwenproxy.state.base import Ending, Entry, Store, Unusable
from qwenproxy.wire.openai import Json

log = logging.getLogger(__name__)

PAUSE = 0.05
"""Seconds in which events gather before the next are written."""
MOST = 1_000
"""Events that may wait to be written; then the stream does."""
TRIES = 150
"""How often a store that is away for a while is asked again: for five minutes, with two seconds between."""
LAST = tuple(b"event: response.%b\n" % status for status in (b"completed", b"incomplete", b"failed"))
"""How the event begins that ends a response."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a response is to be kept, and what leads to it."""

    owner: str
    asked: Json
    """The request, its references replaced by the items themselves."""
    state: Json | None
    """What the response says of it; None: nothing is stored here."""
    past: Sequence[Json] = ()
    input: Sequence[Json] = ()
    """The request's own items as they are kept."""
    previous: str | None = None
    conversation: str | None = None
    kept: bool = True
    background: bool = False
    unkept: Sequence[Json] = ()
    """Of the past, what is not stored by itself."""

    def entry(self, body: Json) -> Entry:
        """How the store gets it."""
        logged = bool(self.asked.get("stream"))
        asked = [*self.unkept, *self.input]
        return Entry(self.owner, body | {"output": []}, asked, self.previous, self.conversation, logged)


@dataclass
class Recorder:
    """Keeps one response by *plan*.  `on_lost` is called if it is ended or removed by somebody else."""

    store: Store
    plan: Plan
    on_lost: Callable[[], object] = lambda: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, whenever more is in the store."""
    _body: Json | None = None
    _output: list[Json] = field(default_factory=list)
    _waiting: list[bytes] = field(default_factory=list)
    _taken: int = 0
    _written: int = 0
    _added: bool = False
    _over: bool = False
    _writing: asyncio.Task[None] | None = None
    _ending: asyncio.Future[None] | None = None
    _forgetting: asyncio.Task[None] | None = None
    _begun: bool = False
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self, data: bytes) -> None:
        """Keep the first events, and have them in the store on return.  Raises ProxyError if that cannot be."""
        self._body = stored.payload(data.partition(b"\n\n")[0])["response"] | {"status": "in_progress"}
        await self._add()
        await self.take(data)
        await self.settle()
        self._begun = True

    async def take(self, data: bytes) -> None:
        """Keep the events in *data*, whole ones.  The one that ends the response is in the store on return."""
        for event in data.split(b"\n\n")[:-1]:
            if self._over or event.startswith(b":"):
                continue
            await self._take(event + b"\n\n")
        if self._waiting and not self._over:
            self._write_soon()
            if len(self._waiting) > MOST:
                await self.settle()

    async def _take(self, event: bytes) -> None:
        if self._body is None:
            self._body = stored.payload(event)["response"] | {"status": "in_progress"}
        self._output += stored.done_items([event])
        self._waiting.append(event)
        self._taken += 1
        if event.startswith(LAST):
            body = stored.payload(event)["response"]
            await self.end(body, body["output"])

    async def whole(self, body: Json) -> None:
        """Keep a response that is there as a whole."""
        self._body = body | {"status": "in_progress"}
        await self.end(body, body["output"])

    async def leave(self) -> None:
        """The app has left: what is not over is cancelled."""
        if self._body is not None and not self._over:
            await self.end(self._body | {"status": "cancelled"}, self._output)

    async def fail(self, error: ProxyError) -> None:
        """*error* ends it, if it is not over."""
        if self._body is not None and not self._over:
            body, event = stored.failed(self._body | {"output": self._output}, error, self._taken)
            self._waiting.append(event)
            await self.end(body, self._output)

    async def end(self, body: Json, output: Sequence[Json]) -> None:
        """It is over, and stored as such even if the caller is cancelled; what is not written yet goes with it."""
        if self._over:
            return
        self._over = True
        self._ending = asyncio.ensure_future(self._finish(body, output))
        await asyncio.shield(self._ending)

    async def _finish(self, body: Json, output: Sequence[Json]) -> None:
        await self.settle()
        try:
            await self._end(body, output)
        except ProxyError as e:
            self._lose(e)
        self._tell()

    async def _end(self, body: Json, output: Sequence[Json]) -> None:
        plan = self.plan
        if plan.kept:
            await self._add()
            events = self._waiting if plan.asked.get("stream") else ()
            ending = Ending(body, output, self._written, events)
            await self._reach(lambda: self.store.end(body["id"], ending))
        elif plan.conversation is not None and body["status"] in ("completed", "incomplete"):
            await self.store.extend(plan.owner, plan.conversation, [*plan.input, *output])

    async def settle(self) -> None:
        """Until all that has been taken is in the store."""
        if self._writing is not None:
            self._hurry.set()
            await asyncio.shield(self._writing)

    def _write_soon(self) -> None:
        if not self.plan.kept:
            self._waiting.clear()
        elif self._writing is None:
            self._hurry.clear()
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            await self._add()
            while self._waiting:
                await self._append()
                self._tell()
                if not self._over:
                    await self._gather()
        except ProxyError as e:
            self._lose(e)
            self._over = True
        finally:
            self._writing = None

    async def _add(self) -> None:
        if not self._added and self._body is not None:
            self._added = True
            await self.store.add(self.plan.entry(self._body))

    async def _append(self) -> None:
        events, self._waiting = self._waiting, []
        first, self._written = self._written, self._written + len(events)
        told = events if self.plan.asked.get("stream") else ()
        if not await self._reach(lambda: self.store.append(self._name, first, told)):
            self._over = True
            self.on_lost()

    async def _reach(self, job: Callable[[], Awaitable[bool]]) -> bool:
        """What the store says; once an app does not wait for it any more, it is asked again while it is away."""
        for _ in range(TRIES if self._begun else 0):
            try:
                return await job()
            except Unusable as e:
                if e.retry_after is None:
                    raise
                await asyncio.sleep(e.retry_after)
        return await job()

    def _lose(self, error: ProxyError) -> None:
        log.warning("response %s is not kept: %s", self._name, error.message)
        if self._added and error.retry_after is not None:
            self._forgetting = asyncio.create_task(self._forget(), name="forget half a response")

    async def _forget(self) -> None:
        """Take away what is stored of it, once that is possible: it would count as being made for ever."""
        self._begun = True
        with suppress(Unusable):
            await self._reach(lambda: self.store.remove(self.plan.owner, self._name))

    @property
    def _name(self) -> str:
        return str((self._body or {}).get("id"))

    async def _gather(self) -> None:
        try:
            async with asyncio.timeout(PAUSE):
                await self._hurry.wait()
        except TimeoutError:
            pass

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class RecordedBody:
    """A streamed answer that is kept as the app reads it; *on_end* is called at its end."""

    def __init__(self, body: Body, recorder: Recorder, on_end: Callable[[], object]) -> None:
        self._body = body
        self._recorder = recorder
        self._on_end = on_end

    @property
    def over(self) -> bool:
        return self._body.over

    async def read(self) -> bytes:
        data = await self._body.read()
        if data:
            await self._recorder.take(data)
        return data

    async def fail(self, error: ProxyError) -> bytes:
        data = await self._body.fail(error)
        if data:
            await self._recorder.take(data)
        return data

    async def close(self) -> None:
        """Is carried out even if its caller is cancelled."""
        self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        try:
            await self._body.close()
        finally:
            await self._recorder.leave()
            self._on_end()
