"""A reader of HTTP/1.1 messages, just enough for the upstream and the load, and fast (RFC 9112, 6 and 7)."""


class MessageReader:
    """Reads messages one after the other: feed bytes, look at `ended`, take the message, call `advance`.

    A body ends by its chunks or its content-length; without either it is empty (a request) or lasts until the
    connection ends (an answer).  Raises ValueError for what is not HTTP.
    """

    def __init__(self, *, until_close: bool) -> None:
        self._until_close = until_close
        self._buffer = b""
        self._clear()

    def _clear(self) -> None:
        self.start = b""
        self.headers: dict[bytes, bytes] = {}
        self.pieces: list[bytes] = []
        self.size = 0
        self.ended = False
        self._length: int | None = None
        self._chunked = False

    @property
    def body(self) -> bytes:
        """The body as far as it has come."""
        return b"".join(self.pieces)

    def feed(self, data: bytes) -> None:
        """Read on with *data*; what belongs to the next message is kept."""
        self._buffer = self._buffer + data if self._buffer else data
        if not self.start:
            self._head()
        if not self.start or self.ended:
            return
        if self._chunked:
            self._chunks()
        else:
            self._bytes()

    def close(self) -> None:
        """The connection has ended, which is the end of a body without a length."""
        self.ended = self.ended or (bool(self.start) and not self._chunked and self._length is None)

    def advance(self) -> None:
        """Go on to the next message, of which some may be here already."""
        self._clear()
        if self._buffer:
            self.feed(b"")

    def _head(self) -> None:
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        self.start, *lines = head.split(b"\r\n")
        for line in lines:
            name, _, value = line.partition(b":")
            self.headers[name.lower()] = value.strip()
        self._chunked = self.headers.get(b"transfer-encoding", b"").lower() == b"chunked"
        length = self.headers.get(b"content-length", None if self._until_close else b"0")
        self._length = None if length is None else int(length)
        self._buffer = rest

    def _bytes(self) -> None:
        left = len(self._buffer) if self._length is None else self._length - self.size
        self._keep(self._buffer[:left])
        self._buffer = self._buffer[left:]
        self.ended = self.size == self._length

    def _chunks(self) -> None:
        buffer, at = self._buffer, 0
        while (line := buffer.find(b"\r\n", at)) >= 0:
            size = int(buffer[at:line].partition(b";")[0], 16)
            start = line + 2
            if size == 0:
                self.ended, at = self._trailers(line, at)
                break
            if len(buffer) < start + size + 2:
                break
            self._keep(buffer[start : start + size])
            at = start + size + 2
        self._buffer = buffer[at:]

    def _trailers(self, line: int, at: int) -> tuple[bool, int]:
        """Whether all is here that follows the last chunk's size, and where to read on."""
        end = self._buffer.find(b"\r\n\r\n", line)
        return (True, end + 4) if end >= 0 else (False, at)

    def _keep(self, piece: bytes) -> None:
        if piece:
            self.pieces.append(piece)
            self.size += len(piece)
