"""One answer as the events of the Responses API, from `response.created` to the one that ends it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from qwenproxy.endpoints.responses import failure, response
from qwenproxy.endpoints.responses.output import STATUS, Output, Wanted
from qwenproxy.endpoints.responses.stage import Stage
from qwenproxy.endpoints.responses.summing import Summing
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json, Usage

REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Why a response is incomplete, by the finish."""

STEM = 40
"""Characters of a response's id that the ids of its items begin with."""

type Clock = Callable[[], int]


class Hearing(Protocol):
    """Makes items of deltas.  `finish`: how the answer has ended."""

    @property
    def finish(self) -> str | None: ...

    def add(self, event: Delta) -> None: ...


class Telling:
    """Makes events of an answer.  `response`: the object as it stands.

    *clock* gives the time, in Unix seconds, for when the response is completed; None: it is not told.
    """

    def __init__(self, asked: Json, head: Head, wanted: Wanted, clock: Clock | None, state: Json | None = None) -> None:
        """*state*: what the response says of how it is kept."""
        self.response = response.fixed(asked, head) | (state or {})
        self.over = False
        self._stage = Stage(head.id.partition("_")[2][:STEM])
        self._output: Hearing = Output(self._stage, wanted)
        if wanted.compacts is not None:
            self._output = Summing(self._stage, wanted.compacts)
        self._clock = clock
        self._usage: Json | None = None
        self._begun = False

    def tell(self, events: Sequence[ChatEvent]) -> list[Json]:
        """What *events* become; after the end nothing more."""
        told = self._begin()
        for event in events:
            if self.over:
                break
            if isinstance(event, Delta):
                self._output.add(event)
            elif isinstance(event, Usage):
                self._usage = event.usage
            else:
                return told + self._stage.drain() + self.fail(event)
        return told + self._stage.drain()

    def end(self) -> list[Json]:
        """The last event: exactly one, unless it has been told."""
        if self.over:
            return []
        finish = self._output.finish
        if finish is None:
            return self._begin() + self.fail(ProxyError(UPSTREAM_CUT, "The upstream broke off its answer."))
        status = STATUS.get(finish, "completed")
        if finish in REASONS:
            self.response["incomplete_details"] = {"reason": REASONS[finish]}
        return self._end(status)

    def fail(self, error: ProxyError) -> list[Json]:
        """The end that *error* makes."""
        if self.over:
            return []
        error = failure.told(error)
        self.response["error"] = failure.of_response(error)
        return [failure.event(error), *self._end("failed")]

    def break_off(self, error: ProxyError, output: list[Json]) -> list[Json]:
        """The end that *error* makes where only *output* could be told."""
        self.over = False
        return [
            event | {"response": event["response"] | {"output": output}} if "response" in event else event
            for event in self.fail(error)
        ]

    def _begin(self) -> list[Json]:
        if self._begun:
            return []
        self._begun = True
        begun = [{"type": "response.in_progress", "response": self.response.copy()}]
        if not self.response["background"]:
            return [{"type": "response.created", "response": self.response.copy()}, *begun]
        queued = self.response | {"status": "queued"}
        return [*({"type": f"response.{kind}", "response": queued} for kind in ("created", "queued")), *begun]

    def _end(self, status: str) -> list[Json]:
        self.over = True
        self.response |= {"status": status, "output": self._stage.output}
        if status == "completed" and self._clock is not None:
            self.response["completed_at"] = self._clock()
        if self._usage is not None:
            self.response["usage"] = response.usage(self._usage)
        return [{"type": f"response.{status}", "response": self.response}]
