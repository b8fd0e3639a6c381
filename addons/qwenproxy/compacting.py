"""One app request whose conversation is summed up by the model first, and answered then: rounds of one exchange."""

from collections.abc import Sequence
from typing import Unpack

from qwenproxy.endpoints.base import Call
from qwenproxy.endpoints.responses import compaction
from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.endpoints.responses.output import COMPACTION
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Asker, Exchange
from qwenproxy.opening import Opened
from qwenproxy.record import Record
from qwenproxy.rounds import Around, Source, total
from qwenproxy.service import Service
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json, Usage

NOTE = "input: summed up, since it was longer than compact_threshold"


class Compacting(Exchange):
    """Sums up the conversation of *compacts*, the call that *call* is or begins, before it is answered."""

    def __init__(
        self,
        service: Service,
        call: Call,
        head: Head,
        record: Record,
        *,
        compacts: ResponsesCall,
        **asker: Unpack[Asker],
    ) -> None:
        self._kit = asker.pop("kit", None)  # for what is left when the summary is there
        super().__init__(service, call, head, record, **asker)
        self._compacts = compacts

    async def _begin(self) -> Opened:
        """Have the summary, and open the rounds that answer what it leaves."""
        text, usage = await self._summed_up()
        sealed = self._compacts.compact(text)
        self._take(self._compacts.chat)
        self._loop = self._looped(self._kit)
        self._opening.notes += (NOTE,)
        source, events = await super()._begin()
        led = Led(source, usage)
        return led, [Delta(0, {COMPACTION: sealed}), *led.counted(events)]

    async def _summed_up(self) -> tuple[str, Json]:
        """The summary, and what it took.  Raises ProxyError."""
        source, events = await self._opening.open(self._woven(compaction.leading(self._compacts.chat)))
        said: list[str] = []
        usage: Json = {}
        finish = None
        try:
            while events:
                for event in events:
                    if isinstance(event, ProxyError):
                        raise event
                    if isinstance(event, Usage):
                        usage = event.usage
                    elif not event.choice:
                        said.append(event.delta.get("content") or "")
                        finish = event.finish_reason or finish
                events = await source.read()
        finally:
            await source.close()
        text = "".join(said)
        if finish not in ("stop", "tool_calls") or not text.strip():
            raise compaction.UNDONE
        return text, usage


class Led(Around):
    """A source whose totals count what was used before it, too."""

    def __init__(self, source: Source, before: Json) -> None:
        super().__init__(source)
        self._before = before

    async def read(self) -> Sequence[ChatEvent]:
        return self.counted(await self._source.read())

    def counted(self, events: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        return [Usage(total([self._before, event.usage])) if isinstance(event, Usage) else event for event in events]
