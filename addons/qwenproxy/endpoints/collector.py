"""The events of one answer, added up to whole choices."""

from collections.abc import Iterable

from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

TEXTS = ("content", "reasoning_content", "refusal")

ARGUMENT = {"function": "arguments", "custom": "input"}
"""The kinds of tool call, and where each keeps its text."""


def collect(events: Iterable[ChatEvent]) -> Json:
    """`choices`, in order, with full messages, and `usage` if it was given.  Raises a ProxyError among *events*."""
    choices: dict[int, Choice] = {}
    answer: Json = {}
    for event in events:
        if isinstance(event, ProxyError):
            raise event
        if isinstance(event, Usage):
            answer["usage"] = event.usage
        else:
            choice = choices.get(event.choice)
            if choice is None:
                choice = choices[event.choice] = Choice()
            choice.add(event)
    return {"choices": [{"index": index} | choices[index].whole() for index in sorted(choices)]} | answer


class Choice:
    """One choice as it grows."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {name: [] for name in TEXTS}
        self._calls: dict[int, Call] = {}
        self._former: Call | None = None
        self._annotations: list[Json] = []
        self._logprobs: Json | None = None
        self._finish: str | None = None

    def add(self, piece: Delta) -> None:
        for name in TEXTS:
            if (text := piece.delta.get(name)) is not None:
                self._texts[name].append(text)
        for call in piece.delta.get("tool_calls") or ():
            self._calls.setdefault(call["index"], Call()).add(call)
        if (former := piece.delta.get("function_call")) is not None:
            self._former = self._former or Call()
            self._former.add({"function": former})
        self._annotations += piece.delta.get("annotations") or ()
        if piece.logprobs is not None:
            self._logprobs = joined(self._logprobs, piece.logprobs)
        self._finish = piece.finish_reason or self._finish

    def whole(self) -> Json:
        """OpenAI's `choices[]` entry, without its index."""
        return {"message": self._message(), "logprobs": self._logprobs, "finish_reason": self._finish}

    def _message(self) -> Json:
        text = {name: "".join(pieces) for name, pieces in self._texts.items()}
        wordless = bool(self._calls or self._former or text["refusal"])
        message: Json = {"role": "assistant", "content": text["content"] or (None if wordless else "")}
        message["refusal"] = text["refusal"] or None
        if text["reasoning_content"]:
            message["reasoning_content"] = text["reasoning_content"]
        if self._annotations:
            message["annotations"] = self._annotations
        if self._calls:
            message["tool_calls"] = [self._calls[index].whole() for index in sorted(self._calls)]
        if self._former is not None:
            message["function_call"] = self._former.whole()["function"]
        return message


class Call:
    """One tool call as it grows, of a function or a custom tool."""

    def __init__(self) -> None:
        self._head: Json = {}
        self._kind = "function"
        self._called: Json = {}
        self._text: list[str] = []

    def add(self, piece: Json) -> None:
        self._head |= {name: piece[name] for name in ("id", "type") if name in piece}
        for kind, field in ARGUMENT.items():
            if (called := piece.get(kind)) is not None:
                self._kind = kind
                self._called |= {name: value for name, value in called.items() if name != field}
                self._text.append(called.get(field) or "")

    def whole(self) -> Json:
        return self._head | {self._kind: self._called | {ARGUMENT[self._kind]: "".join(self._text)}}


def joined(before: Json | None, more: Json) -> Json:
    """Two `logprobs` of one choice, list by list."""
    if before is None:
        return more
    return before | {name: (before.get(name) or []) + found for name, found in more.items() if found}
