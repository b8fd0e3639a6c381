"""What all readers of upstream answers have in common: bytes -> objects -> normaliser -> chat events."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NotRequired, Protocol, TypedDict, Unpack

import orjson

from qwenproxy import depth, sse
from qwenproxy.dialects.leaks import Think
from qwenproxy.dialects.normaliser import Normaliser
from qwenproxy.dialects.stencils import Call, Overheard, Stencils
from qwenproxy.errors import ProxyError
from qwenproxy.plans import Plan
from qwenproxy.sse import Framing
from qwenproxy.wire.openai import ChatEvent, Json

type Refusal = Callable[[int, Mapping[str, str], bytes], ProxyError]
"""Makes an error of a status (0: not known), headers and a body."""


class Objects(Protocol):
    """A framing: bytes in, JSON objects out.  After `done` or `trouble` there are no more."""

    @property
    def done(self) -> bool:
        """The answer has said itself that it is complete."""
        ...

    @property
    def trouble(self) -> ProxyError | None:
        """Why it cannot be read any further."""
        ...

    def feed(self, data: bytes) -> Iterable[Json]:
        """Objects completed by *data*; b"" means that the upstream has ended."""
        ...


class About(TypedDict):
    """What a reader has to know of the request: as for `Normaliser`, and *failure*, which makes errors."""

    tools: frozenset[str]
    new_id: Callable[[], str]
    failure: Refusal
    think: NotRequired[Think]
    rescue_calls: NotRequired[bool]


def about(plan: Plan, failure: Refusal, *, tools: frozenset[str], new_id: Callable[[], str], think: Think) -> About:
    """What a reader of *plan*'s answers has to know: text is searched for leaks only where they happen."""
    where: Think = think if plan.leaks else "start"
    return {"tools": tools, "new_id": new_id, "failure": failure, "think": where, "rescue_calls": plan.leaks}


class Reading(ABC):
    """One answer.  A dialect's reader says what it finds in each object (`_object`), and what is left (`_over`)."""

    _objects: Objects
    _framing: Framing = sse.LINE
    """How events are written that are nothing special."""

    def __init__(self, content_type: str, **about: Unpack[About]) -> None:
        self.finished = False
        self.started = False
        """Something has been said; while nothing has, the request may be sent again."""
        self._new_id = about["new_id"]
        self._failure = about["failure"]
        self._normaliser: Normaliser | Overheard = Normaliser(
            about["tools"],
            new_id=about["new_id"],
            think=about.get("think", "start"),
            rescue_calls=about.get("rescue_calls", False),
        )
        self._stencils = Stencils(self._normaliser, self._framing)
        self._headers = {"content-type": content_type}

    @property
    def answered(self) -> bool:
        """Every choice has its finish: if the upstream falls silent now, its end can be taken for granted."""
        return self._normaliser.answered

    @property
    def repairs(self) -> list[str]:
        """What was put right, in words for the log."""
        return self._normaliser.repairs

    def feed(self, data: bytes) -> list[ChatEvent]:
        """Events completed by *data*; b"" means that the upstream has ended."""
        if self.finished:
            return []
        normaliser, objects, stencils = self._normaliser, self._objects, self._stencils
        for found in objects.feed(data):  # one after the other: what one teaches serves for the next
            if stencils.totals:
                self._catch_up()
            if stencils.patience:
                stencils.patience -= 1
                self._object(found)
            elif stencils.lessons:
                stencils.learn(self._listen(found, aloud=True), self._rehearse)
            else:
                self._object(found)
            if normaliser.finished:
                break
        if objects.trouble is not None:
            normaliser.fail(objects.trouble)
        elif objects.done or not data:
            self._catch_up()
            self._over()
        events = normaliser.drain()
        self.started, self.finished = normaliser.started, normaliser.finished
        return events

    @abstractmethod
    def _object(self, found: Json) -> None:
        """Say to the normaliser what *found* holds."""

    def _count(self, counts: Json, choice: int | None = None) -> None:
        """Says the totals so far, of all choices or of one."""
        self._normaliser.usage(counts, choice)

    def _catch_up(self) -> None:
        """Says the totals that were passed over."""
        for whose, totals in self._stencils.totals.items():
            self._count(depth.loads(totals), *whose)
        self._stencils.totals.clear()

    def _listen(self, found: Json, *, aloud: bool) -> Sequence[Call]:
        """What is said of *found*."""
        heard = Overheard(self._normaliser, aloud=aloud)
        self._normaliser, normaliser = heard, self._normaliser
        try:
            self._object(found)
        finally:
            self._normaliser = normaliser
        return heard.calls

    def _rehearse(self, payload: bytes) -> Sequence[Call]:
        return self._listen(depth.loads(payload), aloud=False)

    def _over(self) -> None:
        """There is no more to read."""
        self._normaliser.end(complete=self._objects.done)

    def _error(self, status: int, body: Json) -> ProxyError:
        """The error that the answer holds in *body*."""
        return self._failure(status, self._headers, orjson.dumps(body))
