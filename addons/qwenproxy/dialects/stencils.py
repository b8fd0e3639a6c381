"""Frames that say what one before them said, in other words: read without being parsed.

A stream writes the same frame a thousand times; nothing in it changes but its text and, with some servers, its counts.
So of a frame that says words and nothing else a stencil is made: its bytes, with a hole where the text stands, and one
where the counts stand.  A later frame that fits is JSON like the first, since each hole holds one JSON value of the
same kind, and it says the same of what is in the holes.  Whatever does not fit is parsed.

Where the holes are is not known but tried: the frame is read once more with other values in them, and the reader has to
say just those.
"""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from qwenproxy.dialects.normaliser import Normaliser
from qwenproxy.sse import Framing

PATIENCE = 16
"""Frames of an answer before the first of which a stencil is sought: in a short one it would not pay."""
LESSONS = 16
"""Frames of one answer of which a stencil is sought."""
MOST = 4
"""Stencils of one answer: thinking and text of two choices."""
PROBE = "~"
"""The words that a frame is read with once more."""

_COUNTS = re.compile(rb'"usage(?:Metadata|_metadata)?"\s*+:\s*+(?=\{)')
_NUMBER = re.compile(rb"(?<=[:\[,\s])\d++(?=[,}\]\s])")
_DECODER = json.JSONDecoder()

type Call = tuple[str, tuple[Any, ...]]
"""What a reader has said: the normaliser's method, and the arguments."""
type Hear = Callable[[bytes], Sequence[Call]]
"""What a reader says of a payload."""
type Unread = dict[tuple[Any, ...], bytes]
"""Totals as bytes, by whose they are: the further arguments of the normaliser's `usage`."""
type Say = Callable[[int, str], None]
"""Takes a choice's index, and a piece of its text."""


class Words(NamedTuple):
    """All that a frame says."""

    channel: str
    """`content` or `reasoning`: the normaliser's method."""
    choice: int
    text: str
    totals: tuple[Any, ...]
    """The arguments of `Normaliser.usage`, if there are totals."""


class Parts(NamedTuple):
    """An event in pieces: *opening*, the rest of its first line, *head*, a text, *middle*, totals, *tail*.

    Without an *opening* there is no such line.  *head* ends, and *middle* begins with the text's quotes.  Where no
    totals are, *totals* and *tail* are empty.
    """

    opening: bytes
    head: bytes
    middle: bytes
    totals: bytes
    tail: bytes


class Stencil:
    """The pieces that do not change.  *say* takes a choice's index and what is in the hole for the text.

    Totals that differ from the first in numbers only are kept unread until they are wanted: the last ones count.
    """

    def __init__(self, parts: Parts, words: Words, say: Say) -> None:
        self._parts = parts
        self._form = _form(parts.totals) if parts.totals else None
        self._choice = words.choice
        self._whose = words.totals[1:]
        self._say = say

    def take(self, events: bytes, at: int, unread: Unread) -> int:
        """Says what *events* hold, from place *at* up to the first that does not fit; gives the place of that.

        The last totals go into *unread*.
        """
        opening, head, middle, totals, tail = self._parts
        form, choice, say, loads = self._form, self._choice, self._say, orjson.loads
        first, length, between, behind = at, len(head), len(middle), len(tail)
        while True:
            start = at if not opening else events.find(b"\n", at) if events.startswith(opening, at) else -1
            if start < 0 or not events.startswith(head, start):
                break
            start += length
            end = events.find(b'"', start)
            if not events.startswith(middle, end):
                end = events.find(middle, start)  # cannot be in the text, whose quotes are escaped
            over = end + between
            if form is not None:
                if events.startswith(totals, over):
                    over += len(totals)
                elif found := form.match(events, over):
                    totals, over = found[0], found.end()
                if not events.startswith(tail, over):
                    break
            try:
                text = loads(events[start - 1 : end + 1])
            except ValueError:
                break
            say(choice, text)
            at = over + behind
        if totals and at > first:
            unread[self._whose] = totals
        return at


