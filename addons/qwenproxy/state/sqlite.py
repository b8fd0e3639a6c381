"""The store in SQLite: a file that several processes share, or memory."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from qwenproxy.errors import INTERNAL
from qwenproxy.state import conversations, items, responses
from qwenproxy.state.base import Ending, Entry, Log, Page, Side, Stored, Unusable
from qwenproxy.state.database import Bounds, Broom, connect
from qwenproxy.state.runners import Runners
from qwenproxy.state.worker import Worker
from qwenproxy.wire.openai import Json


class SQLiteStore:
    """Keeps everything in the file at *path*, or in memory without one.  It is opened when it is first needed."""

    def __init__(self, path: Path | None, bounds: Bounds) -> None:
        self._path = path
        self._runners = Runners(path)
        self._worker = Worker(self._open, Broom(bounds).sweep)

    def _open(self) -> sqlite3.Connection:
        connection = connect(self._path)
        self._runners.enter()
        return connection

    async def close(self) -> None:
        await self._worker.close()
        self._runners.leave()

    async def _do[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._worker.run(job)
        except (sqlite3.Error, OSError) as e:
            where = f"the file {self._path}" if self._path is not None else "memory"
            raise Unusable(INTERNAL, f"The proxy's state in {where} cannot be used (setting state): {e}.") from e

    async def add(self, entry: Entry) -> None:
        await self._do(partial(responses.add, entry=entry, runner=self._runners.name))

    async def append(self, response: str, first: int, events: Sequence[bytes]) -> bool:
        return await self._do(partial(responses.append, response=response, first=first, events=events))

    async def end(self, response: str, ending: Ending) -> bool:
        return await self._do(partial(responses.end, response=response, ending=ending))

    async def find(self, owner: str, response: str) -> Stored | None:
        return await self._do(partial(responses.find, owner=owner, response=response, alive=self._runners.alive))

    async def remove(self, owner: str, response: str) -> bool:
        return await self._do(partial(responses.remove, owner=owner, response=response))

    async def history(self, owner: str, response: str) -> list[Json] | None:
        return await self._do(partial(responses.history, owner=owner, response=response))

    async def log(self, response: str, after: int) -> Log:
        return await self._do(partial(responses.log, response=response, after=after, alive=self._runners.alive))

    async def referred(self, owner: str, ids: Sequence[str]) -> Mapping[str, Json]:
        return await self._do(partial(items.referred, owner=owner, ids=ids))

    async def orphans(self) -> Sequence[tuple[str, str]]:
        return await self._do(partial(responses.orphans, alive=self._runners.alive))

    async def page(self, holder: str, side: Side, *, after: str | None, limit: int, descending: bool) -> Page | None:
        job = partial(items.page, holder=holder, side=side, after=after, limit=limit, descending=descending)
        return await self._do(job)

    async def open(self, owner: str, body: Json, content: Sequence[Json]) -> None:
        await self._do(partial(conversations.add, owner=owner, body=body, content=content))

    async def conversation(self, owner: str, conversation: str) -> Json | None:
        return await self._do(partial(conversations.find, owner=owner, conversation=conversation))

    async def rewrite(self, owner: str, body: Json) -> bool:
        return await self._do(partial(conversations.rewrite, owner=owner, body=body))

    async def close_conversation(self, owner: str, conversation: str) -> bool:
        return await self._do(partial(conversations.remove, owner=owner, conversation=conversation))

    async def extend(self, owner: str, conversation: str, content: Sequence[Json]) -> bool:
        return await self._do(partial(conversations.extend, owner=owner, conversation=conversation, content=content))

    async def content(self, owner: str, conversation: str) -> list[Json] | None:
        return await self._do(partial(conversations.content_of, owner=owner, conversation=conversation))

    async def item(self, conversation: str, item: str) -> Json | None:
        return await self._do(partial(items.one, holder=conversation, item=item))

    async def drop(self, conversation: str, item: str) -> bool:
        return await self._do(partial(items.drop, holder=conversation, item=item))
