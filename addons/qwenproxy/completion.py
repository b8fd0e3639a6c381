"""One app request for legacy completions: each prompt is asked for itself, and all of them are one answer.

The first prompt goes alone, as what it is refused for all would be; then several go at once.
"""

from collections.abc import Sequence

from qwenproxy.dialects.base import Dialect, UpstreamRequest
from qwenproxy.dialects.gaps import filler
from qwenproxy.endpoints.completions import CompletionCall, Gap, Prompt
from qwenproxy.errors import UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.exchange import Exchange
from qwenproxy.models import Row
from qwenproxy.opening import Opened, Opening
from qwenproxy.record import Record
from qwenproxy.rounds import Gathering, Source
from qwenproxy.service import Service
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json

AT_ONCE = 8
"""Prompts of one request that are answered together."""

NO_FILLER = (
    "'suffix' is not supported: this model and this upstream fill no gaps; ask for qwen-coder-turbo or a qwen2.5-coder "
    "in compatible mode, or send prompt and suffix in a chat."
)


class Asked:
    """One prompt on its way: as a chat, or by the model's own call if it has a gap to fill."""

    def __init__(self, service: Service, record: Record, call: CompletionCall, prompt: Prompt, agent: str) -> None:
        self._opening = GapOpening(prompt.gap, service, record, model=call.model, agent=agent, stream=call.stream)
        self._opening.dropped = tuple(call.dropped)
        self._chat = prompt.chat

    async def open(self) -> Opened:
        """The answer, as soon as its first events are there.  Raises ProxyError."""
        return await self._opening.open(self._chat)


class GapOpening(Opening):
    """Opens the rounds for one prompt, *gap* being the gap that it has."""

    def __init__(
        self, gap: Gap | None, service: Service, record: Record, *, model: str, agent: str, stream: bool
    ) -> None:
        super().__init__(service, record, model=model, agent=agent, stream=stream)
        self._gap = gap

    def _request(self, dialect: Dialect, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        if self._gap is None:
            return super()._request(dialect, chat, row, stream=stream)
        fill = filler(dialect.name, row)
        if fill is not None:
            return fill(chat, self._gap.prompt, stream)
        if self._gap.asked:
            raise ProxyError(UNSUPPORTED_PARAMETER, NO_FILLER, param="suffix")
        return super()._request(dialect, chat, row, stream=stream)


class Completion(Exchange):
    """One app request on its way to the upstream and back."""

    def __init__(self, service: Service, call: CompletionCall, head: Head, record: Record, *, agent: str) -> None:
        super().__init__(service, call, head, record, agent=agent)
        self._each = call.each
        self._prompts = [Asked(service, record, call, prompt, agent) for prompt in call.prompts]

    async def _begin(self) -> Opened:
        """Open the rounds of the first prompt, and wait for their first events; the others follow."""
        first, *others = self._prompts
        source, events = await first.open()
        if not others:
            return source, events
        answers = Answers(source, events, others, self._each)
        return answers, answers.first


class Answers:
    """The answers to several prompts as one source: choices are counted on."""

    def __init__(self, first: Source, events: Sequence[ChatEvent], others: Sequence[Asked], each: int) -> None:
        """*first*: the answer to the first prompt, and its *events* so far.  *each*: choices for a prompt."""
        self._sources = [first]
        self._others = iter(enumerate(others, 1))
        self._each = each
        self._gathering = Gathering(room=AT_ONCE)
        work = [self._forward(first, 0), *(self._work() for _ in range(min(AT_ONCE, len(others))))]
        self._gathering.start(work)
        self.first = self._gathering.told(events)
        """What there is to tell at once."""

    async def read(self) -> Sequence[ChatEvent]:
        return await self._gathering.read()

    @property
    def started(self) -> bool:
        return any(source.started for source in self._sources)

    @property
    def repairs(self) -> Sequence[str]:
        return [repair for source in self._sources for repair in source.repairs]

    async def close(self) -> None:
        await self._gathering.close()
        for source in self._sources:
            await source.close()

    async def _work(self) -> None:
        """Takes one prompt after the other, until none is left."""
        for place, prompt in self._others:
            source, events = await prompt.open()
            self._sources.append(source)
            await self._gathering.put(self._counted_on(events, place))
            await self._forward(source, place)

    async def _forward(self, source: Source, place: int) -> None:
        while events := await source.read():
            await self._gathering.put(self._counted_on(events, place))

    def _counted_on(self, events: Sequence[ChatEvent], place: int) -> Sequence[ChatEvent]:
        """*events* of the prompt at *place*, its choices counted on from those before."""
        by = place * self._each
        return [event._replace(choice=event.choice + by) if isinstance(event, Delta) else event for event in events]
