"""How events are framed: one payload in, its bytes out (B.7, 16; WHATWG HTML 9.2)."""

from collections.abc import Callable

from qwenproxy import sse

type Frame = Callable[[bytes], bytes]

plain: Frame = sse.encode


def comments(payload: bytes) -> bytes:
    return b":HTTP_STATUS/200\n\n: keepalive\n\n" + sse.encode(payload)


def event_lines(payload: bytes) -> bytes:
    return b"id:7\nevent:result\nretry:1000\n:HTTP_STATUS/200\ndata: " + payload + b"\n\n"


def crlf(payload: bytes) -> bytes:
    return sse.encode(payload).replace(b"\n", b"\r\n")


def carriage_returns(payload: bytes) -> bytes:
    return sse.encode(payload).replace(b"\n", b"\r")


def no_space(payload: bytes) -> bytes:
    return b"data:" + payload + b"\n\n"


def data_lines(payload: bytes) -> bytes:
    """The JSON broken where it may be: after the first brace and before the last."""
    if not payload.startswith(b"{"):
        return sse.encode(payload)
    return b"data: {\ndata: " + payload[1:-1] + b"\ndata: }\n\n"
