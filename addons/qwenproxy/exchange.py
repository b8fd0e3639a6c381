"""One app request with its rounds: plain async code, without mitmproxy.

call -> rounds, as `opening` opens them and `loop` goes on with them -> writer -> app
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict, Unpack

import orjson

from qwenproxy import sse, toolsets
from qwenproxy.endpoints.base import Call
from qwenproxy.errors import UPSTREAM_TIMEOUT, ProxyError
from qwenproxy.loop import Kit, Limits, Loop
from qwenproxy.opening import Opened, Opening
from qwenproxy.record import Record
from qwenproxy.rounds import Source
from qwenproxy.service import Service
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json

WOVEN = "messages: earlier calls of the proxy's own tools put back"
"""The note on it."""

EVENT_STREAM = "text/event-stream; charset=utf-8"


class Body(Protocol):
    """A live body: read piece by piece, and closed in any case."""

    @property
    def over(self) -> bool:
        """Whether what was read is known to be all."""
        ...

    async def read(self) -> bytes:
        """The next bytes for the app; b"" at the end."""
        ...

    async def fail(self, error: ProxyError) -> bytes:
        """Break it off: what tells the app of *error*; b"" if nothing can.  Nothing is being read meanwhile."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Answer:
    """What the app gets: a whole body, or a live one, kept awake by a comment every *heartbeat* seconds (0: never)."""

    status: int
    headers: dict[str, str]
    body: bytes | Body
    heartbeat: float = 0.0


class Asker(TypedDict):
    """Who asks: its User-Agent, whose it is, and the proxy's tools that are on for it."""

    agent: str
    client: NotRequired[str]
    kit: NotRequired[Kit | None]


class Exchange:
    """One app request on its way to the upstream and back."""

    def __init__(self, service: Service, call: Call, head: Head, record: Record, **asker: Unpack[Asker]) -> None:
        self.record = record
        self._service = service
        self._call = call
        self._head = head
        self._client = asker.get("client", "")
        self._opening = Opening(service, record, model=call.model, agent=asker["agent"], stream=call.stream)
        self._opening.dropped = tuple(call.dropped)
        self._take(call.chat)
        self._loop = self._looped(asker.get("kit"))
        self._opening.holds |= call.sums_up or self._loop is not None
        self.seconds = service.settings.exchange_timeout
        """How long it may take; 0: any time."""
        if record.trace is not None:
            record.trace.asked(self._chat)

    async def open(self) -> Answer:
        """The answer; for a stream, as soon as its first event is there, or a heartbeat is due.

        Raises ProxyError as long as the app has nothing.
        """
        if not self._call.stream:
            return await self._whole()
        begun = asyncio.ensure_future(self._begin())
        try:
            await asyncio.wait({begun}, timeout=self._service.settings.heartbeat or None)
        except asyncio.CancelledError:
            begun.cancel()
            raise
        if begun.done():
            begun.result()
        headers = {"content-type": EVENT_STREAM, "cache-control": "no-cache"} | headers_of(self.record)
        return Answer(200, headers, StreamedBody(self, begun, self._call, self._head), self._service.settings.heartbeat)

    async def _whole(self) -> Answer:
        source, first = await self._begin()
        events = list(first)
        try:
            while more := await source.read():
                events += more
        finally:
            await source.close()
        if events and isinstance(events[-1], ProxyError):
            raise events[-1]
        self.record.heard(events)
        if self.record.trace is not None:
            self.record.trace.heard(events)
        self.record.mended(source.repairs)
        body = orjson.dumps(self._call.whole(self._head, events))
        return Answer(200, {"content-type": "application/json"} | headers_of(self.record), body)

    async def _begin(self) -> Opened:
        """Open the rounds, and wait for their first events for as long as they may take.  Raises ProxyError."""
        seconds = self._service.settings.opening_timeout or None
        try:
            async with asyncio.timeout(seconds) as time:
                return await self._opened()
        except TimeoutError:
            if not time.expired():
                raise
            message = f"the answer had not begun within {seconds:g} s (setting opening_timeout)"
            raise ProxyError(UPSTREAM_TIMEOUT, message, limit="opening_timeout") from None

    async def _opened(self) -> Opened:
        """The rounds, opened on the first line that answers, with their first events."""
        if self._loop is None:
            return await self._opening.open(self._chat)
        try:
            return self._loop, await self._loop.read()
        except BaseException:  # cancelled, too: its rounds and tools must not go on for nobody
            await self._loop.close()
            raise

    def _take(self, chat: Json) -> None:
        """Have *chat* be what is answered."""
        self._asked = chat
        self._chat = self._woven(chat)

    def _woven(self, chat: Json) -> Json:
        """The app's request, with what the app has not seen of earlier answers."""
        messages: list[Json] = chat["messages"]
        woven = self._service.continuations.woven(self._client, messages)
        if woven is messages:
            return chat
        self._opening.notes += (WOVEN,)
        return chat | {"messages": woven}

    def _looped(self, kit: Kit | None) -> Loop | None:
        """The loop, if the tools of *kit* are on in this exchange."""
        toolset = toolsets.joined(self._chat, kit.functions) if kit is not None else None
        if kit is None or toolset is None:
            return None
        if toolset.note:
            self._opening.notes += (toolset.note,)
        if not toolset.ours:
            return None
        settings = self._service.settings
        limits = Limits(settings.tool_rounds, settings.tool_time, settings.tool_tokens)
        notes = settings.tool_notes == "reasoning"
        return Loop(toolset, kit, self._opening.open, self._keep, self.record, limits, notes=notes)

    def _keep(self, calls: Sequence[str], messages: Sequence[Json]) -> None:
        """Have what the app does not see of its answer ready for when it goes on from there."""
        self._service.continuations.keep(self._client, self._asked["messages"], calls, messages)


