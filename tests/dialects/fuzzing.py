"""Answers for fuzz tests, in pieces, and what must be true of whatever a reader makes of them."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from qwenproxy.errors import INTERNAL, ProxyError
from qwenproxy.wire.openai import ChatEvent
from tests.support import wellformed
from tests.support.answers import written

type Play = Callable[..., Sequence[ChatEvent]]
"""Feeds pieces to a reader, whose options are keywords, and gives all its events."""


def in_pieces(data: bytes, places: list[int]) -> list[bytes]:
    """*data* cut at *places*."""
    edges = sorted({0, len(data), *(place for place in places if place < len(data))})
    return [data[start:end] for start, end in pairwise(edges)]


def check(play: Play, data: bytes, places: list[int], options: dict[str, Any]) -> Sequence[ChatEvent]:
    """Reads *data* whole and in pieces: the same well-formed answer both times, and no error of our own."""
    whole = play([data] if data else [], **options)
    assert [written(event) for event in play(in_pieces(data, places), **options)] == [written(event) for event in whole]
    wellformed.check(whole)
    assert not any(isinstance(event, ProxyError) and event.failure is INTERNAL for event in whole)
    return whole
