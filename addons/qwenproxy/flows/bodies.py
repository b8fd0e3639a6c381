"""Request bodies as apps send them: now and then compressed (RFC 9110, 8.4)."""

import zlib
from collections.abc import Callable

import zstandard
from mitmproxy import http

from qwenproxy import errors
from qwenproxy.errors import ProxyError


def inflate(window: int) -> Callable[[bytes, int], bytes]:
    """A decoder for zlib's formats; *window* as `zlib.decompressobj` takes it."""

    def decode(data: bytes, limit: int) -> bytes:
        inflater = zlib.decompressobj(window)
        text = inflater.decompress(data, limit)
        if not inflater.eof and len(text) < limit:
            raise ValueError("the compressed data is cut short")
        return text

    return decode


def zstd(data: bytes, limit: int) -> bytes:
    """RFC 8878; several frames are read as one."""
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return bytes(reader.read(limit))


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": inflate(31),
    "x-gzip": inflate(31),
    "deflate": inflate(15),
    "zstd": zstd,
}


MOST = 3
"""Codings of one body: each may have to be taken off a whole body."""


def body_of(request: http.Request, codings: str, limit: int) -> bytes:
    """The body without its content *codings*; at most *limit* bytes, however well it was packed.  Raises ProxyError."""
    data = request.raw_content
    if data is None:
        message = "a script or the option stream_large_bodies streams the request past the proxy: remove it"
        raise ProxyError(errors.INTERNAL, message)
    wanted = [coding for each in codings.lower().split(",") if (coding := each.strip()) not in ("", "identity")]
    if len(wanted) > MOST:
        message = f"the content-encoding names {len(wanted)} codings, and may name {MOST}"
        raise ProxyError(errors.UNSUPPORTED_ENCODING, message)
    for coding in reversed(wanted):
        data = decode(data, coding, limit)
    return data


def decode(data: bytes, coding: str, limit: int) -> bytes:
    decoder = DECODERS.get(coding)
    if decoder is None:
        message = f"the content-encoding {coding[:40]!r} is not understood; send {', '.join(DECODERS)} or none"
        raise ProxyError(errors.UNSUPPORTED_ENCODING, message)
    try:
        text = decoder(data, limit + 1)
    except (ValueError, zlib.error, zstandard.ZstdError) as e:
        message = f"the request body could not be decoded as {coding}: {e}"
        raise ProxyError(errors.INVALID_REQUEST, message) from e
    if len(text) > limit:
        raise ProxyError(
            errors.PAYLOAD_TOO_LARGE, f"the request body is larger than {limit} bytes (setting body_limit)"
        )
    return text
