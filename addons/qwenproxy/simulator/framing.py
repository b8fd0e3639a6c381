"""How events can be framed otherwise: an event as its face sends it in, other bytes for the same out.

Source: qwen-wire B.7, 16; WHATWG HTML 9.2.
"""

import re
from collections.abc import Callable

type Frame = Callable[[bytes], bytes]

DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)
"""An event's one line of data."""


def plain(event: bytes) -> bytes:
    return event


def comments(event: bytes) -> bytes:
    return b":HTTP_STATUS/200\n\n: keepalive\n\n" + event


def event_lines(event: bytes) -> bytes:
    return b"id:7\nevent:result\nretry:1000\n:HTTP_STATUS/200\n" + event


def data_only(event: bytes) -> bytes:
    found = DATA.search(event)
    return event if found is None else b"data:" + found[1] + b"\n\n"


def crlf(event: bytes) -> bytes:
    return event.replace(b"\n", b"\r\n")


def carriage_returns(event: bytes) -> bytes:
    return event.replace(b"\n", b"\r")


def no_space(event: bytes) -> bytes:
    return DATA.sub(rb"data:\1", event)


def data_lines(event: bytes) -> bytes:
    """The JSON broken where it may be: after the first brace and before the last."""
    return DATA.sub(_broken, event)


def raw_error(event: bytes) -> bytes:
    """An error as some front ends put it into a stream: its JSON without a field in front."""
    found = DATA.search(event) if b'"error"' in event else None
    return event if found is None else b"{\n" + found[1].strip()[1:-1] + b"\n}\n"


def _broken(line: re.Match[bytes]) -> bytes:
    data = line[1]
    return b"data: {\ndata: " + data[1:-1] + b"\ndata: }" if data.startswith(b"{") else line[0]
