"""Writing for people: with colours and a line that changes on a terminal, plain lines elsewhere."""

import shutil
import textwrap
from collections.abc import Mapping
from typing import TextIO

WIDEST = 96
"""Columns of running text."""
CLEAR = "\r\x1b[K"
STYLES: Mapping[str, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Screen:
    """Writes to *out*; what it may do there follows from *out* and *environ*."""

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        self.is_live = out.isatty() and environ.get("TERM", "dumb") != "dumb"
        """Whether lines can change."""
        self.has_colours = self.is_live and not environ.get("NO_COLOR")
        self._out = out
        self._status = ""

    @property
    def columns(self) -> int:
        return shutil.get_terminal_size().columns

    @property
    def rows(self) -> int:
        return shutil.get_terminal_size().lines

    @property
    def draws_blocks(self) -> bool:
        """Whether it can show the characters that pictures are made of."""
        try:
            "█▀▄".encode(self._out.encoding or "utf-8")
        except (UnicodeEncodeError, LookupError):
            return False
        return self.is_live

    def line(self, text: str = "", style: str = "") -> None:
        """A line that stays."""
        self._write(f"{CLEAR if self._status else ''}{self.styled(text, style)}\n")
        self._status = ""

    def paragraph(self, text: str, *, indent: str = "", first: str = "", style: str = "") -> None:
        """Running text, broken into lines on a terminal; *first* stands in the first line's *indent*."""
        opening = first + indent[len(first) :]
        if not self.is_live:
            self.line(opening + text)
            return
        width = min(self.columns - 1, WIDEST)
        broken = textwrap.wrap(
            text,
            width,
            initial_indent=opening,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in broken:
            self.line(line, style)

    def status(self, text: str, style: str = "") -> None:
        """The line that changes, on a terminal: the last one, until something else is written."""
        if self.is_live:
            text = text[: max(1, self.columns - 1)]
            self._write(f"{CLEAR}{self.styled(text, style)}")
            self._status = text

    def clear(self) -> None:
        """Take the line that changes away."""
        if self._status:
            self._write(CLEAR)
            self._status = ""

    def styled(self, text: str, style: str) -> str:
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if style and text and self.has_colours else text

    def _write(self, text: str) -> None:
        encoding = self._out.encoding or "utf-8"
        self._out.write(text.encode(encoding, "replace").decode(encoding))
        self._out.flush()
