"""How the rounds of an exchange are opened: rulings, dialect, line, and what can be mended before the app has a byte.

chat -> rulings -> dialect -> rounds -> reader -> events
"""

import asyncio
import uuid
from collections.abc import Sequence

from qwenproxy import toolsets
from qwenproxy.dialects import corrections, thinking
from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.draft import Ruled
from qwenproxy.dialects.rulings import rule
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.lines import Line
from qwenproxy.models import Row
from qwenproxy.record import Record
from qwenproxy.rounds import Bounded, Fan, Source, Strand
from qwenproxy.service import Service
from qwenproxy.wire.openai import ChatEvent, Json

CORRECTIONS = 3
"""Faults of one request that may be learned and mended in turn, each once."""

EMPTY, CORRECTED = "empty_answer", "request_corrected"
"""Why a round is made anew."""

type Opened = tuple[Source, Sequence[ChatEvent]]
"""The events of an answer, and those that are there already."""


class Opening:
    """Opens the rounds of one exchange, all for the app that calls itself *agent*."""

    def __init__(self, service: Service, record: Record, *, model: str, agent: str, stream: bool) -> None:
        """*model*: as the app calls it.  *stream*: the app takes its answer as it comes."""
        self.notes: tuple[str, ...] = ()
        """What was changed before the rulings: told with what they change."""
        self.dropped: tuple[str, ...] = ()
        """What was left out before the rulings, by name: told with what they leave out."""
        self.holds = not stream
        """All of an answer is held until its end, so that it may not be of any size."""
        self._service = service
        self._record = record
        self._model = model
        self._app = agent
        self._stream = stream

    async def open(self, chat: Json, ours: frozenset[str] = frozenset()) -> Opened:
        """The answer to *chat*, as soon as its first events are there, from the first line that answers.

        *ours*: the proxy's own tools among those in *chat*.  Raises ProxyError.
        """
        return await self._service.first(self._service.usable(), lambda line: self._on(line, chat, ours), self._record)

    async def _on(self, line: Line, chat: Json, ours: frozenset[str]) -> Opened:
        """Open the rounds on *line*, mending what can be mended."""
        model = line.resolve(self._model, images=has_images(chat))
        self._record.asks(model, line.dialect.name, line.upstream.base_url)
        row = line.row(model)
        chat = (chat if row.tools else toolsets.without(chat, ours)) | {"model": model}
        settings = self._service.settings
        refuse = settings.unsupported == "refuse"
        tried, empty = [row], False
        while True:
            ruled = rule(chat, row, refuse=refuse, unsaid=line.dialect.unsaid, cache_markers=settings.cache_markers)
            self._record.ruled((*self.dropped, *ruled.dropped), (*self.notes, *ruled.changed))
            try:
                return await self._attempt(line, ruled, row)
            except SaidNothing as e:
                if empty:
                    raise e.error from None
                empty = True
                self._record.retried(EMPTY)
            except ProxyError as e:
                better = corrections.learn(e.message, row)
                if better is None or better in tried or len(tried) > CORRECTIONS:
                    raise
                tried.append(better)
                self._record.taught(corrections.difference(row, better))
                self._record.retried(CORRECTED)
                line.learn(model, better)
                row = better

    async def _attempt(self, line: Line, ruled: Ruled, row: Row) -> Opened:
        strands: list[Strand] = []
        try:
            await self._strands(line, ruled, row, strands)
            source: Source = strands[0] if len(strands) == 1 else Fan(strands)
            source = Bounded(source) if self.holds else source
            first = list(await source.read())
            while not (self._stream or source.started) and (more := await source.read()):
                first += more  # nothing has been sent to the app, so an answer that says nothing can be asked for again
            if not source.started and first and isinstance(error := first[-1], ProxyError):
                raise SaidNothing(error) if error.failure is UPSTREAM_CUT else error
        except BaseException:  # cancelled, too: the upstream must not go on for nobody
            for strand in strands:
                await strand.close()
            raise
        self._record.first_event()
        return source, first

    async def _strands(self, line: Line, ruled: Ruled, row: Row, strands: list[Strand]) -> None:
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
        request = self._request(dialect, ruled.chat_for(choice), row, stream=ruled.stream or self._stream)
        self._record.rounds += 1
        answer = await line.open(request, self._app, self._record)
        think = thinking.leak(ruled.chat, row)
        reader = dialect.reader(
            answer.content_type, tools=toolsets.offered(ruled.chat), new_id=new_call_id, think=think
        )
        return Strand(answer, reader, choice, ruled.tool_names, toolsets.forced(ruled.chat))

    def _request(self, dialect: Dialect, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        """The call for the ruled *chat*."""
        return dialect.request(chat, row, stream=stream)


class SaidNothing(Exception):
    """An answer that broke off before it said anything: worth a second try."""

    def __init__(self, error: ProxyError) -> None:
        super().__init__(error.message)
        self.error = error


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
