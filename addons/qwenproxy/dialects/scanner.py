"""Follows the structure of a JSON object through its pieces, looking at each character once.

No parser: it knows where strings, objects and lists begin and end, and sees at once what cannot be JSON where it
stands (a single quote, `True`, a tag, a bare key in front).  What else may be wrong, a real parser finds at the end.
"""

import re

_PLAIN = re.compile(r"[\s,:0-9a-z.+\-E]*+")
"""What stands between strings and brackets."""
_SPACE = re.compile(r"\s*+")
_STRING = re.compile(r'(?:[^"\\\x00-\x1f]++|\\.)*+', re.DOTALL)
_COMMA = re.compile(r",\s*\Z")
_CLOSER = {"{": "}", "[": "]"}


class Scanner:
    """The state between two pieces of one object."""

    __slots__ = ("_closers", "_comma", "_escaped", "_opening", "complete", "in_string")

    def __init__(self) -> None:
        self.complete = False
        self.in_string = False
        self._closers: list[str] = []
        self._escaped = False
        self._comma = False
        self._opening = True  # in front of the object, or just behind a `{`: only one kind of character can follow

    @property
    def closers(self) -> str:
        """What would close all that is open, strings apart."""
        return "".join(reversed(self._closers))

    def feed(self, text: str) -> int:
        """How far *text* belongs to the object: up to its end, or to the first character that cannot be part of it."""
        at, end = 0, len(text)
        while at < end and not self.complete:
            step = self._string(text, at) if self.in_string else self._outside(text, at)
            if step < 0:
                return ~step
            at = step
        return at

    def _string(self, text: str, at: int) -> int:
        """The position behind what is read; or, where that cannot be JSON, its complement, which is negative."""
        if self._escaped:
            self._escaped = False
            return at + 1
        at = _behind(_STRING, text, at)
        if at == len(text):
            return at
        if text[at] == '"':
            self.in_string = False
        elif text[at] == "\\":  # the last character
            self._escaped = True
        else:  # a raw line break or the like
            return ~at
        return at + 1

    def _outside(self, text: str, at: int) -> int:
        start, at = at, _behind(_SPACE if self._opening else _PLAIN, text, at)
        if at > start:
            plain = text[start:at]
            self._comma = bool(_COMMA.search(plain)) or (self._comma and plain.isspace())
        if at == len(text):
            return at
        if self._opening and text[at] not in ('"}' if self._closers else "{"):
            return ~at
        return at + 1 if self._structure(text[at]) else ~at

    def _structure(self, sign: str) -> bool:
        """Takes *sign*, which is neither plain nor inside a string; False if it cannot stand here."""
        self._opening = sign == "{"
        if sign == '"':
            self.in_string = True
        elif sign in _CLOSER:
            self._closers.append(_CLOSER[sign])
        elif sign == self._closers[-1] and not self._comma:
            self._closers.pop()
            self.complete = not self._closers
        else:
            return False
        self._comma = False
        return True


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
