"""What our tools did in answers that ended in calls of the app's own.

The app has seen its own calls only.  When it comes back with their results, the model needs the whole: its calls of our
tools and what they gave.  Kept in memory, for a while, and where machines share their state there too: the app may
come back to another one.  Without it the history is a valid one all the same.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

import orjson

from qwenproxy.sealing import Broken
from qwenproxy.shared.link import Away
from qwenproxy.shared.place import Shared
from qwenproxy.wire.openai import Json

log = logging.getLogger(__name__)

PREFIX = "qwenproxy:continuation:"
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
    """What is kept for all clients, each for itself; *clock* gives monotonic seconds.

    *shared*: where other machines find it too.
    """

    def __init__(self, clock: Callable[[], float], shared: Shared | None = None) -> None:
        self.shared = shared
        self._clock = clock
        self._sharing: set[asyncio.Task[None]] = set()
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self._size = 0

    def keep(self, client: str, asked: Sequence[Json], calls: Iterable[str], messages: Sequence[Json]) -> None:
        """Keep *messages*: the whole of an answer of which *client* knows the calls with the ids *calls* only.

        *asked*: what it was the answer to.
        """
        key = _key(client, _question(asked), calls)
        data = orjson.dumps(messages)
        self._put(key, messages, len(data))
        if self.shared is not None:
            task = asyncio.create_task(self._share(self.shared, key, data), name="share what an app goes on from")
            self._sharing.add(task)
            task.add_done_callback(self._sharing.discard)

    def _put(self, key: bytes, messages: Sequence[Json], size: int) -> None:
        self._drop(key)
        if size > ROOM:
            return
        self._kept[key] = Kept(messages, size, self._clock() + LIFETIME)
        self._size += size
        while len(self._kept) > MOST or self._size > ROOM:
            self._drop(next(iter(self._kept)))

    async def _share(self, shared: Shared, key: bytes, data: bytes) -> None:
        name = _place(key)
        try:
            await shared.link.call("SET", name, shared.seal.close(data, name), "PX", round(LIFETIME * 1000))
        except Away as e:
            log.warning("what an app goes on from is known to this proxy alone: %s", e)

    async def fetch(self, client: str, messages: Sequence[Json]) -> None:
        """Look where it is shared for what *messages* of *client* go on from, and is not known here."""
        shared = self.shared
        if shared is None:
            return
        keys = [key for place in range(len(messages)) if (key := _told(client, messages, place))]
        missing = [key for key in keys if key not in self._kept]
        if not missing:
            return
        try:
            found = await shared.link.call("MGET", *map(_place, missing))
            for key, kept in zip(missing, found, strict=True):
                if kept is not None:
                    data = shared.seal.open(kept, _place(key))
                    self._put(key, orjson.loads(data), len(data))
        except (Away, Broken) as e:
            log.warning("what another proxy did in an answer is not known here: %s", e)

    def woven(self, client: str, messages: list[Json]) -> list[Json]:
        """*messages* with what is kept of them in its place; they themselves if nothing is."""
        if not self._kept:
            return messages
        wholes = {place: self._whole(_told(client, messages, place)) for place in range(len(messages))}
        if not any(wholes.values()):
            return messages
        return [each for place, message in enumerate(messages) for each in wholes[place] or (message,)]

    def _whole(self, key: bytes) -> Sequence[Json]:
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


def _told(client: str, messages: Sequence[Json], place: int) -> bytes:
    """The key of the message at *place*; empty if it calls nothing."""
    calls = messages[place].get("tool_calls")
    if messages[place]["role"] != "assistant" or not calls:
        return b""
    return _key(client, _question(messages[:place]), (call["id"] for call in calls))


def _place(key: bytes) -> str:
    return f"{PREFIX}{key.hex()}"


def _key(client: str, question: str, calls: Iterable[str]) -> bytes:
    """Ids alone would not do: some models count their calls anew in every answer."""
    return sha256(orjson.dumps([client, question, *calls])).digest()


def _question(messages: Sequence[Json]) -> str:
    """The text of the last user message: what an app leaves alone, whatever else it cuts from its history."""
    content = next((m.get("content") for m in reversed(messages) if m["role"] == "user"), "")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part["type"] == "text")
    return str(content)
