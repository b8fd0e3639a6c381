"""One round of a conversation with tools, as it is heard: what goes on to the app at once, and what is for us."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json

PARTING = "\n\n"
"""Between the words of two rounds."""
JSON_BEGINS = ("{", "[")
MANY = 16
"""Events that are not looked at one by one if it can be helped."""
CHANNELS = ("content", "reasoning_content")


class Called(NamedTuple):
    """One call that the model makes, complete."""

    id: str
    name: str
    arguments: str


@dataclass(slots=True)
class Told:
    """What the app has been told in all rounds so far."""

    anything: bool = False
    opened: bool = False
    """It has the role."""
    ends: dict[str, str] = field(default_factory=dict)
    """The last piece in each channel."""


class Manner(NamedTuple):
    """What an app takes of an answer."""

    own: frozenset[str]
    """The names of its own tools: calls of any other never reach it."""
    single: bool = False
    """Only the first call of a message counts."""
    json: bool = False
    """Its answer has to be JSON."""


class Turn:
    """One round.  `hear` takes its events, and returns those that are for the app by now."""

    def __init__(self, manner: Manner, told: Told) -> None:
        self.failed = False
        self.ended = False
        """The finish was heard: all that can still come is the usage."""
        self.usage: Json | None = None
        self._manner = manner
        self._told = told
        self._finish = Delta(0, {}, "stop")
        self._said: dict[str, list[str]] = {}
        self._channel = ""
        """That of the last words that went on to the app: more of them follow without a look at each."""
        self._calls: dict[int, list[str]] = {}
        """Id, name and pieces of the arguments, by the index that upstream gives."""
        self._places: dict[int, int] = {}
        """Of the app's own calls: that index, and the one in the app's answer."""
        self._held: list[ChatEvent] = []
        """Words that may not be the answer, where it has to be JSON."""
        self._answers = not manner.json
        self._preamble = False
        """What is held back does not begin like JSON."""

    @property
    def ours(self) -> Sequence[Called]:
        """The complete calls that are for us to make: none if the round ended otherwise."""
        if self._finish.finish_reason != "tool_calls" or (self._manner.json and self._answers):
            return ()
        return [called(call) for index, call in self._calls.items() if index not in self._places]

    @property
    def apps(self) -> Sequence[str]:
        """The ids of the calls that the app has to make."""
        return [self._calls[index][0] for index in self._places]

    def hear(self, events: Sequence[ChatEvent]) -> Sequence[ChatEvent]:
        """What of *events* the app is to be told now."""
        if self._channel and self._more(events, self._channel):
            return events
        if len(events) > MANY:  # words, but for the answer's beginning or its end
            half = len(events) // 2
            return [*self.hear(events[:half]), *self.hear(events[half:])]
        told: list[ChatEvent] = []
        for event in events:
            if isinstance(event, Delta):
                self._delta(event, told)
            elif isinstance(event, ProxyError):
                self.failed = True
                told.append(event)
            else:
                self.usage = event.usage
        self._told.anything = self._told.anything or bool(told)
        return told

    def close(self) -> list[ChatEvent]:
        """The end of the app's answer, of which this round is the last."""
        told, reason = list(self._held), self._finish.finish_reason
        if reason == "tool_calls" and not self._places:  # there were calls, but none for the app
            reason = "stop" if self._said.get("content") else "length"
        return [*told, self._finish._replace(finish_reason=reason)]

    def message(self, ours: Sequence[Called]) -> Json:
        """What the model has said in all, for the next round; of calls that are for us only *ours*."""
        made = [(index in self._places, called(call)) for index, call in self._calls.items()]
        calls = [function_call(call) for is_apps, call in made if is_apps or call in ours]
        message: Json = {"role": "assistant", "content": "".join(self._said.get("content", ())) or None}
        if thought := "".join(self._said.get("reasoning_content", ())):
            message["reasoning_content"] = thought
        return message | {"tool_calls": calls} if calls else message

    def _more(self, events: Sequence[ChatEvent], channel: str) -> bool:
        """Whether *events* are more words in *channel*, and nothing else, which is most of what there is to hear."""
        pieces: list[Any] = [
            event.delta.get(channel)
            for event in events
            if type(event) is Delta and len(event.delta) == 1 and event.finish_reason is None
        ]
        if len(pieces) < len(events) or not all(pieces):
            return False
        self._said[channel] += pieces
        self._told.ends[channel] = pieces[-1]
        return True

    def _delta(self, event: Delta, told: list[ChatEvent]) -> None:
        if event.finish_reason is not None:
            self._finish, self.ended = event, True
        elif "tool_calls" in event.delta:
            told += [piece for call in event.delta["tool_calls"] for piece in self._call(event, call)]
        elif "role" not in event.delta:
            self._words(event, told)
        elif not self._told.opened:
            self._told.opened = True
            told.append(event)

    def _words(self, event: Delta, told: list[ChatEvent]) -> None:
        channel = next((name for name in CHANNELS if name in event.delta), "")
        text = event.delta.get(channel)
        if not isinstance(text, str):
            told.append(event)  # a refusal, an annotation
            return
        said = self._said.setdefault(channel, [])
        if channel == "content" and not self._answers:
            said.append(text)
            self._hold(event, told)
            return
        before = self._told.ends.get(channel)
        if not said and before is not None and not before.endswith(PARTING):
            told.append(Delta(event.choice, {channel: PARTING}))
        said.append(text)
        self._told.ends[channel] = text or before or ""
        self._channel = channel
        told.append(event)

    def _hold(self, event: Delta, told: list[ChatEvent]) -> None:
        """Keep words back until they look like JSON."""
        self._held.append(event)
        if self._preamble or not (begun := "".join(self._said["content"]).lstrip()):
            return
        self._answers = begun.startswith(JSON_BEGINS)
        self._preamble = not self._answers
        if self._answers:
            told += self._held
            self._held.clear()

    def _call(self, event: Delta, piece: Json) -> Sequence[Delta]:
        index, function = piece["index"], piece["function"]
        if self._manner.single and index > 0:
            return ()
        if index in self._calls:
            self._calls[index].append(function["arguments"])
        else:
            self._calls[index] = [piece["id"], function["name"], function["arguments"]]
            if function["name"] in self._manner.own:
                self._places[index] = len(self._places)
        place = self._places.get(index)
        return () if place is None else (event._replace(delta={"tool_calls": [piece | {"index": place}]}),)


def called(call: Sequence[str]) -> Called:
    id, name, *arguments = call
    return Called(id, name, "".join(arguments))


def function_call(call: Called) -> Json:
    """*call* as a message has it."""
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def result_message(call: Called, text: str) -> Json:
    """The result *text* of *call*, for the model."""
    return {"role": "tool", "tool_call_id": call.id, "content": text}
