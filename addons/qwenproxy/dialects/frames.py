"""The JSON objects in an upstream's answer, in whatever framing they come: an event stream or one body.

Content types lie: errors come as JSON under `text/event-stream`, streams under `application/json`, a firewall's page
under either.  So the first byte decides, and the content type only where that says nothing.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

from qwenproxy import depth, sse
from qwenproxy.dialects.stencils import Stencils
from qwenproxy.errors import UPSTREAM_BLOCKED, UPSTREAM_CUT, UPSTREAM_GARBLED, Failure, ProxyError
from qwenproxy.wire.openai import Json

FIRST_PIECE, PIECE = 4 * 1024, 16 * 1024
"""Bytes of an event stream that are looked at together, before there is a stencil and then."""
BODY_LIMIT = 64 * 1024 * 1024  # bytes of one whole body

_FIELDS = (b"data:", b"event:", b"id:", b"retry:")
_STREAM = re.compile(rb":|(?:data|event|id|retry)[:\r\n]")

BLOCKED = (
    "The upstream answered with a web page instead of an answer: a firewall or gateway stands in between. "
    "Check the upstream URL, and try again more slowly."
)


class Frames:
    """Bytes in, JSON objects out, in order.  Never raises.

    After `done` (the answer says itself that it is complete) or `trouble` (it cannot be read any further) there are
    no more objects.
    """

    def __init__(self, content_type: str, stencils: Stencils | None = None) -> None:
        """Of events that fit one of *stencils* no objects are made."""
        self.done = False
        self.trouble: ProxyError | None = None
        self._type = content_type.partition(";")[0].strip().lower()
        self._head = b""
        self._body: list[bytes] = []
        self._size = 0
        self._stencils = stencils
        self._decoder = sse.Decoder() if stencils is None else sse.Decoder(stencils.take)
        self._take: Callable[[bytes], Iterable[Json]] = self._first

    def feed(self, data: bytes) -> Iterable[Json]:
        """Objects completed by *data*, each made when it is asked for; b"" means that the upstream has ended."""
        if self.done or self.trouble is not None:
            return ()
        return self._take(data)

    def _first(self, data: bytes) -> Iterable[Json]:
        """Looks at the first bytes to know the framing."""
        self._head += data
        head = self._head.removeprefix(sse.BOM).lstrip()
        if not head or sse.BOM.startswith(self._head):
            return []
        if head.startswith(b"<") or self._is_page(head):
            return self._stop(UPSTREAM_BLOCKED, BLOCKED)
        if head.startswith(b"{"):
            self._take = self._whole
        elif self._type == "text/event-stream" or _STREAM.match(head):
            self._take = self._events
        elif data and any(field.startswith(head) for field in _FIELDS):
            return []
        else:
            return self._stop(UPSTREAM_GARBLED, "The upstream's answer is neither JSON nor an event stream.")
        whole, self._head = self._head, b""
        return self._take(whole) if data else chain(self._take(whole), self._take(b""))

    def _is_page(self, head: bytes) -> bool:
        return self._type == "text/html" and not head.startswith(b"{") and not _could_be_stream(head)

    def _whole(self, data: bytes) -> Iterable[Json]:
        """One JSON body, read when all of it is there."""
        if data:
            self._body.append(data)
            self._size += len(data)
            if self._size > BODY_LIMIT:
                self._stop(UPSTREAM_GARBLED, f"The upstream's answer is larger than {BODY_LIMIT} bytes.")
            return []
        body = b"".join(self._body).removeprefix(sse.BOM)
        self._body.clear()
        value = _json(body)
        if isinstance(value, dict):
            self.done = True
            return [value]
        if body.rstrip().endswith(b"}"):
            return self._stop(UPSTREAM_GARBLED, "The upstream's answer is not JSON.")
        return self._stop(UPSTREAM_CUT, "The upstream broke off its answer before it was complete. Please try again.")

    def _events(self, data: bytes) -> Iterable[Json]:
        return self._piece(data) if len(data) <= FIRST_PIECE else self._pieces(data)

    def _pieces(self, data: bytes) -> Iterator[Json]:
        """The objects in *data*, looked at piece by piece, as what is learned in one serves for the next only."""
        at = 0
        while at < len(data) and not self.done and self.trouble is None:
            size = PIECE if self._stencils is None or self._stencils.known else FIRST_PIECE
            size = max(size, self._decoder.pending)  # or a large event would be copied again and again
            yield from self._piece(data[at : at + size])
            at += size

    def _piece(self, data: bytes) -> Iterator[Json]:
        try:
            payloads = self._decoder.feed(data)
        except sse.EventTooLarge:
            self._stop(UPSTREAM_GARBLED, f"An event of the upstream's answer is larger than {sse.LIMIT} bytes.")
            return
        failed = self._decoder.failed
        for place, payload in enumerate(payloads):
            if failed and place in failed:
                yield _refused(payload, failed[place])
                continue
            plain = payload
            try:
                value = depth.loads(payload)
            except ValueError:
                value, plain = self._odd(payload, ended=not data), b""
                if self.done or self.trouble is not None:
                    return
            if type(value) is dict:
                if self._stencils is not None:
                    self._stencils.seen = plain
                yield value

    def _odd(self, payload: bytes, *, ended: bool) -> Any:
        """An event that is not quite JSON: the end, a keep-alive, half a character, or a piece of the answer lost."""
        text = payload.strip()
        if text == b"[DONE]":
            self.done = True
        elif text.startswith(b"{"):
            if (value := _lenient(text)) is not None:
                return value
            if ended:
                self._stop(UPSTREAM_CUT, "The upstream broke off in the middle of an event. Please try again.")
            else:
                self._stop(UPSTREAM_GARBLED, "An event of the upstream's answer is not JSON.")
        return None

    def _stop(self, failure: Failure, message: str) -> list[Json]:
        self.trouble = ProxyError(failure, message)
        return []


def _refused(payload: bytes, status: int) -> Json:
    """An event that is an error by its kind or by its *status* (0: not told), as a body that says so."""
    value = _json(payload)
    if not isinstance(value, dict) or not value:
        value = {"message": payload.decode(errors="replace").strip() or "The upstream ended its answer with an error."}
    body = value if value.get("error") else {"error": value}
    return {"status_code": status, **body} if status else body


def _could_be_stream(head: bytes) -> bool:
    return _STREAM.match(head) is not None or any(field.startswith(head) for field in _FIELDS)


def _json(text: bytes) -> Any:
    """The JSON value of *text*; None if it has none."""
    try:
        return depth.loads(text)
    except ValueError:
        return _lenient(text)


def _lenient(text: bytes) -> Any:
    """As `_json`, but NaN, which Python's servers write, becomes null, and half a character U+FFFD."""
    try:
        value = json.loads(text.decode("utf-8", "replace"), parse_constant=lambda _: None)
        clean = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return depth.loads(clean)
    except (ValueError, RecursionError):
        return None
