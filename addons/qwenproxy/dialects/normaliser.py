"""Makes well-formed chat events of whatever an upstream says: one answer's state, shared by every dialect.

A dialect's reader says what it finds (`content`, `call`, `finish` ...) in any order and as often as the upstream does;
what comes out of `drain` keeps every promise made at `ChatEvent`.  A finish is said at the very end, when nothing can
follow it any more: some upstreams finish twice, finish in every chunk, or go on after it.
"""

from collections.abc import Callable
from typing import Any

from qwenproxy.dialects import usage
from qwenproxy.dialects.arguments import ArgumentsTooLong
from qwenproxy.dialects.increments import Increments
from qwenproxy.dialects.leaks import LeakedCall, Leaks, Segment, Think
from qwenproxy.dialects.toolcalls import ToolCalls, TooManyCalls
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

MAX_CHOICES = 128  # OpenAI's limit of `n`
MAX_REPAIRS = 32

FINISHES = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "tool_call": "tool_calls",  # DashScope's own protocol
    "function_call": "tool_calls",
    "max_tokens": "length",
}
NO_FINISH = frozenset({"", "null"})  # "null": what badly bridged native streams say while under way

EMPTY = "The upstream ended its answer without having said anything. Please try again."
CUT = "The upstream broke off its answer before it was complete. Please try again."


class Choice:
    """What one choice has said, and what of it is still held back."""

    __slots__ = (
        "calls",
        "content",
        "content_passes",
        "index",
        "leaks",
        "logprobs",
        "reason",
        "reasoning",
        "reasoning_passes",
        "said",
    )

    def __init__(self, index: int, leaks: Leaks, calls: ToolCalls) -> None:
        self.index = index
        self.leaks = leaks
        self.calls = calls
        self.reasoning = Increments()
        self.content = Increments()
        self.said = False
        self.logprobs: Json | None = None
        """Those of content that is held back."""
        self.reason: str | None = None
        self.content_passes = False
        """Content needs no look any more, and nothing waits that must be said before it."""
        self.reasoning_passes = False


