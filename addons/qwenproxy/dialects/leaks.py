"""What leaks into content: thinking between its tags, and tool calls written as text.

Thinking is looked for at the very start of an answer only, where Qwen's template puts it; a `<think>` further on is
something that the answer talks about.  Tool calls as text are made calls only if asked for, on a line of their own,
outside fenced code, and if the request offers a tool of that name.
"""

import re
from typing import Literal, NamedTuple

import orjson

from qwenproxy.dialects import mending
from qwenproxy.wire.openai import Json

type Think = Literal["off", "start", "inside"]
"""Where thinking may leak: nowhere; between tags at the start; from the start on, as the template opened the tag."""

LIMIT = 256 * 1024  # characters of a leaked call; longer ones stay text

_OPEN, _CLOSE = "<think>", "</think>"
_CALL = re.compile(r"<tool_call>|<function=")
_ENDS = {"<tool_call>": "</tool_call>", "<function=": "</function>"}
_FUNCTION = re.compile(r"<function=([^>\s]++)\s*+>(.*)</function>", re.DOTALL)


class Text(NamedTuple):
    """Text of one channel, `content` or `reasoning_content`."""

    channel: str
    text: str


class LeakedCall(NamedTuple):
    """A whole tool call that was written as text."""

    name: str
    arguments: str


type Segment = Text | LeakedCall


def _part_of(text: str, tags: tuple[str, ...]) -> int:
    """Where at the end of *text* a beginning of one of *tags* stands; its length if none does."""
    at = text.rfind("<")
    return at if at >= 0 and any(tag.startswith(text[at:]) for tag in tags) else len(text)


class Thinking:
    """Parts leaked thinking from the answer behind it."""

    __slots__ = ("_buffer", "_said", "_state", "found", "settled")

    def __init__(self, think: Think) -> None:
        self.settled = think == "off"
        """Thinking is over, or there was none: all else is content."""
        self.found = False
        """A tag was found."""
        self._state: Literal["start", "inside", "thinking", "after"] = "inside" if think == "inside" else "start"
        self._buffer = ""
        self._said: list[str] = []

    def feed(self, text: str) -> list[Text]:
        if self.settled:
            return [Text("content", text)]
        self._buffer += text
        out: list[Text] = []
        if self._state in ("start", "inside"):
            self._start(out)
        if self._state == "thinking":
            self._think(out)
        if self._state == "after":
            self._answer(out)
        return out

    def parted(self) -> None:
        """The server parts thinking from the answer itself, so the answer does not begin inside it."""
        if self._state == "inside":
            self._state = "start"

    def end(self, *, unanswered: bool) -> list[Text]:
        """What was held back; if *unanswered* (the answer ended by itself, and nothing but this was said), thinking
        that never closed was the answer, and is said as such."""
        rest, self._buffer = self._buffer, ""
        if self._state != "thinking":
            return self._settle(rest)
        out = [Text("reasoning_content", rest)] if rest else []
        return out + (self._settle("".join(self._said) + rest) if unanswered else [])

    def _settle(self, text: str) -> list[Text]:
        self.settled = True
        self._said.clear()
        return [Text("content", text)] if text else []

    def _start(self, out: list[Text]) -> None:
        text = self._buffer.lstrip()
        self.found = text.startswith((_OPEN, _CLOSE))
        if text.startswith(_OPEN):
            self._state, self._buffer = "thinking", text[len(_OPEN) :].lstrip("\n")
        elif text.startswith(_CLOSE):
            self._state, self._buffer = "after", text[len(_CLOSE) :]
        elif _OPEN.startswith(text) or _CLOSE.startswith(text):
            return
        elif self._state == "inside":
            self._state = "thinking"
        else:
            out += self._settle(self._buffer)
            self._buffer = ""

    def _think(self, out: list[Text]) -> None:
        if not self._said:
            self._buffer = self._buffer.lstrip("\n")
        thought, tag, rest = self._buffer.partition(_CLOSE)
        if not tag:
            thought = thought[: _part_of(thought, (_CLOSE,))]
        thought = thought.rstrip("\n")
        if tag:
            self._state, self._buffer = "after", rest
        else:
            self._buffer = self._buffer[len(thought) :]
        if thought:
            self._said.append(thought)
            out.append(Text("reasoning_content", thought))

    def _answer(self, out: list[Text]) -> None:
        text = self._buffer.lstrip("\r\n")
        if text:
            out += self._settle(text)
        self._buffer = ""


