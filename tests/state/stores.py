"""Stores, and what is put into them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from qwenproxy.state.base import Ending, Entry, Store
from qwenproxy.state.database import Bounds
from qwenproxy.state.sqlite import SQLiteStore
from qwenproxy.wire.openai import Json

ROOMY = Bounds(3_600.0, 1024**3)
ME, YOU = "me", "you"


@asynccontextmanager
async def opened(path: Path | None = None, bounds: Bounds = ROOMY) -> AsyncIterator[SQLiteStore]:
    store = SQLiteStore(path, bounds)
    try:
        yield store
    finally:
        await store.close()


def item(name: str, **fields: Any) -> Json:
    return {"type": "message", "id": name, "role": "user", "content": []} | fields


def body(name: str, status: str = "in_progress", **fields: Any) -> Json:
    return {"id": name, "object": "response", "status": status, "output": [], "background": False} | fields


def entry(name: str, owner: str = ME, **fields: Any) -> Entry:
    """A response with one item of input, `in_<name>`."""
    return Entry(owner, body(name), [item(f"in_{name}")], **fields)


async def keep(store: Store, name: str, owner: str = ME, **fields: Any) -> None:
    """Put a response there that is completed, with the item `out_<name>`."""
    await store.add(entry(name, owner, **fields))
    assert await store.end(name, Ending(body(name, "completed"), [item(f"out_{name}")]))


def event(number: int, kind: str = "response.output_text.delta") -> bytes:
    return b'event: %b\ndata: {"sequence_number":%d}\n\n' % (kind.encode(), number)
