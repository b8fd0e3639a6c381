"""Chat deltas in the form this app wants them: custom tool calls, the deprecated `function_call`, one call only."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from qwenproxy.endpoints.tools import INPUT
from qwenproxy.wire.openai import ChatEvent, Delta, Json

OPENING = re.compile(rf'\s*\{{\s*"{INPUT}"\s*:\s*"')

UNIT = re.compile(
    r"""
      [^"\\]+                                                # plain text
    | \\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}  # a pair of surrogates
    | \\u[dD][89abAB][\da-fA-F]{2}(?=[^\\]|\\[^u]|\\u(?:[^dD]|[dD][^c-fC-F]))  # half of one, and surely no other half
    | \\u(?![dD][89abAB])[\da-fA-F]{4}
    | \\u(?=[\da-fA-F]{0,3}[^\da-fA-F])                      # no escape at all
    | \\[^u]
    """,
    re.VERBOSE,
)
"""What of a JSON string's inside can be told before the rest is known; nothing at a quote or a cut escape."""

ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "/": "/"}


class Form(NamedTuple):
    """How an app wants its answer."""

    custom: frozenset[str] = frozenset()
    """The names of its custom tools."""
    former: bool = False
    """It spoke of `functions`: its answer has a `function_call`."""
    single: bool = False
    """It takes one tool call at most (`parallel_tool_calls: false`)."""
    reasoning: bool = True
    """It gets `reasoning_content`."""


class Shaper:
    """Puts the deltas of one answer into an app's form."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._single = form.single or form.former
        self._as_is = not (form.custom or self._single)
        self._inputs: dict[tuple[int, int], Input] = {}

    def shape(self, piece: Delta) -> Sequence[Delta]:
        """*piece* for the app, its delta perhaps empty; a finish comes by itself, after what was held back."""
        if not self._form.reasoning and "reasoning_content" in piece.delta:
            piece = piece._replace(delta=without(piece.delta, "reasoning_content"))
        if not self._as_is and "tool_calls" in piece.delta:
            piece = piece._replace(delta=self._calls(piece))
        return (piece,) if piece.finish_reason is None else self._finish(piece)

    def shape_all(self, events: Iterable[ChatEvent]) -> Iterator[ChatEvent]:
        """*events* with their deltas in the app's form."""
        for event in events:
            if isinstance(event, Delta):
                yield from self.shape(event)
            else:
                yield event

    def _calls(self, piece: Delta) -> Json:
        delta = without(piece.delta, "tool_calls")
        calls = [call for call in piece.delta["tool_calls"] if call["index"] == 0 or not self._single]
        told = [told for call in calls if (told := self._call(piece.choice, call))]
        if told and self._form.former:
            delta["function_call"] = former_call(told)
        elif told:
            delta["tool_calls"] = told
        return delta

    def _call(self, choice: int, call: Json) -> Json | None:
        """A piece of a call; None if it has nothing to say yet."""
        place, function = (choice, call["index"]), call.get("function") or {}
        name, arguments = function.get("name"), function.get("arguments") or ""
        if name in self._form.custom:
            held = self._inputs[place] = Input()
            custom = {"name": name, "input": held.feed(arguments)}
            return without(call, "function") | {"type": "custom", "custom": custom}
        if place not in self._inputs:
            return call
        return input_piece(place, self._inputs[place].feed(arguments))

    def _finish(self, piece: Delta) -> Sequence[Delta]:
        choice, delta, reason, logprobs = piece
        if self._form.former and reason == "tool_calls":
            reason = "function_call"
        places = [place for place in self._inputs if place[0] == choice]
        held = [told for place in places if (told := input_piece(place, self._inputs.pop(place).end()))]
        pieces = [Delta(choice, delta, None, logprobs)] if delta else []
        if held:
            pieces.append(Delta(choice, {"tool_calls": held}))
        return (*pieces, Delta(choice, {}, reason, None if delta else logprobs))


class Input:
    """The input of one custom tool call, taken out of the arguments `{"input": "..."}` as they come."""

    def __init__(self) -> None:
        self._held = ""
        self._opened = False
        self._closed = False

    def feed(self, arguments: str) -> str:
        """What of the input is known by now and was not told before."""
        if self._closed:
            return ""
        self._held += arguments
        if not self._opened:
            opening = OPENING.match(self._held)
            if opening is None:
                return ""
            self._opened, self._held = True, self._held[opening.end() :]
        return self._text()

    def end(self) -> str:
        """The rest.  Arguments in any other form are taken as a whole, as well as can be."""
        return "" if self._opened else unwrapped(self._held)

    def _text(self) -> str:
        told: list[str] = []
        at = 0
        while unit := UNIT.match(self._held, at):
            at = unit.end()
            told.append(unescaped(unit[0]))
        self._closed = self._held.startswith('"', at)
        self._held = self._held[at:]
        return "".join(told)


def unescaped(unit: str) -> str:
    """One `UNIT` in plain text; what is no JSON escape stays as it is, half a surrogate pair becomes U+FFFD."""
    if unit[0] != "\\" or unit == "\\u":
        return unit
    if unit[1] != "u":
        return ESCAPES.get(unit[1], unit)
    text: str = json.loads(f'"{unit}"')  # orjson takes no half pairs
    return "\ufffd" if "\ud800" <= text <= "\udfff" else text


def unwrapped(arguments: str) -> str:
    """The input in *arguments*: its `input`, else its only value, else all of it."""
    try:
        value = orjson.loads(arguments)
        if isinstance(value, dict) and (INPUT in value or len(value) == 1):
            value = value.get(INPUT, next(iter(value.values())))
        if value == {}:
            return ""
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return arguments


def input_piece(place: tuple[int, int], text: str) -> Json | None:
    """More of the input of the custom call at *place*, a choice and an index."""
    return {"index": place[1], "custom": {"input": text}} if text else None


def former_call(calls: Sequence[Json]) -> Json:
    """The pieces *calls* of one call as a piece of the deprecated `function_call`."""
    functions = [call.get("function") or {} for call in calls]
    named: Json = next(({"name": f["name"]} for f in functions if "name" in f), {})
    return named | {"arguments": "".join(f.get("arguments") or "" for f in functions)}


def without(delta: Json, field: str) -> Json:
    return {name: value for name, value in delta.items() if name != field}
