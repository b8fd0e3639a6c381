"""One app request with its rounds: plain async code, without mitmproxy.

    call -> rulings -> dialect -> rounds -> reader -> writer -> app

Before the app has its first byte, what can be mended is mended and the round opened again: a refused token and a
dropped connection (upstream.py), what a refusal teaches about the model (`corrections`), an answer that says nothing.
"""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from qwenproxy import sse
from qwenproxy.dialects import corrections, thinking
from qwenproxy.dialects.draft import Ruled
from qwenproxy.dialects.rulings import rule
from qwenproxy.endpoints.base import Call
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.lines import Line
from qwenproxy.models import Row
from qwenproxy.record import Record
from qwenproxy.rounds import Fan, Source, Strand
from qwenproxy.service import Service
from qwenproxy.wire.openai import ChatEvent, Head, Json

CORRECTIONS = 3
"""Faults of one request that may be learned and mended in turn, each once."""

EVENT_STREAM = "text/event-stream; charset=utf-8"


class Body(Protocol):
    """A live body: read piece by piece, and closed in any case."""

    async def read(self) -> bytes:
        """The next bytes for the app; b"" at the end."""
        ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Answer:
    """What the app gets: a whole body, or a live one, kept awake by a comment every *heartbeat* seconds (0: never)."""

    status: int
    headers: dict[str, str]
    body: bytes | Body
    heartbeat: float = 0.0


class Exchange:
    """One app request on its way to the upstream and back."""

    def __init__(self, service: Service, call: Call, head: Head, record: Record, *, agent: str) -> None:
        self.record = record
        self._service = service
        self._call = call
        self._head = head
        self._app = agent
        self._images = has_images(call.chat)

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
        self.record.changed += tuple(source.repairs)
        body = orjson.dumps(self._call.whole(self._head, events))
        return Answer(200, {"content-type": "application/json"} | headers_of(self.record), body)

    async def _begin(self) -> tuple[Source, Sequence[ChatEvent]]:
        """Open the rounds on the first line that answers, and wait for their first events."""
        return await self._service.first(self._service.usable(), self._on)

    async def _on(self, line: Line) -> tuple[Source, Sequence[ChatEvent]]:
        """Open the rounds on *line*, mending what can be mended."""
        model = self.record.used = line.resolve(self._call.model, images=self._images)
        row = line.row(model)
        chat = self._call.chat | {"model": model}
        settings = self._service.settings
        refuse = settings.unsupported == "refuse"
        tried, empty = [row], False
        while True:
            ruled = rule(chat, row, refuse=refuse, unsaid=line.dialect.unsaid, cache_markers=settings.cache_markers)
            self.record.ruled(ruled.dropped, ruled.changed)
            try:
                return await self._attempt(line, ruled, row)
            except SaidNothing as e:
                if empty:
                    raise e.error from None
                empty = True
            except ProxyError as e:
                better = corrections.learn(e.message, row)
                if better is None or better in tried or len(tried) > CORRECTIONS:
                    raise
                tried.append(better)
                self.record.taught(corrections.difference(row, better))
                line.learn(model, better)
                row = better

    async def _attempt(self, line: Line, ruled: Ruled, row: Row) -> tuple[Source, Sequence[ChatEvent]]:
        strands: list[Strand] = []
        try:
            await self._open(line, ruled, row, strands)
            source: Source = strands[0] if len(strands) == 1 else Fan(strands)
            first = list(await source.read())
            while not (self._call.stream or source.started) and (more := await source.read()):
                first += more  # nothing has been sent to the app, so an answer that says nothing can be asked for again
            if not source.started and first and isinstance(error := first[-1], ProxyError):
                raise SaidNothing(error) if error.failure is UPSTREAM_CUT else error
        except BaseException:
            for strand in strands:
                await strand.close()
            raise
        self.record.first_event()
        return source, first

    async def _open(self, line: Line, ruled: Ruled, row: Row, strands: list[Strand]) -> None:
        """Add the rounds of one attempt to *strands*: the first alone, as what it is refused for all would be."""

        async def add(choice: int) -> None:
            strands.append(await self._strand(line, ruled, row, choice))

        await add(0)
        if ruled.calls == 1:
            return
        for failed in await asyncio.gather(*map(add, range(1, ruled.calls)), return_exceptions=True):
            if failed is not None:
                raise failed

    async def _strand(self, line: Line, ruled: Ruled, row: Row, choice: int) -> Strand:
        dialect = line.dialect
        request = dialect.request(ruled.chat_for(choice), row, stream=ruled.stream or self._call.stream)
        self.record.rounds += 1
        answer = await line.open(request, self._app, self.record.transcript)
        think = thinking.leak(ruled.chat, row)
        reader = dialect.reader(answer.content_type, tools=offered(ruled.chat), new_id=new_call_id, think=think)
        return Strand(answer, reader, choice, ruled.tool_names, forced(ruled.chat))


class StreamedBody:
    """A streamed answer in the app's own events."""

    def __init__(
        self,
        exchange: Exchange,
        begun: asyncio.Future[tuple[Source, Sequence[ChatEvent]]],
        call: Call,
        head: Head,
    ) -> None:
        self._record = exchange.record
        self._begun = begun
        self._writer = call.writer(head)
        self._source: Source | None = None
        self._awake = begun.done()
        self._ended = False

    async def read(self) -> bytes:
        """The next events, all that are ready; b"" at the end."""
        if not self._awake:
            self._awake = True
            return sse.KEEP_ALIVE  # a heartbeat has passed by now
        while not self._ended:
            events = await self._events()
            out = self._writer.write(events)
            last = events[-1] if events else None
            if last is None:
                self._ended = True
                out += self._writer.end()
            else:
                self._record.heard(events[-1:])
                self._ended = isinstance(last, ProxyError)
            if out:
                return out
        return b""

    async def close(self) -> None:
        """End the rounds; those that are not over are cancelled.  Is carried out even if its caller is cancelled."""
        self._closing = asyncio.ensure_future(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        begun = self._begun
        if self._source is None and not begun.cancel() and not begun.cancelled() and begun.exception() is None:
            self._source = begun.result()[0]
        if self._source is not None:
            await self._source.close()
            self._record.changed += tuple(self._source.repairs)
        self._record.close(cut=not self._ended)

    async def _events(self) -> Sequence[ChatEvent]:
        if self._source is not None:
            return await self._source.read()
        try:
            self._source, first = await self._begun
        except ProxyError as e:
            return [e]
        return first


class SaidNothing(Exception):
    """An answer that broke off before it said anything: worth a second try."""

    def __init__(self, error: ProxyError) -> None:
        super().__init__(error.message)
        self.error = error


def offered(chat: Json) -> frozenset[str]:
    """The names of the functions that *chat* offers."""
    return frozenset(tool["function"]["name"] for tool in chat.get("tools") or ())


def forced(chat: Json) -> frozenset[str]:
    """The names of the functions one of which the answer to *chat* has to call; none if it is free."""
    choice = chat.get("tool_choice")
    if isinstance(choice, dict):
        return frozenset([choice["function"]["name"]])
    return offered(chat) if choice == "required" else frozenset()


def new_call_id() -> str:
    """An id for a tool call, in OpenAI's form."""
    return f"call_{uuid.uuid4().hex[:24]}"


def has_images(chat: Json) -> bool:
    """Whether a message of *chat* holds an image."""
    return any(
        part["type"] == "image_url"
        for message in chat["messages"]
        if isinstance(message.get("content"), list)
        for part in message["content"]
    )


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
    return "".join(c if " " <= c <= "~" else "?" for c in text[:500])
