"""The responses in the database: functions of a connection, each within a transaction."""

import sqlite3
import time
from collections.abc import Callable, Sequence
from itertools import chain

import orjson

from qwenproxy.state import items
from qwenproxy.state.base import Ending, Entry, Log, Side, Stored
from qwenproxy.state.database import RUNNING, clear
from qwenproxy.wire.openai import Json

type Alive = Callable[[str], bool]
"""Whether a process is still there, by its name."""

END = b"\n\n"
"""Of an event."""
READ = 1024 * 1024
"""Bytes of events that are read at a time."""

LINEAGE = """
WITH RECURSIVE line (id, previous, conversation, place, depth) AS (
    SELECT id, previous, conversation, place, 0 FROM responses WHERE id = ?1 AND owner = ?2
    UNION ALL SELECT r.id, r.previous, r.conversation, r.place, depth + 1
    FROM line JOIN responses r ON r.id = line.previous AND r.owner = ?2
) SELECT id, previous, conversation, place FROM line ORDER BY depth DESC
"""
"""A response and those that it goes on from, the first of them first."""


def add(connection: sqlite3.Connection, entry: Entry, runner: str) -> None:
    """A response that *runner* is making.  What a conversation holds by now is what led to it."""
    body = entry.body
    place = items.end(connection, entry.conversation, Side.INPUT) if entry.conversation else 0
    connection.execute(
        "INSERT INTO responses (id, owner, status, used, runner, logged, previous, conversation, place, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            body["id"],
            entry.owner,
            body["status"],
            time.time(),
            runner,
            entry.logged,
            entry.previous,
            entry.conversation,
            place,
            orjson.dumps(body),
        ),
    )
    items.put(connection, entry.owner, body["id"], Side.INPUT, entry.input)


def append(connection: sqlite3.Connection, response: str, first: int, events: Sequence[bytes]) -> bool:
    query = f"SELECT 1 FROM responses WHERE id = ? AND status IN {RUNNING}"
    if connection.execute(query, (response,)).fetchone() is None:
        return False
    if events:
        _write(connection, response, first, events)
    return True


def _write(connection: sqlite3.Connection, response: str, first: int, events: Sequence[bytes]) -> None:
    row = (response, first, first + len(events) - 1, b"".join(events))
    connection.execute("INSERT OR REPLACE INTO events (response, first, last, body) VALUES (?, ?, ?, ?)", row)


def end(connection: sqlite3.Connection, response: str, ending: Ending) -> bool:
    query = f"SELECT owner, conversation FROM responses WHERE id = ? AND status IN {RUNNING}"
    found = connection.execute(query, (response,)).fetchone()
    if found is None:
        return False
    owner, conversation = found
    connection.execute(
        "UPDATE responses SET status = ?, body = ?, used = ?, runner = NULL WHERE id = ?",
        (ending.body["status"], orjson.dumps(ending.body | {"output": []}), time.time(), response),
    )
    items.put(connection, owner, response, Side.OUTPUT, ending.output)
    if ending.events:
        _write(connection, response, ending.first, ending.events)
    if conversation is not None and ending.body["status"] in ("completed", "incomplete"):
        _enter(connection, owner, conversation, response)
    return True


def _enter(connection: sqlite3.Connection, owner: str, conversation: str, response: str) -> None:
    """Add what was asked and answered to the conversation, if it is still there."""
    touched = "UPDATE conversations SET used = ? WHERE id = ? AND owner = ?"
    if connection.execute(touched, (time.time(), conversation, owner)).rowcount:
        for side in Side:
            items.put(connection, owner, conversation, Side.INPUT, items.of(connection, response, side))


def find(connection: sqlite3.Connection, owner: str, response: str, alive: Alive) -> Stored | None:
    query = "SELECT body, logged, runner FROM responses WHERE id = ? AND owner = ?"
    found = connection.execute(query, (response, owner)).fetchone()
    if found is None:
        return None
    body, logged, runner = found
    whole = orjson.loads(body) | {"output": items.of(connection, response, Side.OUTPUT)}
    return Stored(whole, bool(logged), runner is not None and not alive(runner))


def remove(connection: sqlite3.Connection, owner: str, response: str) -> bool:
    query = "SELECT 1 FROM responses WHERE id = ? AND owner = ?"
    there = connection.execute(query, (response, owner)).fetchone() is not None
    if there:
        clear(connection, [response])
    return there


def history(connection: sqlite3.Connection, owner: str, response: str) -> list[Json] | None:
    """All items that led to *response*, and its output.  All of these count as used now."""
    line = connection.execute(LINEAGE, (response, owner)).fetchall()
    if not line or line[0][1] is not None:  # the first goes on from one that is gone
        return None
    now = time.time()
    connection.executemany("UPDATE responses SET used = ? WHERE id = ?", [(now, name) for name, *_ in line])
    found: list[Json] = []
    for name, _, conversation, place in line:
        if conversation is not None:
            found += items.of(connection, conversation, Side.INPUT, place)
        found += chain.from_iterable(items.of(connection, name, side) for side in Side)
    return found


def log(connection: sqlite3.Connection, response: str, after: int, alive: Alive) -> Log:
    found = connection.execute("SELECT status, runner FROM responses WHERE id = ?", (response,)).fetchone()
    over = found is None or found[1] is None or not alive(found[1])
    events: list[bytes] = []
    size = 0
    query = "SELECT first, body FROM events WHERE response = ? AND last > ? ORDER BY first"
    for first, body in connection.execute(query, (response, after)):
        told = [event + END for event in body.split(END)[:-1]]
        events += told[max(0, after + 1 - first) :]
        size += len(body)
        if size > READ:
            return Log(events, over=False)
    return Log(events, over)


def orphans(connection: sqlite3.Connection, alive: Alive) -> list[tuple[str, str]]:
    """Owner and id of the responses whose process is no more."""
    rows = connection.execute("SELECT owner, id, runner FROM responses WHERE runner IS NOT NULL").fetchall()
    dead = {runner for runner in {row[2] for row in rows} if not alive(runner)}
    return [(owner, name) for owner, name, runner in rows if runner in dead]
