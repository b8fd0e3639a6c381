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
        self._doubt = ""
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
        return bool(self._twin) and self._twin.startswith(self.text)

    def feed(self, piece: str) -> str:
        """Takes *piece*; gives back what of it lies behind the object's end and begins another object, else "".

        Raises ArgumentsTooLong.
        """
        if self._doubt:
            doubt, self._doubt = self._doubt, ""
            if not piece.startswith(doubt):
                return self._add(doubt + piece)
            self.cumulative = True
        if not self.size:
            piece = piece.lstrip()
        elif self.cumulative or len(piece) >= self.size:
            piece = self._increment(piece)
        return self._add(piece) if piece else ""

    def take(self) -> str:
        """What may be sent now and was not yet."""
        if self._twin:
            if self.echo:
                return ""
            self._twin = ""
        ready, self._ready = self._ready, ""
        return ready

    def settle(self) -> str:
        """No more pieces: decides what was in doubt.  Gives back what `feed` does."""
        doubt, self._doubt = self._doubt, ""
        if not doubt:
            return ""
        again = _ends(doubt) and not _ends(self.text + doubt)
        return self._add(doubt[self.size :] if again else doubt)

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
        text, whole = self.text, piece.lstrip()
        if self.cumulative and text.startswith(whole):
            return ""
        if not whole.startswith(text) or text[0] != "{":
            return piece
        nests = not self.complete and not self._scanner.in_string and _NESTS.search(text) is not None
        if len(whole) == self.size:
            return whole if nests or self.complete else ""
        if nests and not self.cumulative:
            self._doubt = whole
            return ""
        self.cumulative = True
        return whole[self.size :]

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


def _ends(text: str) -> bool:
    """Whether an object that *text* begins with ends in it."""
    scanner = Scanner()
    scanner.feed(text)
    return scanner.complete
