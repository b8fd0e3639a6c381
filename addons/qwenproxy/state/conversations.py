"""The conversations in the database: functions of a connection, each within a transaction."""

import sqlite3
import time
from collections.abc import Sequence

import orjson

from qwenproxy.state import items
from qwenproxy.state.base import Side
from qwenproxy.state.database import clear
from qwenproxy.wire.openai import Json


def add(connection: sqlite3.Connection, owner: str, body: Json, content: Sequence[Json]) -> None:
    row = (body["id"], owner, time.time(), orjson.dumps(body))
    connection.execute("INSERT INTO conversations (id, owner, used, body) VALUES (?, ?, ?, ?)", row)
    items.put(connection, owner, body["id"], Side.INPUT, content)


def find(connection: sqlite3.Connection, owner: str, conversation: str) -> Json | None:
    query = "SELECT body FROM conversations WHERE id = ? AND owner = ?"
    found = connection.execute(query, (conversation, owner)).fetchone()
    return None if found is None else orjson.loads(found[0])


def rewrite(connection: sqlite3.Connection, owner: str, body: Json) -> bool:
    query = "UPDATE conversations SET body = ?, used = ? WHERE id = ? AND owner = ?"
    return connection.execute(query, (orjson.dumps(body), time.time(), body["id"], owner)).rowcount > 0


def remove(connection: sqlite3.Connection, owner: str, conversation: str) -> bool:
    if find(connection, owner, conversation) is None:
        return False
    clear(connection, [conversation])
    return True


def extend(connection: sqlite3.Connection, owner: str, conversation: str, content: Sequence[Json]) -> bool:
    if not _touch(connection, owner, conversation):
        return False
    items.put(connection, owner, conversation, Side.INPUT, content)
    return True


def content_of(connection: sqlite3.Connection, owner: str, conversation: str) -> list[Json] | None:
    """All its items; it counts as used now."""
    return items.of(connection, conversation, Side.INPUT) if _touch(connection, owner, conversation) else None


def _touch(connection: sqlite3.Connection, owner: str, conversation: str) -> bool:
    query = "UPDATE conversations SET used = ? WHERE id = ? AND owner = ?"
    return connection.execute(query, (time.time(), conversation, owner)).rowcount > 0
