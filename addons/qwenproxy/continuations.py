"""What our tools did in answers that ended in calls of the app's own.

The app has seen its own calls only.  When it comes back with their results, the model needs the whole: its calls of our
tools and what they gave.  Kept in memory, for a while; without it the history is a valid one all the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

import orjson

from qwenproxy.wire.openai import Json

MOST = 1_000
ROOM = 64 * 1024 * 1024
"""Bytes of all of them together, as JSON."""
LIFETIME = 3_600.0
"""Seconds since it was last asked for."""


class Kept(NamedTuple):
    """Messages that stand for one of the app's, their size, and until when they are kept."""

    messages: Sequence[Json]
    size: int
    until: float


class Continuations:
    """What is kept for all clients, each for itself; *clock* gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self._size = 0

    def keep(self, client: str, asked: Sequence[Json], calls: Iterable[str], messages: Sequence[Json]) -> None:
        """Keep *messages*: the whole of an answer of which *client* knows the calls with the ids *calls* only.

        *asked*: what it was the answer to.
        """
        key = _key(client, _question(asked), calls)
        size = len(orjson.dumps(messages))
        self._drop(key)
        if size > ROOM:
            return
        self._kept[key] = Kept(messages, size, self._clock() + LIFETIME)
        self._size += size
        while len(self._kept) > MOST or self._size > ROOM:
            self._drop(next(iter(self._kept)))

    def woven(self, client: str, messages: list[Json]) -> list[Json]:
        """*messages* with what is kept of them in its place; they themselves if nothing is."""
        if not self._kept:
            return messages
        wholes = {place: self._whole(client, messages[:place], each) for place, each in enumerate(messages)}
        if not any(wholes.values()):
            return messages
        return [each for place, message in enumerate(messages) for each in wholes[place] or (message,)]

    def _whole(self, client: str, before: Sequence[Json], message: Json) -> Sequence[Json]:
        calls = message.get("tool_calls")
        if message["role"] != "assistant" or not calls:
            return ()
        key = _key(client, _question(before), (call["id"] for call in calls))
        kept = self._kept.get(key)
        if kept is None:
            return ()
        now = self._clock()
        if kept.until <= now:
            self._drop(key)
            return ()
        self._kept[key] = kept._replace(until=now + LIFETIME)
        self._kept.move_to_end(key)
        return kept.messages

    def _drop(self, key: bytes) -> None:
        if (kept := self._kept.pop(key, None)) is not None:
            self._size -= kept.size


def _key(client: str, question: str, calls: Iterable[str]) -> bytes:
    """Ids alone would not do: some models count their calls anew in every answer."""
    return sha256(orjson.dumps([client, question, *calls])).digest()


def _question(messages: Sequence[Json]) -> str:
    """The text of the last user message: what an app leaves alone, whatever else it cuts from its history."""
    content = next((m.get("content") for m in reversed(messages) if m["role"] == "user"), "")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part["type"] == "text")
    return str(content)
