"""A tool call's arguments as they stream in: one JSON object, passed on while it is one, mended where it is not.

What was sent cannot be taken back, and waiting costs the app its early start.  So pieces pass at once as long as they
can become a JSON object; from the first character that cannot be part of one the rest is held back, and mended when
the call is over.
"""

import re

from qwenproxy.dialects import mending
from qwenproxy.dialects.scanner import Scanner

LIMIT = 16 * 1024 * 1024  # characters of one call's arguments

_NESTS = re.compile(r"[:\[,]\s*\Z")
"""Ends in a place where another object may begin."""
_ENDS_STRING = re.compile(r'\{\s*"\s*(?:[:,}\]]|\Z)')
"""Begins like an object, and could also be the end of a string and what follows it."""


class ArgumentsTooLong(ValueError):
    """Arguments grew beyond `LIMIT`."""


class Arguments:
    """Takes the pieces of one call's arguments; `take` gives what may be sent of them."""

    __slots__ = (
        "_broken",
        "_doubt",
        "_late",
        "_passed",
        "_ready",
        "_received",
        "_scanner",
        "_twin",
        "cumulative",
        "junk",
        "size",
    )

    def __init__(self, twin: str = "") -> None:
        """*twin*: the arguments of the call that these were found glued to; the same again is an echo, no new call."""
        self.size = 0
        self.junk = False
        self._twin = twin
        self._received: list[str] = []
        self._scanner = Scanner()
        self._broken = False
        self.cumulative = False
        self._doubt: list[str] = []
        self._ready = ""
        self._late = ""
        self._passed = 0

    @property
    def text(self) -> str:
        """All that was received."""
        if len(self._received) > 1:
            self._received = ["".join(self._received)]
        return self._received[0] if self._received else ""

    @property
    def complete(self) -> bool:
        return self._scanner.complete

    @property
    def echo(self) -> bool:
        """These are, so far, the twin's arguments said again."""
        return bool(self._twin)

    def feed(self, piece: str) -> str:
        """Takes *piece*; gives back what of it lies behind the object's end and begins another object, else "".

        Raises ArgumentsTooLong.
        """
        if self._doubt:
            piece = self._doubted(piece)
        elif not self.size:
            piece = piece.lstrip()
        elif self.cumulative or len(piece) >= self.size:
            piece = self._increment(piece)
        return self._add(piece) if piece else ""

    def take(self) -> str:
        """What may be sent now and was not yet."""
        if self._twin:
            return ""
        ready, self._ready = self._ready, ""
        return ready

    def settle(self) -> str:
        """No more pieces: decides what was in doubt.  Gives back what `feed` does."""
        doubt, self._doubt = self._doubt, []
        if not doubt:
            return ""
        self.cumulative = _likeness(doubt[-1]) > _likeness(self.text + "".join(doubt))
        return self._add(doubt[-1][self.size :] if self.cumulative else "".join(doubt))

    def close(self, *, truncated: bool) -> list[str]:
        """Makes the rest ready, mended if need be and the answer was not *truncated*; says what was put right."""
        text = self.text
        repairs = ["its arguments came cumulative"] if self.cumulative else []
        if not text:
            self._ready = "" if truncated else "{}"
        elif self.complete:
            if self.junk:
                repairs.append("left out what followed its arguments")
            if not mending.is_object(text):
                repairs.append("its arguments are not JSON")
        elif truncated:
            self._ready += text[self._passed :]
        else:
            repairs.append(self._mend(text))
        return repairs

    def _mend(self, text: str) -> str:
        whole = mending.mended(text) if self._broken else mending.closed(text)
        if whole is None or not whole.startswith(text[: self._passed]):
            self._ready += text[self._passed :]
            return "its arguments are not JSON"
        self._ready += whole[self._passed :]
        return "mended arguments that were not JSON" if self._broken else "closed unfinished JSON"

    def _increment(self, piece: str) -> str:
        """What is new in *piece*, which may be all the arguments so far.

        An object cannot begin just anywhere in JSON, so a piece that begins with all there was is mostly proof enough;
        where one can, both readings are kept open until the next piece or the end.
        """
        whole = piece.lstrip()
        if whole[:1] != "{":
            return piece
        text = self.text
        if self.cumulative and text.startswith(whole):
            return ""
        if not whole.startswith(text):
            return piece
        if not self.cumulative and self._nests(whole):
            self._doubt = [whole]
            return ""
        if len(whole) == self.size:
            return whole if self.complete else ""
        self.cumulative = True
        return whole[self.size :]

    def _nests(self, piece: str) -> bool:
        """Whether *piece*, which begins as all the arguments do, could also be part of them where they stand."""
        if self.complete:
            return False
        if self._scanner.in_string:
            return _ENDS_STRING.match(piece) is not None
        return _NESTS.search(self.text) is not None

    def _doubted(self, piece: str) -> str:
        """What is new, now that *piece* tells whether those in doubt were increments; "" if it does not."""
        doubt, whole = self._doubt, piece.lstrip()
        if not whole.startswith(doubt[-1]):
            self._doubt = []
            return "".join([*doubt, piece])
        if self.size < len(doubt[-1]) < len(whole):  # grew twice
            self._doubt = []
            self.cumulative = True
            return whole[self.size :]
        doubt.append(whole)
        return ""

    def _add(self, piece: str) -> str:
        if self.complete:
            return self._behind(piece)
        end = len(piece) if self._broken else self._scanner.feed(piece)
        if not self._broken:
            self._pass(piece[:end])
        if self.complete:
            self._keep(piece[:end])
            return self._behind(piece[end:])
        self._keep(piece)
        self._broken = self._broken or end < len(piece)
        return ""

    def _keep(self, piece: str) -> None:
        if self._twin and not self._twin.startswith(piece, self.size):
            self._twin = ""
        self._received.append(piece)
        self.size += len(piece)
        if self.size > LIMIT:
            raise ArgumentsTooLong(f"a tool call's arguments are longer than {LIMIT} characters")

    def _pass(self, piece: str) -> None:
        """*piece* may be sent; a comma at its end not yet, as nothing may follow it."""
        piece = self._late + piece
        self._late = ""
        if not self._scanner.in_string and (bare := piece.rstrip()).endswith(","):
            self._late = piece[len(bare) - 1 :]
            piece = bare[:-1]
        self._ready += piece
        self._passed += len(piece)

    def _behind(self, piece: str) -> str:
        """Of what follows a complete object, another object; anything else is junk, and so is all after it."""
        rest = piece.lstrip(" \t\r\n,;")
        if not rest or self.junk:
            return ""
        if rest[0] == "{":
            return rest
        self.junk = True
        return ""


def _likeness(text: str) -> int:
    """How much *text* is like a JSON object: 2 if it is one, 1 if it begins with one."""
    scanner = Scanner()
    end = scanner.feed(text)
    return (1 + (end == len(text))) if mending.is_object(text[:end]) else 0
