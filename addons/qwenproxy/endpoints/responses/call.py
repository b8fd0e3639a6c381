"""POST /v1/responses: what the app asked, and its answer, whole or streamed."""

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from qwenproxy import sse
from qwenproxy.endpoints.responses import choice, compaction, fields, items, response
from qwenproxy.endpoints.responses.draft import Draft, Seal
from qwenproxy.endpoints.responses.output import Wanted
from qwenproxy.endpoints.responses.telling import Clock, Telling
from qwenproxy.endpoints.responses.tools import Toolbox
from qwenproxy.endpoints.validation import conform, parse
from qwenproxy.errors import INTERNAL, UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Head, Json
from qwenproxy.wire.responses import ResponseRequest

CHECKER = TypeAdapter(ResponseRequest)

GARBLED = ProxyError(UPSTREAM_GARBLED, "The upstream's answer cannot be written as JSON.")


class ResponsesCall:
    """One request.  `dropped`: what was left out of it, by name.

    *reasoning*: the app may see the model's thinking, if it asks for a summary.  *refuse*: refuse what cannot be
    honoured.  *seal*: how thinking is sealed, for apps that carry it from turn to turn; None: it is not.  *clock*: Unix
    seconds, for the time of completion.  *past*: items that come before the input.  *state*: what the response says of
    how it is kept; None: there is no store.  *body* may have been validated already.  Raises ProxyError for a body that
    is no Responses request, or for what cannot be done.  *compacts*: its conversation is to be compacted, not answered.
    """

    sums_up = True

    def __init__(
        self,
        body: bytes | Json,
        *,
        reasoning: bool = True,
        refuse: bool = False,
        seal: Seal | None = None,
        clock: Clock | None = None,
        past: Sequence[Json] = (),
        state: Json | None = None,
        compacts: bool = False,
    ) -> None:
        self.asked = validate(body) if isinstance(body, bytes) else body
        self.model: str = self.asked["model"]
        self.stream = bool(self.asked.get("stream"))
        sealing = fields.SEALED in (self.asked.get("include") or ())
        asked = preceded(self.asked, past)
        draft = Draft(items.updated(asked), refuse, seal, stored=state is not None, past=len(past))
        toolbox = Toolbox()
        fields.settle(draft)
        toolbox.add(items.lists(draft.asked), draft)
        draft.chat["messages"] = items.messages_of(draft, toolbox)
        choice.settle(draft, toolbox)
        self.chat = draft.chat
        self.compacts = compacts or compaction.triggered(self.asked)
        """What is asked for is a compaction, and no answer."""
        if self.compacts:
            self.chat = compaction.request(draft.chat, draft.chat["messages"])
        self.dropped: Sequence[str] = draft.dropped
        self._seal = seal
        self._clock = clock
        self._state = state
        self._wanted = Wanted(
            forms=toolbox.forms,
            single=self.asked.get("parallel_tool_calls") is False,
            shown=reasoning and response.summary(self.asked) is not None,
            seal=seal if sealing else None,
            compacts=self._sealing if self.compacts else None,
        )

    @property
    def _sealing(self) -> Seal:
        """The seal, for what cannot be told without one.  Raises ProxyError if there is none."""
        if self._seal is None:
            raise ProxyError(INTERNAL, "The proxy has no keys to seal a compaction with; its log says why.")
        return self._seal

    def compact(self, text: str) -> str:
        """Have the summary *text* stand for the conversation but for its end; the item for the app, sealed."""
        self.chat, stand = compaction.compacted(self.chat, text)
        return compaction.seal(stand, self._sealing)

    def writer(self, head: Head) -> "ResponsesWriter":
        return ResponsesWriter(Telling(self.asked, head, self._wanted, self._clock, self._state))

    def whole(self, head: Head, events: Sequence[ChatEvent]) -> Json:
        """The response that *events* add up to: the one that a stream of them ends with."""
        telling = Telling(self.asked, head, self._wanted, self._clock, self._state)
        telling.tell(events)
        telling.end()
        return telling.response


class ResponsesWriter:
    """Writes the events of one answer, numbered."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling
        self._number = 0
        self._done: list[Json] = []

    def write(self, events: Sequence[ChatEvent]) -> bytes:
        """Events for *events*; after an error nothing more."""
        return b"" if self._telling.over else self._encoded(self._telling.tell(events))

    def end(self) -> bytes:
        """The event that ends the response, unless the stream is over already.  There is no `[DONE]`."""
        return self._encoded(self._telling.end())

    def _encoded(self, told: Sequence[Json]) -> bytes:
        out: list[bytes] = []
        for event in told:
            try:
                out.append(self._event(event))
            except orjson.JSONEncodeError:  # half a surrogate pair, for one
                out += [self._event(last) for last in self._telling.break_off(GARBLED, self._done)]
                break
        return b"".join(out)

    def _event(self, event: Json) -> bytes:
        kind = event["type"]
        payload = orjson.dumps({"type": kind, "sequence_number": self._number} | event)
        self._number += 1
        if kind == "response.output_item.done":
            self._done.append(event["item"])
        return sse.encode_named(kind.encode(), payload)


def preceded(asked: Json, past: Sequence[Json]) -> Json:
    """*asked* with the items of *past* before its input."""
    if not past:
        return asked
    said = asked["input"]
    return asked | {"input": [*past, *([{"role": "user", "content": said}] if isinstance(said, str) else said)]}


def validate(body: bytes) -> Json:
    """The request in *body*, as it was sent.  Raises ProxyError."""
    asked: Json = parse(body)
    check(asked)
    return asked


def check(asked: Any) -> None:
    """Checks what is a request already.  Raises ProxyError."""
    conform(asked, CHECKER)
