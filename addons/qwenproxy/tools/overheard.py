"""What a program writes to its standard error: kept for the day when it does not work, and never in the way."""

import os
import threading
from collections import deque
from typing import TextIO

LINES = 20
LONGEST = 300
AT_ONCE = 4_096


class Overheard:
    """The writing end of a pipe, and the last lines that came out of it."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=LINES)
        read, write = os.pipe()
        self.end: TextIO = os.fdopen(write, "w")
        threading.Thread(target=self._listen, args=(read,), name="qwenproxy-mcp-stderr", daemon=True).start()

    def last(self) -> str:
        """The last line, for a message; "" if there is none."""
        return self.lines[-1] if self.lines else ""

    def close(self) -> None:
        """Give up our own copy of the writing end; the reading one ends with the last of the others."""
        self.end.close()

    def _listen(self, read: int) -> None:
        rest = b""
        try:
            while data := os.read(read, AT_ONCE):
                *lines, rest = (rest + data).split(b"\n")
                rest = rest[-AT_ONCE:]  # a line without end
                for line in (*lines, *([rest] if not lines else [])):
                    self._hear(line)
        finally:
            os.close(read)

    def _hear(self, line: bytes) -> None:
        if text := line.decode("utf-8", "replace").strip()[:LONGEST]:
            self.lines.append(text)