class TextCalls:
    """Finds tool calls written as text: `<tool_call>{…}</tool_call>`, `<function=name><parameter=key>…`."""

    __slots__ = ("_after", "_buffer", "_end", "_fenced", "_line", "_tools")

    def __init__(self, tools: frozenset[str]) -> None:
        self._tools = tools
        self._buffer = ""
        self._end = ""
        self._line = ""
        self._fenced = False
        self._after = False

    def feed(self, text: str) -> list[Segment]:
        self._buffer += text
        out: list[Segment] = []
        while self._inside(out) if self._end else self._outside(out):
            pass
        return out

    def end(self) -> list[Segment]:
        """What was held back: a call of which only the closing tag is missing, or text."""
        text, self._buffer, self._end = self._buffer, "", ""
        return [self._segment(text)] if text else []

    def _outside(self, out: list[Segment]) -> bool:
        """Passes text up to the next call; False if more is needed to go on."""
        if self._after and not self._behind():
            return False
        at, text = 0, self._buffer
        for match in _CALL.finditer(text):
            self._pass(text[at : match.start()], out)
            at = match.start()
            if not self._fenced and not self._line.strip():
                self._buffer, self._end = text[at:], _ENDS[match[0]]
                return True
        held = _part_of(text, tuple(_ENDS))
        self._pass(text[at:held], out)
        self._buffer = text[held:]
        return False

    def _behind(self) -> bool:
        """Drops what parts a call from what follows: white space, and a closing tag whose opening one was missing."""
        text = self._buffer.lstrip()
        self._buffer = text.removeprefix("</tool_call>").lstrip()
        self._after = "</tool_call>".startswith(text) or not self._buffer
        return not self._after

    def _inside(self, out: list[Segment]) -> bool:
        body, tag, rest = self._buffer.partition(self._end)
        if not tag and len(body) <= LIMIT:
            return False
        segment = self._segment(body + tag) if tag else Text("content", body)
        self._buffer, self._end, self._after = rest, "", isinstance(segment, LeakedCall)
        if isinstance(segment, LeakedCall):
            out.append(segment)
        else:
            self._pass(segment.text, out)
        return True

    def _pass(self, text: str, out: list[Segment]) -> None:
        """Says *text*, and keeps in mind the line that it ends in and whether that is fenced code."""
        if not text:
            return
        *lines, last = (self._line + text).split("\n")
        if sum(line.lstrip().startswith("```") for line in lines) % 2:
            self._fenced = not self._fenced
        self._line = last[:80]
        out.append(Text("content", text))

    def _segment(self, text: str) -> Segment:
        body = text.removeprefix("<tool_call>").removesuffix("</tool_call>").strip()
        call = self._json(body, ended=text.endswith("</tool_call>")) if body.startswith("{") else self._function(body)
        return call or Text("content", text)

    def _json(self, body: str, *, ended: bool) -> LeakedCall | None:
        whole = (mending.mended(body) if ended else body) or ""
        said: Json = orjson.loads(whole) if mending.is_object(whole) else {}
        name, arguments = said.get("name"), said.get("arguments", said.get("parameters", {}))
        if not isinstance(name, str) or name not in self._tools:
            return None
        return LeakedCall(name, arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode())

    def _function(self, body: str) -> LeakedCall | None:
        match = _FUNCTION.fullmatch(body)
        if match is None or match[1] not in self._tools:
            return None
        return LeakedCall(match[1], orjson.dumps(mending.parameters(match[2]) or {}).decode())


class Leaks:
    """All that may leak into the content of one choice; *tools* are looked for if given."""

    __slots__ = ("_calls", "_thinking")

    def __init__(self, think: Think, tools: frozenset[str] = frozenset()) -> None:
        self._thinking = Thinking(think)
        self._calls = TextCalls(tools) if tools else None

    @property
    def moved(self) -> bool:
        """There was thinking in content, or a tag of it."""
        return self._thinking.found

    @property
    def settled(self) -> bool:
        """Nothing can leak any more: content need not be fed."""
        return self._thinking.settled and self._calls is None

    def parted(self) -> None:
        """Thinking has come by its own channel."""
        self._thinking.parted()

    def feed(self, text: str) -> list[Segment]:
        """*text* in its parts, in order; what may still become a tag is held back."""
        return self._called(self._thinking.feed(text))

    def end(self, *, unanswered: bool = False) -> list[Segment]:
        """What was held back, before something else is said and at the end.

        *unanswered*: the answer ended by itself and said nothing else, so thinking that never closed was the answer.
        """
        segments = self._called(self._thinking.end(unanswered=unanswered))
        return segments + self._calls.end() if self._calls is not None else segments

    def _called(self, texts: list[Text]) -> list[Segment]:
        calls, out = self._calls, list[Segment]()
        for text in texts:
            if calls is None or text.channel != "content":
                out.append(text)
            else:
                out += calls.feed(text.text)
        return out
