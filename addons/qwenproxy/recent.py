"""What one WebSocket remembers: the latest response of each of its lanes, stored or not, with all that led to it."""

from collections.abc import Sequence
from typing import NamedTuple

from qwenproxy.wire.openai import Json


class Known(NamedTuple):
    """A response to go on from.  *size*: bytes of what was said on the way to it; *kept*: it is stored, too."""

    items: Sequence[Json]
    size: int
    kept: bool


class Recent:
    """At most *limit* bytes in all; beyond them, what has been there for longest is forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._latest: dict[str | None, tuple[str, Known]] = {}

    def find(self, response: str | None) -> Known | None:
        return next((known for name, known in self._latest.values() if name == response), None)

    def put(self, lane: str | None, response: str, known: Known) -> None:
        """*response* is the latest of its *lane*: the one before it is forgotten."""
        self._latest.pop(lane, None)
        self._latest[lane] = (response, known)
        while sum(each.size for _, each in self._latest.values()) > self._limit:
            self._latest.pop(next(iter(self._latest)))

    def drop(self, lane: str | None, response: str | None) -> None:
        """Going on from *response* has failed: its own lane forgets it, another one does not."""
        if lane in self._latest and self._latest[lane][0] == response:
            del self._latest[lane]