class Normaliser:
    """Takes what one upstream answer says; `drain` gives the events that it makes."""

    def __init__(
        self,
        tools: frozenset[str] = frozenset(),
        *,
        new_id: Callable[[], str],
        think: Think = "start",
        rescue_calls: bool = False,
    ) -> None:
        """*tools*: the function names that the request offers; *new_id* makes an id for a tool call that has none;
        *think*: where thinking may leak into content; *rescue_calls*: make calls of those written as text."""
        self.started = False
        """Something has been said: the answer cannot be asked for again."""
        self.finished = False
        self.repairs: list[str] = []
        """What was put right, in words for the log."""
        self._tools = tools
        self._new_id = new_id
        self._think: Think = think
        self._rescued = tools if rescue_calls else frozenset[str]()
        self._choices: dict[int, Choice] = {}
        self._usage: Json | None = None
        self._out: list[ChatEvent] = []

    @property
    def answered(self) -> bool:
        """Every choice has its finish: nothing is missing if the upstream says no more."""
        return bool(self._choices) and all(choice.reason is not None for choice in self._choices.values())

    def drain(self) -> list[ChatEvent]:
        """The events made since the last time."""
        out, self._out = self._out, []
        return out

    def spoken(self, index: int) -> bool:
        """Whether the choice *index* has said anything."""
        return index in self._choices

    def content(self, index: int, text: str, logprobs: Json | None = None) -> None:
        """A piece of a choice's answer, maybe with the log probabilities of its tokens."""
        choice = self._choices.get(index)
        if choice is not None and choice.content_passes:
            self._out.append(Delta(index, {"content": text}, None, logprobs))
        elif (choice := choice or self._open(index)) is not None:
            if logprobs is not None:
                choice.logprobs = logprobs if choice.logprobs is None else _joined(choice.logprobs, logprobs)
            self._content(choice, text)

    def reasoning(self, index: int, text: str) -> None:
        """A piece of a choice's thinking."""
        choice = self._choices.get(index)
        if choice is not None and choice.reasoning_passes:
            self._out.append(Delta(index, {"reasoning_content": text}))
        elif text and (choice := choice or self._open(index)) is not None:
            self._say(choice, "reasoning_content", choice.reasoning.feed(text))
            self._look(choice)

    def refusal(self, index: int, text: str) -> None:
        """A piece of what a choice says instead of an answer."""
        if text and (choice := self._open(index)) is not None:
            self._say(choice, "refusal", text)

    def call(self, index: int, position: int | None, id: str, name: str, arguments: str) -> None:
        """A piece of a tool call of choice *index*; "" or None stands for what it does not say."""
        choice = self._choices.get(index) or self._open(index)
        if choice is None:
            return
        self._before_call(choice)
        try:
            self._entries(choice, choice.calls.piece(position, id, name, arguments))
        except (TooManyCalls, ArgumentsTooLong) as error:
            self._too_much(error)

    def finish(self, index: int, reason: str) -> None:
        """A choice says that, and why, it has ended.  Of several reasons one that says more than `stop` counts."""
        if reason in NO_FINISH or (choice := self._open(index)) is None:
            return
        known = FINISHES.get(reason)
        if known is None:
            self.note(f"took finish_reason {reason[:40]!r} for 'stop'")
            known = "stop"
        if choice.reason is None or known != "stop":
            choice.reason = known

    def usage(self, counts: Json) -> None:
        """The totals so far; the last ones count."""
        self._usage = counts

    def fail(self, error: ProxyError) -> None:
        """Ends the answer with *error*."""
        if not self.finished:
            self.finished = True
            self._choices.clear()
            self._out.append(error)

    def end(self, *, complete: bool) -> None:
        """The upstream has ended.  *complete*: it said so itself, so a missing finish is an oversight, not a cut."""
        if self.finished:
            return
        choices = sorted(self._choices.values(), key=lambda choice: choice.index)
        if not choices:
            self.fail(ProxyError(UPSTREAM_CUT, EMPTY))
        elif not complete and any(choice.reason is None for choice in choices):
            self.fail(ProxyError(UPSTREAM_CUT, CUT))
        else:
            self._end(choices)

    def note(self, repair: str) -> None:
        """Remembers what was put right, for the log."""
        if len(self.repairs) < MAX_REPAIRS:
            self.repairs.append(repair)

    def _open(self, index: int) -> Choice | None:
        """The choice *index*; None if nothing more may be said."""
        if self.finished:
            return None
        choice = self._choices.get(index)
        if choice is None:
            if not 0 <= index < MAX_CHOICES:
                self.fail(ProxyError(UPSTREAM_GARBLED, f"The upstream's answer has more than {MAX_CHOICES} choices."))
                return None
            leaks = Leaks(self._think, self._rescued)
            choice = self._choices[index] = Choice(index, leaks, ToolCalls(self._tools, self._new_id, self.note))
        return choice

    def _content(self, choice: Choice, text: str) -> None:
        if text:
            self._say(choice, "reasoning_content", choice.reasoning.settle())
            new = choice.content.feed(text)
            if new:
                self._segments(choice, choice.leaks.feed(new))
        self._look(choice)

    def _look(self, choice: Choice) -> None:
        """Sees what may pass from now on without a look."""
        choice.reasoning_passes = choice.said and choice.reasoning.plain
        choice.content_passes = (
            choice.said
            and choice.content.plain
            and choice.leaks.settled
            and choice.logprobs is None
            and not choice.reasoning.holding
        )

    def _say(self, choice: Choice, channel: str, text: str) -> None:
        if text:
            logprobs = None
            if channel == "content":
                logprobs, choice.logprobs = choice.logprobs, None
            self._delta(choice, {channel: text}, logprobs=logprobs)

    def _delta(self, choice: Choice, delta: Json, finish: str | None = None, logprobs: Json | None = None) -> None:
        if not choice.said:
            choice.said = self.started = True
            self._out.append(Delta(choice.index, {"role": "assistant"}))
        self._out.append(Delta(choice.index, delta, finish, logprobs))

    def _segments(self, choice: Choice, segments: list[Segment]) -> None:
        for segment in segments:
            if isinstance(segment, LeakedCall):
                self.note(f"made a call of {segment.name!r} of what was written as text")
                self._entries(choice, choice.calls.whole(segment.name, segment.arguments))
            else:
                self._say(choice, segment.channel, segment.text)

    def _entries(self, choice: Choice, entries: list[Json]) -> None:
        for entry in entries:
            self._delta(choice, {"tool_calls": [entry]})

    def _before_call(self, choice: Choice) -> None:
        """Says what was held back: order matters to some endpoints."""
        if not (choice.content_passes and choice.reasoning_passes):
            self._settle(choice)
            self._look(choice)

    def _settle(self, choice: Choice, *, unanswered: bool = False) -> None:
        self._say(choice, "reasoning_content", choice.reasoning.settle())
        content = choice.content.settle()
        if content:
            self._segments(choice, choice.leaks.feed(content))
        self._segments(choice, choice.leaks.end(unanswered=unanswered))

    def _end(self, choices: list[Choice]) -> None:
        try:
            for choice in choices:
                self._close(choice)
        except (TooManyCalls, ArgumentsTooLong) as error:
            self._too_much(error)
            return
        if self._usage is not None:
            self._out.append(Usage(usage.to_openai(self._usage)))
        self.finished = True
        self._choices.clear()

    def _close(self, choice: Choice) -> None:
        """Says the rest of *choice* and its finish, which tells of tools if any were called, whatever upstream said."""
        reason = choice.reason
        if reason is None:
            self.note(f"choice {choice.index}: ended without a finish_reason")
            reason = "stop"
        self._settle(choice, unanswered=reason == "stop" and not choice.calls.count)
        self._entries(choice, choice.calls.end(truncated=reason == "length"))
        if reason in ("stop", "tool_calls"):
            if reason == "tool_calls" and not choice.calls.count:
                self.note(f"choice {choice.index}: finish_reason 'tool_calls' without a tool call")
            reason = "tool_calls" if choice.calls.count else "stop"
        self._delta(choice, {}, reason, choice.logprobs)

    def _too_much(self, error: Exception) -> None:
        self.fail(ProxyError(UPSTREAM_GARBLED, f"The upstream's answer is beyond all measure: {error}."))


def _joined(one: Json, other: Json) -> Json:
    """Log probabilities of two pieces as those of one."""
    return one | {key: _chain(one.get(key), value) for key, value in other.items()}


def _chain(one: Any, other: Any) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return other if one is None else one