class StreamedBody:
    """A streamed answer in the app's own events."""

    def __init__(
        self,
        exchange: Exchange,
        begun: asyncio.Future[Opened],
        call: Call,
        head: Head,
    ) -> None:
        self._record = exchange.record
        self._trace = exchange.record.trace
        self._begun = begun
        self._writer = call.writer(head)
        self._source: Source | None = None
        self._awake = begun.done()
        self._ended = False
        self._late: ProxyError | None = None
        self._limit = exchange.seconds
        left = self._limit - exchange.record.elapsed_ms() / 1000
        self._timer = asyncio.get_running_loop().call_later(left, self._time_up) if self._limit else None

    @property
    def over(self) -> bool:
        return self._ended

    async def read(self) -> bytes:
        """The next events, all that are ready; b"" at the end."""
        if not self._awake:
            self._awake = True
            return sse.KEEP_ALIVE  # a heartbeat has passed by now
        while not self._ended:
            events = [self._late] if self._late else await self._events()
            out = self._writer.write(events)
            last = events[-1] if events else None
            if last is None:
                self._ended = True
                out += self._writer.end()
            elif not isinstance(last, Delta):
                self._record.heard((last,))
                self._ended = isinstance(last, ProxyError)
            if self._trace is not None:
                self._trace.heard(events)
            if out:
                return out
        return b""

    async def fail(self, error: ProxyError) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        self._record.failed(error)
        return self._writer.write([error])

    async def close(self) -> None:
        """End the rounds; those that are not over are cancelled.  Is carried out even if its caller is cancelled."""
        self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    def _time_up(self) -> None:
        message = f"the answer was not complete within {self._limit:g} s (setting exchange_timeout)"
        self._late = ProxyError(UPSTREAM_TIMEOUT, message, limit="exchange_timeout")

    async def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        begun = self._begun
        if self._source is None and not begun.cancel() and not begun.cancelled() and begun.exception() is None:
            self._source = begun.result()[0]
        try:
            if self._source is not None:
                await self._source.close()
                self._record.mended(self._source.repairs)
        finally:
            self._record.close(cut=not self._ended)

    async def _events(self) -> Sequence[ChatEvent]:
        if self._source is not None:
            return await self._source.read()
        try:
            self._source, first = await self._begun
        except ProxyError as e:
            return [e]
        return first


def headers_of(record: Record) -> dict[str, str]:
    """What the headers tell the app of its exchange."""
    told = {
        "x-request-id": record.id,
        "x-qwenproxy-model": record.used,
        "x-qwenproxy-dropped": ", ".join(record.dropped),
        "x-qwenproxy-learned": ", ".join(record.learned),
        "openai-processing-ms": str(record.elapsed_ms()),
        "openai-version": "2020-10-01",
    }
    return {name: header_text(value) for name, value in told.items() if value}


def header_text(text: str) -> str:
    """*text* as a header value: printable ASCII only, whatever an app calls its model."""
    text = text[:500]
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if " " <= c <= "~" else "?" for c in text)
