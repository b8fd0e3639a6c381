"""The items of responses and conversations in the database: functions of a connection, each within a transaction."""

import sqlite3
from collections.abc import Sequence

import orjson

from qwenproxy.state.base import Page, Side
from qwenproxy.wire.openai import Json


def put(connection: sqlite3.Connection, owner: str, holder: str, side: Side, items: Sequence[Json]) -> None:
    """Add *items* to the end of what *holder* has on this side."""
    start = end(connection, holder, side)
    rows = [
        (holder, side, place, item["id"], owner, orjson.dumps(item)) for place, item in enumerate(items, start=start)
    ]
    connection.executemany("INSERT INTO items (holder, side, place, id, owner, body) VALUES (?, ?, ?, ?, ?, ?)", rows)


def end(connection: sqlite3.Connection, holder: str, side: Side) -> int:
    """The place behind the last item."""
    query = "SELECT COALESCE(MAX(place) + 1, 0) FROM items WHERE holder = ? AND side = ?"
    (place,) = connection.execute(query, (holder, side)).fetchone()
    return int(place)


def of(connection: sqlite3.Connection, holder: str, side: Side, before: int | None = None) -> list[Json]:
    """The items on one side of *holder*, those with places from *before* on left out."""
    query = "SELECT body FROM items WHERE holder = ?1 AND side = ?2 AND (?3 IS NULL OR place < ?3) ORDER BY place"
    return [orjson.loads(body) for (body,) in connection.execute(query, (holder, side, before))]


def page(
    connection: sqlite3.Connection, holder: str, side: Side, after: str | None, limit: int, descending: bool
) -> Page | None:
    """Up to *limit* items from behind the item *after*; None if that is not there."""
    at = None
    if after is not None:
        query = "SELECT place FROM items WHERE holder = ? AND side = ? AND id = ? ORDER BY place LIMIT 1"
        found = connection.execute(query, (holder, side, after)).fetchone()
        if found is None:
            return None
        (at,) = found
    order = ("<", "DESC") if descending else (">", "ASC")
    query = (
        "SELECT body FROM items WHERE holder = ?1 AND side = ?2 "
        f"AND (?3 IS NULL OR place {order[0]} ?3) ORDER BY place {order[1]} LIMIT ?4"
    )
    rows = connection.execute(query, (holder, side, at, limit + 1)).fetchall()
    return Page([orjson.loads(body) for (body,) in rows[:limit]], len(rows) > limit)


def one(connection: sqlite3.Connection, holder: str, item: str) -> Json | None:
    query = "SELECT body FROM items WHERE holder = ? AND id = ? LIMIT 1"
    found = connection.execute(query, (holder, item)).fetchone()
    return None if found is None else orjson.loads(found[0])


def referred(connection: sqlite3.Connection, owner: str, ids: Sequence[str]) -> dict[str, Json]:
    """Those of the items *ids* that *owner* has, by their ids."""
    found: dict[str, Json] = {}
    for each in ids:
        row = connection.execute("SELECT body FROM items WHERE id = ? AND owner = ? LIMIT 1", (each, owner)).fetchone()
        if row is not None:
            found[each] = orjson.loads(row[0])
    return found


def drop(connection: sqlite3.Connection, holder: str, item: str) -> bool:
    return connection.execute("DELETE FROM items WHERE holder = ? AND id = ?", (holder, item)).rowcount > 0
