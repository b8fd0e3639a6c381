"""The deltas of one answer -> output items, never two at a time, whatever order the deltas come in."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from qwenproxy.endpoints.responses.calls import KINDS, Called
from qwenproxy.endpoints.responses.draft import Seal
from qwenproxy.endpoints.responses.stage import Item, Piece, Stage
from qwenproxy.endpoints.responses.texts import THINKING, Message, Reasoning
from qwenproxy.endpoints.responses.tools import Form
from qwenproxy.wire.openai import Delta, Json

MESSAGE = "message"
COMPACTION = "compaction"
"""In a delta: what stands for the conversation from now on, sealed."""

STATUS: Mapping[str, str] = {"length": "incomplete", "content_filter": "incomplete"}
"""Of the last item, and of the response, by the finish; else it is completed."""


class Wanted(NamedTuple):
    """How an app wants its output."""

    forms: Mapping[str, Form] = {}
    """The tools behind the functions."""
    single: bool = False
    """One call at most (`parallel_tool_calls: false`)."""
    shown: bool = False
    """Thinking as a summary."""
    seal: Seal | None = None
    """Thinking sealed."""
    compacts: Seal | None = None
    """What is said is a summary, to be sealed; nothing else is wanted."""


class Running:
    """An item on its way, by its key: `THINKING`, `MESSAGE`, or the index of a call.  `held`: pieces that wait."""

    def __init__(self, key: str | int, item: Item) -> None:
        self.key = key
        self.item = item
        self.held: list[Piece] = []


class Output:
    """Takes the deltas of an answer.  The first item that is not done is told as it comes, the others wait."""

    def __init__(self, stage: Stage, wanted: Wanted) -> None:
        self.finish: str | None = None
        self._stage = stage
        self._wanted = wanted
        self._queue: list[Running] = []

    def add(self, event: Delta) -> None:
        """More of the answer; a response has one choice."""
        if event.choice:
            return
        delta = event.delta
        if text := delta.get("reasoning_content"):
            self._say(THINKING, Piece(text))
        if item := delta.get(COMPACTION):
            self._stage.whole(COMPACTION, "cmp", item)
        logprobs = (event.logprobs or {}).get("content") or ()
        annotations = delta.get("annotations") or ()
        if (text := delta.get("content")) or logprobs or annotations:
            self._say(MESSAGE, Piece(text or "", "output_text", logprobs, annotations))
        if text := delta.get("refusal"):
            self._say(MESSAGE, Piece(text, "refusal"))
        self._calls(delta.get("tool_calls") or ())
        if event.finish_reason is not None:
            self.finish = event.finish_reason
            self._end()

    def _calls(self, calls: Iterable[Json]) -> None:
        for call in calls:
            index, function = call["index"], call.get("function") or {}
            if index and self._wanted.single:
                continue
            if name := function.get("name"):
                form = self._wanted.forms.get(name, Form("function", name))
                self._queue.append(Running(index, KINDS[form.kind](self._stage, Called(call["id"], form))))
                self._advance(new=len(self._queue) == 1)
            self._say(index, Piece(function.get("arguments") or ""))

    def _say(self, key: str | int, piece: Piece) -> None:
        running = next((running for running in self._queue if running.key == key), None)
        if running is None:
            if isinstance(key, int):
                return  # a call that is over: nothing but blanks can come
            running = Running(key, self._item(key))
            self._queue.append(running)
            self._advance(new=len(self._queue) == 1)
        if running is self._queue[0]:
            running.item.feed(piece)
            if len(self._queue) > 1:
                self._advance()
        else:
            running.held.append(piece)

    def _item(self, key: str) -> Item:
        if key == THINKING:
            return Reasoning(self._stage, shown=self._wanted.shown, seal=self._wanted.seal)
        return Message(self._stage)

    def _advance(self, *, new: bool = False) -> None:
        """Bring on the item in front, if it is *new*; and those behind it, as long as the one in front is done."""
        if new:
            self._queue[0].item.open()
        while len(self._queue) > 1 and self._over():
            self._queue.pop(0).item.close("completed")
            self._bring_on()

    def _over(self) -> bool:
        """Whether the item in front is done, now that others wait.

        A message goes on until a call comes: thinking in between must not cut it in two.
        """
        front, *waiting = self._queue
        if front.key == MESSAGE:
            return any(isinstance(running.key, int) for running in waiting)
        return front.item.ready()

    def _bring_on(self) -> None:
        front = self._queue[0]
        front.item.open()
        for piece in front.held:
            front.item.feed(piece)
        front.held.clear()

    def _only_thought(self) -> bool:
        waiting = all(running.key == THINKING for running in self._queue)
        return waiting and all(item["type"] == "reasoning" for item in self._stage.output)

    def _end(self) -> None:
        """The answer is over: what waits comes on, the last item perhaps incomplete."""
        if self.finish not in STATUS and self._only_thought():
            self._say(MESSAGE, Piece(kind="output_text"))
        while self._queue:
            running = self._queue.pop(0)
            running.item.close("completed" if self._queue else STATUS.get(self.finish or "", "completed"))
            if self._queue:
                self._bring_on()