class Overheard:
    """The normaliser as a reader speaks to it, and all that is said; *aloud*: so that the normaliser hears it too."""

    def __init__(self, normaliser: "Normaliser | Overheard", *, aloud: bool) -> None:
        self.calls: list[Call] = []
        self._normaliser = normaliser
        self._aloud = aloud

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._normaliser, name)
        if not callable(method):
            return method

        def heard(*arguments: Any) -> Any:
            self.calls.append((name, arguments))
            return method(*arguments) if self._aloud else None

        return heard


class Stencils:
    """The stencils of one answer.  Nothing raises."""

    def __init__(self, normaliser: Normaliser, framing: Framing) -> None:
        self.patience = PATIENCE
        """How many frames more are only read."""
        self.lessons = LESSONS
        """How many frames more, then, are worth listening to."""
        self.totals: Unread = {}
        """The last totals that were seen and not said."""
        self.known: list[Stencil] = []
        self.seen = b""
        """The payload of the frame that was parsed last; b"" if it says less than its frame."""
        self._normaliser = normaliser
        self._framing = framing

    def take(self, events: bytes) -> int:
        """Says what *events* hold up to the first that fits no stencil; gives the place of that."""
        at, before = 0, -1
        while at > before:
            before = at
            for stencil in self.known:
                at = stencil.take(events, at, self.totals)
        return at

    def learn(self, calls: Sequence[Call], hear: Hear) -> None:
        """The payload that was seen last has been parsed, and a reader has said *calls*."""
        self.lessons -= 1
        payload, self.seen = self.seen, b""
        words = _words(calls)
        if payload and words is not None and len(self.known) < MOST:
            stencil = self._cut(payload, words, hear)
            if stencil is not None:
                self.known.append(stencil)

    def _cut(self, payload: bytes, words: Words, hear: Hear) -> Stencil | None:
        """A stencil of *payload*, if it proves right."""
        quoted = orjson.dumps(words.text)
        if payload.count(quoted) != 1 or b"\n" in payload or words.text == PROBE:
            return None
        head, _, rest = payload.partition(quoted)
        middle, totals, tail = _parted(rest) if words.totals else (rest, b"", b"")
        other = _other(words)
        if bool(totals) != bool(words.totals) or (totals and other.totals == words.totals):
            return None
        probe = (head, orjson.dumps(PROBE), middle, *map(orjson.dumps, other.totals[:1]), tail)
        if _words(hear(b"".join(probe))) != other:
            return None
        opening, before, behind = self._framing
        middle, tail = (middle, tail + behind) if totals else (middle + behind, b"")
        parts = Parts(opening, before + head + b'"', b'"' + middle, totals, tail)
        return Stencil(parts, words, getattr(self._normaliser, words.channel))


def _words(calls: Sequence[Call]) -> Words | None:
    """What *calls* say, if that is words and at most totals besides."""
    spoken = [call for call in calls if call[0] != "usage"]
    totals = [arguments for name, arguments in calls if name == "usage"]
    if len(spoken) != 1 or len(totals) > 1 or spoken[0][0] not in ("content", "reasoning"):
        return None
    channel, (index, text, *logprobs) = spoken[0]
    if not text or any(logprobs):
        return None
    return Words(channel, index, text, totals[0] if totals else ())


def _form(totals: bytes) -> re.Pattern[bytes]:
    """What is like *totals*, in whatever whole numbers."""
    return re.compile(rb"(?:0|[1-9]\d*+)".join(map(re.escape, _NUMBER.split(totals))))


def _other(words: Words) -> Words:
    """Other words, with totals in other numbers."""
    totals = words.totals
    if totals:
        other = {name: value + 1 if type(value) is int else value for name, value in totals[0].items()}
        totals = (other, *totals[1:])
    return words._replace(text=PROBE, totals=totals)


def _parted(rest: bytes) -> tuple[bytes, bytes, bytes]:
    """*rest* in front of its totals, they themselves, and behind them; no totals if there are none."""
    found = _COUNTS.search(rest)
    if found is None:
        return rest, b"", b""
    text = rest[found.end() :].decode()
    _, end = _DECODER.raw_decode(text)
    return rest[: found.end()], text[:end].encode(), text[end:].encode()
