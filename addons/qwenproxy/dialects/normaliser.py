"""Makes well-formed chat events of whatever an upstream says: one answer's state, shared by every dialect.

A dialect's reader says what it finds (`content`, `call`, `finish` ...) in any order and as often as the upstream does;
what comes out of `drain` keeps every promise made at `ChatEvent`.
"""

from collections.abc import Callable

from qwenproxy.dialects import usage
from qwenproxy.dialects.arguments import ArgumentsTooLong
from qwenproxy.dialects.choice import NO_FINISH, OPENING, Choice
from qwenproxy.dialects.leaks import Leaks, Think
from qwenproxy.dialects.toolcalls import ToolCalls, TooManyCalls
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

MAX_CHOICES = 128  # OpenAI's limit of `n`
MAX_REPAIRS = 32

EMPTY = "The upstream ended its answer without having said anything. Please try again."
CUT = "The upstream broke off its answer before it was complete. Please try again."


class Normaliser:
    """Takes what one upstream answer says; `drain` gives the events that it makes.  Nothing raises."""

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
        self.totals: dict[int, Json] = {}
        """The last totals of each choice; those of all together are the first's."""
        self._tools = tools
        self._new_id = new_id
        self._think: Think = think
        self._rescued = tools if rescue_calls else frozenset[str]()
        self._choices: dict[int, Choice] = {}
        self._out: list[ChatEvent] = []

    @property
    def answered(self) -> bool:
        """Every choice has its finish: nothing is missing if the upstream says no more."""
        return bool(self._choices) and all(choice.reason is not None for choice in self._choices.values())

    def drain(self) -> list[ChatEvent]:
        """The events made since the last time."""
        out = self._out.copy()
        self._out.clear()
        if not self.started:
            self.started = any(isinstance(event, Delta) and event.delta != OPENING for event in out)
        return out

    def spoken(self, index: int) -> bool:
        """Whether the choice *index* has said anything."""
        choice = self._choices.get(index)
        return choice is not None and not choice.silent

    def open(self, index: int) -> None:
        """The choice *index* begins."""
        if index not in self._choices:
            self._say(index, Choice.open)

    def content(self, index: int, text: str, logprobs: Json | None = None) -> None:
        """A piece of a choice's answer, maybe with the log probabilities of its tokens."""
        choice = self._choices.get(index)
        if choice is not None and text and choice.content_passes:
            self._out.append(Delta(index, {"content": text}, None, logprobs))
        elif text or logprobs is not None:
            self._say(index, lambda choice: choice.content(text, logprobs))

    def reasoning(self, index: int, text: str) -> None:
        """A piece of a choice's thinking."""
        choice = self._choices.get(index)
        if choice is not None and text and choice.reasoning_passes:
            self._out.append(Delta(index, {"reasoning_content": text}))
        elif text:
            self._say(index, lambda choice: choice.reasoning(text))

    def refusal(self, index: int, text: str) -> None:
        """A piece of what a choice says instead of an answer."""
        if text:
            self._say(index, lambda choice: choice.refusal(text))

    def call(self, index: int, position: int | None, id: str, name: str, arguments: str) -> None:
        """A piece of a tool call of choice *index*; "" or None stands for what it does not say."""
        if id or name or arguments:
            self._say(index, lambda choice: choice.call(position, id, name, arguments))

    def finish(self, index: int, reason: str) -> None:
        """A choice says that, and why, it has ended."""
        if reason not in NO_FINISH:
            self._say(index, lambda choice: choice.finish(reason))

    def usage(self, counts: Json, choice: int | None = None) -> None:
        """The totals so far, of all choices together or of *choice* alone; the last ones count."""
        if choice is None:
            self.totals = {0: counts}
        elif choice < MAX_CHOICES:
            self.totals[choice] = counts

    def fail(self, error: ProxyError) -> None:
        """Ends the answer with *error*."""
        if not self.finished:
            self._out.append(error)
            self._finish()

    def end(self, *, complete: bool) -> None:
        """The upstream has ended.  *complete*: it said so itself, so a missing finish is an oversight, not a cut."""
        if self.finished:
            return
        if all(choice.silent for choice in self._choices.values()):
            self.fail(ProxyError(UPSTREAM_CUT, EMPTY))
        elif not complete and not self.answered:
            self.fail(ProxyError(UPSTREAM_CUT, CUT))
        for index in sorted(self._choices):
            self._say(index, Choice.close)
        if not self.finished:
            for counts in list(self.totals.values())[:1]:
                self._out.append(Usage(usage.to_openai(counts)))
            self._finish()

    def note(self, repair: str) -> None:
        """Remembers what was put right, for the log."""
        if len(self.repairs) < MAX_REPAIRS:
            self.repairs.append(repair)

    def _say(self, index: int, what: Callable[[Choice], None]) -> None:
        """Has the choice *index* say something, unless the answer is over."""
        if self.finished:
            return
        try:
            what(self._choices.get(index) or self._open(index))
        except ProxyError as error:
            self.fail(error)
        except (TooManyCalls, ArgumentsTooLong) as error:
            self.fail(ProxyError(UPSTREAM_GARBLED, f"The upstream's answer is beyond all measure: {error}."))

    def _open(self, index: int) -> Choice:
        """A new choice.  Raises ProxyError."""
        if not 0 <= index < MAX_CHOICES:
            raise ProxyError(UPSTREAM_GARBLED, f"The upstream's answer has more than {MAX_CHOICES} choices.")
        leaks, calls = Leaks(self._think, self._rescued), ToolCalls(self._tools, self._new_id, self.note)
        choice = self._choices[index] = Choice(index, self._out, leaks, calls, self.note)
        return choice

    def _finish(self) -> None:
        self.finished = True
        self._choices.clear()
