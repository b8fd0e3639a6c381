"""The responses in an answer to generateContent: one JSON object, an event stream, or one JSON array of objects.

Without `alt=sse` a stream is an array whose elements arrive one after another (Google's REST streaming).  The first
byte tells which it is; what is no array is read as everywhere else.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from qwenproxy import depth, sse
from qwenproxy.dialects.frames import Frames
from qwenproxy.dialects.stencils import Stencils
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, Failure, ProxyError
from qwenproxy.wire.openai import Json

_STRUCTURE = re.compile(rb'["{}\[\]]')
_STRING = re.compile(rb'["\\]')
_BETWEEN = b" \t\r\n,"
_ERROR = re.compile(rb'[\r\n](\{\s*"error"\s*:.*\})\s*\Z', re.DOTALL)
ERROR_LIMIT = 64 * 1024
"""Bytes at the end of an event stream among which an error is looked for."""

CUT = "The upstream broke off in the middle of a response. Please try again."
NO_ARRAY = "The upstream's answer is not a JSON array of responses."
NOT_JSON = "A response in the upstream's answer is not JSON."
TOO_LARGE = f"A response in the upstream's answer is larger than {sse.LIMIT} bytes."


class Source(Protocol):
    """Bytes in, JSON objects out."""

    @property
    def done(self) -> bool: ...

    @property
    def trouble(self) -> ProxyError | None: ...

    def feed(self, data: bytes) -> Iterable[Json]: ...


class Elements:
    """The objects of a JSON array, each as soon as it is whole.  Begins with the bracket.  Never raises."""

    def __init__(self) -> None:
        self.done = False
        """The array has its closing bracket."""
        self.trouble: ProxyError | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_string = False
        self._escaped = False

    def feed(self, data: bytes) -> list[Json]:
        """Objects completed by *data*; b"" means that the upstream has ended."""
        if not data and self._depth > 1:
            self._stop(UPSTREAM_CUT, CUT)
        objects: list[Json] = []
        at = start = 0
        while at < len(data) and not (self.done or self.trouble is not None):
            if self._in_string:
                at = self._string(data, at)
                continue
            found = _STRUCTURE.search(data, at)
            if self._depth == 1:  # between two elements
                if data[at : found.start() if found else len(data)].strip(_BETWEEN) or (found and found[0] == b'"'):
                    self._stop(UPSTREAM_GARBLED, NO_ARRAY)
                    break
                start = found.start() if found else len(data)
            at = found.end() if found else len(data)
            if found is not None and self._structure(found[0]):
                self._pieces.append(data[start:at])
                self._take(objects)
        if self._depth > 1 and self.trouble is None:
            self._pieces.append(data[start:])
            self._grow(len(data) - start)
        return objects

    def _string(self, data: bytes, at: int) -> int:
        """The position behind what is read of a string."""
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _STRING.search(data, at)
        if found is None:
            return len(data)
        self._escaped = found[0] == b"\\"
        self._in_string = self._escaped
        return found.end()

    def _structure(self, sign: bytes) -> bool:
        """Takes a sign outside strings; whether it ends an element."""
        if sign == b'"':
            self._in_string = True
        elif sign in b"{[":
            self._depth += 1
        else:
            self._depth -= 1
            self.done = self._depth == 0
            return self._depth == 1
        return False

    def _take(self, objects: list[Json]) -> None:
        """The pieces are a whole element."""
        element = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        try:
            value = depth.loads(element)
        except ValueError:
            self._stop(UPSTREAM_GARBLED, NOT_JSON)
            return
        if type(value) is dict:
            objects.append(value)

    def _grow(self, size: int) -> None:
        self._size += size
        if self._size > sse.LIMIT:
            self._pieces.clear()
            self._stop(UPSTREAM_GARBLED, TOO_LARGE)

    def _stop(self, failure: Failure, message: str) -> None:
        self.trouble = ProxyError(failure, message)


class Events:
    """The objects of an event stream, and an error that stands at its end without being an event.

    Google's front end writes the error of a stream that has begun as JSON on lines of its own, behind the events.
    """

    def __init__(self, content_type: str, stencils: Stencils | None = None) -> None:
        self._frames = Frames(content_type, stencils)
        self._end: deque[bytes] = deque()
        """The last pieces, enough for an error."""
        self._size = 0

    @property
    def done(self) -> bool:
        return self._frames.done

    @property
    def trouble(self) -> ProxyError | None:
        return self._frames.trouble

    def feed(self, data: bytes) -> Iterator[Json]:
        """Objects completed by *data*; b"" means that the upstream has ended."""
        yield from self._frames.feed(data)
        if data:
            self._keep(data)
            return
        end = b"".join(self._end)[-ERROR_LIMIT:]
        if end.find(b'"error"') >= 0 and (found := _ERROR.search(end)):
            with suppress(ValueError):
                yield depth.loads(found[1])

    def _keep(self, data: bytes) -> None:
        end = self._end
        end.append(data[-ERROR_LIMIT:])
        self._size += len(end[-1])
        while self._size - len(end[0]) >= ERROR_LIMIT:
            self._size -= len(end.popleft())


class Responses:
    """Bytes in, responses out, in order, in whichever framing.  Never raises.

    After `done` (nothing of the answer is to come) or `trouble` (it cannot be read any further) there are no more.
    """

    def __init__(self, content_type: str, stencils: Stencils | None = None) -> None:
        """Of events that fit one of *stencils* no objects are made."""
        self.whole = False
        """The answer is one JSON object, which is complete as it stands; a stream ends with a finishReason only."""
        self._type = content_type
        self._stencils = stencils
        self._head = b""
        self._source: Source | None = None

    @property
    def done(self) -> bool:
        return self._source is not None and self._source.done

    @property
    def trouble(self) -> ProxyError | None:
        return None if self._source is None else self._source.trouble

    def feed(self, data: bytes) -> Iterable[Json]:
        """Responses completed by *data*; b"" means that the upstream has ended."""
        source = self._source
        if source is None:
            return self._first(data)
        return () if source.done or source.trouble is not None else source.feed(data)

    def _first(self, data: bytes) -> Iterator[Json]:
        """Looks at the first bytes to know the framing."""
        self._head += data
        text = self._head.removeprefix(sse.BOM).lstrip()
        if data and (not text or sse.BOM.startswith(self._head)):
            return
        self.whole = text.startswith(b"{")
        array = text.startswith(b"[")
        self._source = Elements() if array else Frames(self._type) if self.whole else Events(self._type, self._stencils)
        whole, self._head = text if array else self._head, b""
        if whole:
            yield from self._source.feed(whole)
        if not data:
            yield from self.feed(b"")
