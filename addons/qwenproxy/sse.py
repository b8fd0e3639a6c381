"""The event-stream codec: bytes in, payloads out, and back (WHATWG HTML, 9.2 "Server-sent events")."""

import re
from collections.abc import Callable
from typing import NamedTuple

LIMIT = 16 * 1024 * 1024
"""Bytes of one unfinished event: a whole image fits, a stream that never ends an event does not fill memory."""

LINE_COST = 64
"""Bytes that each further line of an event counts beside what it holds: so many it takes in memory."""

BOM = b"\xef\xbb\xbf"
KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"

STATUS = re.compile(rb"(?::HTTP_STATUS/|status: ?)([45]\d\d)")
"""DashScope's comment with the status that an event would have had, had the answer not begun; or a field of its own."""
PLAIN = b"\nevent:result\n:HTTP_STATUS/200\ndata:{"
"""What stands between the id of one of its events and the rest of the payload, if all is well."""
TO_PAYLOAD = len(PLAIN) - 1


class Framing(NamedTuple):
    """How an event is written: a line that begins with *opening*, if there is one, *before*, the payload, *behind*."""

    opening: bytes
    before: bytes
    behind: bytes


LINE = Framing(b"", b"data: ", b"\n\n")
DASHSCOPE = Framing(b"id:", PLAIN[:TO_PAYLOAD], b"\n\n")


class EventTooLarge(ValueError):
    """An event grew beyond `LIMIT` without its end."""


class Decoder:
    """Cuts a byte stream into the payloads of its events, however the network cut it.

    Comments, `id:` and `retry:` are dropped; a payload is what the event's `data:` lines hold, joined by newlines.
    """

    def __init__(self, take: Callable[[bytes], int] | None = None) -> None:
        """*take* is given whole events and perhaps a piece of one, and says how many bytes it has taken from their
        front: whole events, without LF in any of their lines."""
        self.failed: dict[int, int] = {}
        """Errors among the payloads of the last feed: their place -> the status that was told with it, or 0."""
        self._take = take
        self._error: int | None = None
        self._tail = b""
        self._data: list[bytes] = []
        self._size = 0
        self._start = True
        self._too_large = False

    @property
    def pending(self) -> int:
        """Bytes of the line or event that is not whole yet, and is looked at again with the next ones."""
        return len(self._tail)

    def feed(self, data: bytes) -> list[bytes]:
        """Payloads completed by *data*; b"" means that the stream has ended, and completes what is pending.

        Raises EventTooLarge, once the payloads in front of that event have been given.
        """
        if self.failed:
            self.failed = {}
        text = self._tail + data if self._tail else data
        if self._start:
            if data and len(text) < len(BOM) and BOM.startswith(text):
                self._tail = text
                return []
            self._start = False
            text = text.removeprefix(BOM)
        begun = self._data or self._error is not None
        if data and text.find(b"\r") < 0 and not begun and len(text) <= LIMIT and not self._too_large:
            return self._fast(text)
        payloads = self._lines(text, ended=not data)
        if self._too_large and not payloads:
            raise EventTooLarge
        return payloads

    def _fast(self, text: bytes) -> list[bytes]:
        """The common forms: events of one `data:` line, OpenAI's or DashScope's, parted by blank lines of LF only."""
        if self._take is not None and (taken := self._take(text)):
            text = text[taken:]
        events = text.split(b"\n\n")
        self._tail = events.pop()
        payloads: list[bytes] = []
        for event in events:
            line_end = event.find(b"\n")  # finding is much cheaper than "in"
            if line_end < 0 and event.startswith(b"data: "):
                payloads.append(event[6:])
            elif (
                event.startswith(PLAIN, line_end)
                and event.find(b"\n", line_end + TO_PAYLOAD) < 0
                and event.startswith(b"id:")
            ):
                payloads.append(event[line_end + TO_PAYLOAD :])
            elif event:
                for line in event.split(b"\n"):
                    self._line(line, payloads)
                self._line(b"", payloads)
        return payloads

    def _lines(self, text: bytes, *, ended: bool) -> list[bytes]:
        """Any form: line by line."""
        lines = text.splitlines(keepends=True)  # bytes.splitlines cuts at LF, CRLF and CR only: SSE's line ends
        # A CR at the very end may be half of a CRLF.
        whole = ended or not lines or lines[-1].endswith(b"\n")
        self._tail = b"" if whole else lines.pop()
        payloads: list[bytes] = []
        for line in lines:
            self._line(line.rstrip(b"\r\n"), payloads)
        if ended:
            self._line(b"", payloads)  # some servers leave out the last blank line
        self._grow(len(self._tail) - len(b"data: "))
        return payloads

    def _line(self, line: bytes, payloads: list[bytes]) -> None:
        if self._too_large:
            return
        if not line:
            self._dispatch(payloads)
            return
        field, _, value = line.partition(b":")
        if field == b"data":
            value = value.removeprefix(b" ")
            self._size += len(value) + (LINE_COST if self._data else 0)
            self._data.append(value)
            self._grow(0)
            return
        if field == b"event" and value.strip() == b"error":
            self._error = self._error or 0
        elif status := STATUS.match(line):
            self._error = int(status[1])
        self._grow(len(line) - len(b"data: "))

    def _dispatch(self, payloads: list[bytes]) -> None:
        """The end of an event; one without data is none."""
        if self._data:
            if self._error is not None:
                self.failed[len(payloads)] = self._error
            payloads.append(b"\n".join(self._data))
            self._data.clear()
            self._size = 0
        self._error = None

    def _grow(self, pending: int) -> None:
        """The event is as large as its lines and *pending* bytes; too large, it and all that follows is dropped."""
        if self._size + pending > LIMIT:
            self._too_large = True
        if self._too_large:
            self._tail = b""
            self._data.clear()


def encode(payload: bytes) -> bytes:
    """One event of one line; *payload* is JSON without line breaks."""
    return b"data: " + payload + b"\n\n"


def encode_named(name: bytes, payload: bytes) -> bytes:
    """One event with an `event:` line, as the Responses API sends them."""
    return b"event: " + name + b"\ndata: " + payload + b"\n\n"
