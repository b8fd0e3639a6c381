"""The ways in which a network may cut a byte stream into pieces."""

from collections.abc import Iterator


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def in_two(data: bytes) -> Iterator[list[bytes]]:
    """In two, at every place."""
    return ([data[:at], data[at:]] for at in range(1, len(data)))


def every_cut(data: bytes) -> Iterator[list[bytes]]:
    """Whole, byte by byte, and in two at every place."""
    yield whole(data)
    yield byte_by_byte(data)
    yield from in_two(data)
