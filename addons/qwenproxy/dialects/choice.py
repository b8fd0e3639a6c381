"""One choice of an answer: its channels, its tool calls, its finish, in OpenAI's order.

What a choice says becomes deltas in *out*, at once if nothing stands in the way.  Held back is what may turn out to be
something else: a repeated text, a tag, arguments that are no JSON, a name that is not whole, and always the finish,
because some upstreams finish twice, finish in every chunk, or go on after it.
"""

from collections.abc import Callable
from typing import Any

from qwenproxy.dialects.increments import Increments
from qwenproxy.dialects.leaks import LeakedCall, Leaks, Segment
from qwenproxy.dialects.toolcalls import ToolCalls
from qwenproxy.wire.openai import ChatEvent, Delta, Json

FINISHES = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",  # DashScope's own protocol
    "function_call": "tool_calls",
    "max_tokens": "length",
}
OPENING = {"role": "assistant"}
NO_FINISH = frozenset({"", "null"})  # "null": what badly bridged native streams say while under way


class Choice:
    """Takes what one choice says, in any order.

    `content`, `reasoning`, `refusal` take text that is not empty.  May raise TooManyCalls and ArgumentsTooLong.
    """

    __slots__ = (
        "_calls",
        "_content",
        "_leaks",
        "_logprobs",
        "_note",
        "_opened",
        "_out",
        "_reasoning",
        "_settled",
        "_spoken",
        "content_passes",
        "index",
        "reason",
        "reasoning_passes",
    )

    def __init__(
        self, index: int, out: list[ChatEvent], leaks: Leaks, calls: ToolCalls, note: Callable[[str], None]
    ) -> None:
        self.index = index
        self.reason: str | None = None
        self.content_passes = False
        """Content needs no look any more, and nothing waits that must be said before it."""
        self.reasoning_passes = False
        self._out = out
        self._leaks = leaks
        self._calls = calls
        self._note = note
        self._reasoning = Increments()
        self._content = Increments()
        self._opened = False
        self._spoken = False
        self._settled = True
        """Nothing is held back."""
        self._logprobs: Json | None = None

    def content(self, text: str, logprobs: Json | None) -> None:
        """*text* may be empty if there are *logprobs*: half a character has them too; they wait for its other half."""
        self._spoken = True
        if logprobs is not None:
            self._logprobs = logprobs if self._logprobs is None else _joined(self._logprobs, logprobs)
        if text:
            self._settled = False
            self._say("reasoning_content", self._reasoning.settle())
            if new := self._content.feed(text):
                self._segments(self._leaks.feed(new))
        self._look()

    def reasoning(self, text: str) -> None:
        self._spoken = True
        self._settled = False
        self._leaks.parted()
        self._say("reasoning_content", self._reasoning.feed(text))
        self._look()

    def refusal(self, text: str) -> None:
        self._spoken = True
        self._say("refusal", text)

    def call(self, position: int | None, id: str, name: str, arguments: str) -> None:
        """A piece of a tool call; what was held back comes first, as order matters to some endpoints."""
        self._spoken = True
        if not self._settled:
            self._settle()
            self._look()
            self._settled = True
        self._entries(self._calls.piece(position, id, name, arguments))

    def finish(self, reason: str) -> None:
        """Of several reasons one that says more than `stop` counts."""
        known = FINISHES.get(reason)
        if known is None:
            self._note(f"choice {self.index}: took finish_reason {reason[:40]!r} for 'stop'")
        if self.reason is None or known not in (None, "stop"):
            self.reason = known or "stop"

    def close(self) -> None:
        """Says the rest, and the finish, which tells of tools if any were called, whatever the upstream said."""
        if self.reason is None:
            self._note(f"choice {self.index}: ended without a finish_reason")
        reason = self.reason or "stop"
        self._settle(unanswered=reason == "stop" and not self._calls.count)
        self._entries(self._calls.end(truncated=reason == "length"))
        if reason in ("stop", "tool_calls"):
            said, reason = reason, "tool_calls" if self._calls.count else "stop"
            if said != reason:
                self._note(f"choice {self.index}: finish_reason {said!r} became {reason!r}")
        self._trace()
        self._delta({}, reason, self._logprobs)

    def _look(self) -> None:
        """Sees what may pass from now on without a look."""
        self.reasoning_passes = self._reasoning.plain
        self.content_passes = (
            self._content.plain and self._leaks.settled and self._logprobs is None and not self._reasoning.holding
        )

    def _say(self, channel: str, text: str) -> None:
        if text:
            logprobs = None
            if channel == "content":
                logprobs, self._logprobs = self._logprobs, None
            self._delta({channel: text}, None, logprobs)

    def open(self) -> None:
        """The upstream has begun this choice, perhaps without a word: the app is told at once."""
        if not self._opened:
            self._opened = True
            self._out.append(Delta(self.index, OPENING.copy()))

    @property
    def silent(self) -> bool:
        """It has begun, and neither said anything nor ended."""
        return not self._spoken and self.reason is None

    def _delta(self, delta: Json, finish: str | None = None, logprobs: Json | None = None) -> None:
        self.open()
        self._out.append(Delta(self.index, delta, finish, logprobs))

    def _segments(self, segments: list[Segment]) -> None:
        for segment in segments:
            if isinstance(segment, LeakedCall):
                self._note(f"choice {self.index}: made a call of {segment.name!r} of what was written as text")
                self._entries(self._calls.whole(segment.name, segment.arguments))
            else:
                self._say(segment.channel, segment.text)

    def _entries(self, entries: list[Json]) -> None:
        for entry in entries:
            self._delta({"tool_calls": [entry]})

    def _settle(self, *, unanswered: bool = False) -> None:
        self._say("reasoning_content", self._reasoning.settle())
        if content := self._content.settle():
            self._segments(self._leaks.feed(content))
        self._segments(self._leaks.end(unanswered=unanswered))

    def _trace(self) -> None:
        """Notes what was changed on the way."""
        for name, channel in (("content", self._content), ("reasoning", self._reasoning)):
            if channel.cumulative:
                self._note(f"choice {self.index}: its {name} came cumulative")
        if self._leaks.moved:
            self._note(f"choice {self.index}: moved thinking from content to reasoning")


def _joined(one: Json, other: Json) -> Json:
    """Log probabilities of two pieces as those of one."""
    return one | {key: _chain(one.get(key), value) for key, value in other.items()}


def _chain(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return other if one is None else one
