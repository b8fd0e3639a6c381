"""Reads what a picture's header says of it: kind and size, for pictures that come within the request (data URLs)."""

import base64
import binascii
import struct
from collections.abc import Callable
from typing import NamedTuple


class Picture(NamedTuple):
    """A picture; sizes are in pixels, and unknown (None) for one that is elsewhere or of another kind."""

    mime: str
    width: int | None = None
    height: int | None = None
    bytes: int = 0

    def __str__(self) -> str:
        size = "" if self.width is None else f", {self.width}x{self.height} pixels"
        return f"{self.mime}{size}"


def picture_of(url: str) -> Picture:
    """The picture at *url*; one behind a link is not fetched.  Raises ValueError for a data URL that is not base64."""
    if not url.startswith("data:"):
        return Picture("a link")
    head, _, text = url.partition(",")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the data URL is not base64") from error
    width, height = size_of(data) or (None, None)
    return Picture(head.removeprefix("data:").partition(";")[0] or "text/plain", width, height, len(data))


def size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height by the file's own header, None if it is of no known kind."""
    return next((read(data) for magic, read in KINDS if data.startswith(magic)), None)


def _png(data: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", data[16:24]) if len(data) >= 24 else None


def _gif(data: bytes) -> tuple[int, int] | None:
    return struct.unpack("<HH", data[6:10]) if len(data) >= 10 else None


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Walks the segments to the frame header (SOF0..SOF15, but not DHT, JPG, DAC; ITU T.81, B.1.1.3)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None


KINDS: tuple[tuple[bytes, Callable[[bytes], tuple[int, int] | None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", _png),
    (b"GIF8", _gif),
    (b"\xff\xd8", _jpeg),
)
