"""The store in a Redis, which several machines share: what each method does there is one step."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from qwenproxy.errors import INTERNAL, STATE_UNAVAILABLE
from qwenproxy.sealing import Broken
from qwenproxy.shared.link import Away, Word
from qwenproxy.shared.place import Shared
from qwenproxy.shared.script import Script
from qwenproxy.state import redis_scripts
from qwenproxy.state.base import Ending, Entry, Log, Page, Side, Stored, Unusable
from qwenproxy.state.database import Bounds
from qwenproxy.state.responses import END, READ
from qwenproxy.wire.openai import Json

PREFIX = "qwenproxy:state:"
BEATS = 5.0
"""Seconds between two signs of life of a process that makes responses."""
LATER = 2.0
"""Seconds after which an app may ask again when the Redis is away."""


class RedisStore:
    """Keeps everything in what is *shared*, sealed if there are keys.  The link is somebody else's to close."""

    def __init__(self, shared: Shared, bounds: Bounds) -> None:
        self._link, self._seal = shared
        self._bounds: tuple[Word, ...] = (PREFIX, round(bounds.lifetime * 1000), bounds.room)
        self._runner = uuid.uuid4().hex
        self._beating: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """The responses that this process was making are orphans from now on."""
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None
            with suppress(Away):
                await self._link.run(redis_scripts.LEAVE, (*self._bounds, self._runner))

    async def _do(self, script: Script, *words: Word) -> Any:
        try:
            if self._beating is None:
                await self._beat()
                self._beating = asyncio.create_task(self._keep_beating(), name="tell that this process is alive")
            return await self._link.run(script, (*self._bounds, *words))
        except Away as e:
            message = f"Stored responses and conversations cannot be reached at the moment (setting state): {e}."
            raise Unusable(STATE_UNAVAILABLE, message, retry_after=LATER) from None

    async def _beat(self) -> None:
        await self._link.run(redis_scripts.BEAT, (*self._bounds, self._runner))

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(BEATS)
            with suppress(Away):
                await self._beat()

    def _closed(self, what: str, body: Json) -> bytes:
        return self._seal.close(orjson.dumps(body), what)

    def _opened(self, what: str, body: bytes) -> Json:
        found: Json = orjson.loads(self._open(what, body))
        return found

    def _open(self, what: str, body: bytes) -> bytes:
        try:
            return self._seal.open(body, what)
        except Broken as e:
            raise Unusable(INTERNAL, f"What is stored in {self._link.url} cannot be read: {e}.") from None

    def _given(self, items: Sequence[Json]) -> Iterable[Word]:
        """*items* as a script takes them."""
        yield len(items)
        for item in items:
            yield item["id"]
            yield self._closed(_item(item["id"]), item)

    def _taken(self, found: Sequence[bytes]) -> list[Json]:
        """The items that a script has found."""
        return [self._opened(_item(name.decode()), body) for name, body in _pairs(found)]

    def _events(self, response: str, first: int, events: Sequence[bytes]) -> tuple[Word, ...]:
        if not events:
            return first, first, b""
        body = self._seal.close(b"".join(events), f"events {response} {first}")
        return first, first + len(events) - 1, body

    async def add(self, entry: Entry) -> None:
        body = entry.body
        await self._do(
            redis_scripts.ADD,
            body["id"],
            entry.owner,
            body["status"],
            self._runner,
            int(entry.logged),
            entry.previous or "",
            entry.conversation or "",
            self._closed(_response(body["id"]), body),
            *self._given(entry.input),
        )

    async def append(self, response: str, first: int, events: Sequence[bytes]) -> bool:
        return bool(await self._do(redis_scripts.APPEND, response, *self._events(response, first, events)))

    async def end(self, response: str, ending: Ending) -> bool:
        body = self._closed(_response(response), ending.body | {"output": []})
        events = self._events(response, ending.first, ending.events)
        given = self._given(ending.output)
        return bool(await self._do(redis_scripts.END, response, ending.body["status"], body, *given, *events))

    async def find(self, owner: str, response: str) -> Stored | None:
        found = await self._do(redis_scripts.FIND, owner, response)
        if found is None:
            return None
        body, logged, orphan, output = found
        whole = self._opened(_response(response), body) | {"output": self._taken(output)}
        return Stored(whole, logged == b"1", bool(orphan))

    async def remove(self, owner: str, response: str) -> bool:
        return bool(await self._do(redis_scripts.REMOVE, "r:", owner, response))

    async def history(self, owner: str, response: str) -> list[Json] | None:
        found = await self._do(redis_scripts.HISTORY, owner, response)
        return None if found is None else self._taken(found)

    async def log(self, response: str, after: int) -> Log:
        over, found = await self._do(redis_scripts.LOG, response, after, READ)
        events: list[bytes] = []
        for first, body in _pairs(found):
            start = int(first)
            told = self._open(f"events {response} {start}", body).split(END)[:-1]
            events += [event + END for event in told[max(0, after + 1 - start) :]]
        return Log(events, bool(over))

    async def referred(self, owner: str, ids: Sequence[str]) -> Mapping[str, Json]:
        found = await self._do(redis_scripts.REFERRED, owner, *ids)
        return {item["id"]: item for item in self._taken(found)}

    async def orphans(self) -> Sequence[tuple[str, str]]:
        found = await self._do(redis_scripts.ORPHANS)
        return [(owner.decode(), response.decode()) for owner, response in _pairs(found)]

    async def page(self, holder: str, side: Side, *, after: str | None, limit: int, descending: bool) -> Page | None:
        found = await self._do(redis_scripts.PAGE, holder, int(side), after or "", limit, int(descending))
        return None if found is None else Page(self._taken(found[1]), bool(found[0]))

    async def open(self, owner: str, body: Json, content: Sequence[Json]) -> None:
        sealed = self._closed(_conversation(body["id"]), body)
        await self._do(redis_scripts.OPEN, body["id"], owner, sealed, *self._given(content))

    async def conversation(self, owner: str, conversation: str) -> Json | None:
        found = await self._do(redis_scripts.CONVERSATION, owner, conversation)
        return None if found is None else self._opened(_conversation(conversation), found)

    async def rewrite(self, owner: str, body: Json) -> bool:
        sealed = self._closed(_conversation(body["id"]), body)
        return bool(await self._do(redis_scripts.REWRITE, owner, body["id"], sealed))

    async def close_conversation(self, owner: str, conversation: str) -> bool:
        return bool(await self._do(redis_scripts.REMOVE, "c:", owner, conversation))

    async def extend(self, owner: str, conversation: str, content: Sequence[Json]) -> bool:
        return bool(await self._do(redis_scripts.EXTEND, owner, conversation, *self._given(content)))

    async def content(self, owner: str, conversation: str) -> list[Json] | None:
        found = await self._do(redis_scripts.CONTENT, owner, conversation)
        return None if found is None else self._taken(found)

    async def item(self, conversation: str, item: str) -> Json | None:
        found = await self._do(redis_scripts.ITEM, conversation, item)
        return None if found is None else self._opened(_item(item), found)

    async def drop(self, conversation: str, item: str) -> bool:
        return bool(await self._do(redis_scripts.DROP, conversation, item))


def _response(name: str) -> str:
    return f"response {name}"


def _conversation(name: str) -> str:
    return f"conversation {name}"


def _item(name: str) -> str:
    return f"item {name}"


def _pairs(found: Sequence[bytes]) -> Iterable[tuple[bytes, bytes]]:
    return zip(found[::2], found[1::2], strict=True)
