"""Reads DashScope's native answers, whole or streamed, into chat events.

A frame is compatible mode's chunk in other clothes: what is under `output` here is the chunk there, with `message` for
`delta`, and text may be a list of parts.  There is no `[DONE]`: a choice has ended when it says why, with anything but
the string "null", and an answer that stops before that was cut.  Whether text and tool calls are said anew from their
start in every frame is seen by what comes.  Nothing that comes from upstream raises.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from qwenproxy import sse
from qwenproxy.dialects import reader
from qwenproxy.dialects.citations import Citations
from qwenproxy.dialects.reading import About
from qwenproxy.wire.openai import ChatEvent, Json


class Reader(reader.Reader):
    """One native answer."""

    _framing = sse.DASHSCOPE

    def __init__(self, content_type: str, **about: Unpack[About]) -> None:
        super().__init__(content_type, **about)
        self._citations: Citations | None = None
        self._worded = False
        """The answer has text, not only thinking."""

    def feed(self, data: bytes) -> list[ChatEvent]:
        """Events completed by *data*; b"" means that the upstream has ended."""
        events = super().feed(data)
        return events if self._citations is None else self._citations.annotate(events)

    def _over(self) -> None:
        if totals := self._normaliser.totals:
            self._normaliser.usage(_total(list(totals.values())))
        self._normaliser.end(complete=False)

    def _object(self, chunk: Json) -> None:
        """A frame, or a whole answer."""
        output = chunk.get("output")
        if type(output) is not dict:
            output = {}
        if "search_info" in output:
            self._search(output["search_info"])
        choices, counts = output.get("choices"), chunk.get("usage")
        if type(choices) is not list or not choices:
            self._without_choices(chunk, output)
            return
        if len(choices) > 1 and type(counts) is dict:
            self._normaliser.usage(counts)
            counts = None
        for position, choice in enumerate(choices):
            if type(choice) is dict:
                self._framed(choice, position, counts)

    def _framed(self, choice: Json, position: int, counts: Any) -> None:
        """One choice of a frame; *counts* are the totals so far, its own if there are several choices."""
        if type(index := choice.get("index")) is not int or index < 0:
            index = position
        if type(counts) is dict:
            self._normaliser.usage(counts, index)
        if type(message := choice.get("message")) is not dict:
            self._choice(choice, position)
            return
        if type(content := message.get("content")) is list:
            message["content"] = content = _joined(content)
        if content:
            self._worded = True
        self._delta(index, message, choice)

    def _without_choices(self, frame: Json, output: Json) -> None:
        """Old models' plain text; an error; counts or sources alone; or what compatible mode says."""
        if type(counts := frame.get("usage")) is dict:
            self._normaliser.usage(counts)
        text, finish = output.get("text"), output.get("finish_reason")
        if text or finish:
            self._worded = self._worded or bool(text)
            self._delta(0, {"content": text}, output)
        else:
            super()._object({name: value for name, value in frame.items() if name != "usage"})

    def _calls(self, index: int, calls: Any) -> None:
        """As in compatible mode; of calls without an index the place in the list counts, as old models have it."""
        if type(calls) is list:
            for position, piece in enumerate(calls):
                if type(piece) is dict and piece.get("index") is None:
                    piece["index"] = position
        super()._calls(index, calls)

    def _search(self, search: Any) -> None:
        """What a search of the web has found."""
        if type(search) is not dict:
            return
        if type(results := search.get("search_results")) is list and results:
            if self._citations is None:
                self._citations = Citations(placed=not self._worded)
            self._citations.found(results)
        if search.get("extra_tool_info"):
            self._normaliser.note("left out what the search's own tools have told (extra_tool_info)")


def _joined(parts: Sequence[Any]) -> str:
    """The parts of an answer as text; a picture as Markdown."""
    if len(parts) == 1 and type(parts[0]) is dict and type(text := parts[0].get("text")) is str:
        return text
    return "".join(map(_text, parts))


def _text(part: Any) -> str:
    if type(part) is str:
        return part
    if type(part) is not dict:
        return ""
    text, image = part.get("text"), part.get("image")
    return text if type(text) is str else f"![image]({image})" if type(image) is str and image else ""


def _total(counts: Sequence[Json]) -> Json:
    """The totals of an answer whose choices are counted one by one: the prompt once, what was answered summed."""
    first, *others = counts
    if not others:
        return first
    answered = [_number(count.get("output_tokens")) for count in counts]
    details = [given for count in counts if type(given := count.get("output_tokens_details")) is dict]
    names = dict.fromkeys(name for given in details for name in given)
    return {
        **first,
        "output_tokens": sum(answered),
        "output_tokens_details": {name: sum(_number(given.get(name)) for given in details) for name in names},
        "total_tokens": _number(first.get("input_tokens")) + sum(answered),
    }


def _number(value: Any) -> int:
    return value if type(value) is int else 0
