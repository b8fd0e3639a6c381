"""Who used how much of which model: gathered as exchanges end, and written together every few seconds."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence

from qwenproxy.record import Record
from qwenproxy.state.base import Usage, Use
from qwenproxy.state.usage import day_of

log = logging.getLogger(__name__)

BACKGROUND = "background"
ASKING = ("chat", "responses", "completions", "embeddings", BACKGROUND)
"""Endpoints that ask a model."""
DAY = 86_400.0
PAUSE = 5.0
"""Seconds in which figures gather before they are written."""
MOST = 10_000
"""Rows that are held while they cannot be written; what comes after that is not kept."""
NONE = "-"
"""The key of those who need none, and the model of what no model has answered."""
SHOWN = 8
"""Hexadecimal digits of a key's digest by which people tell it."""

type Row = tuple[str, str, str]
"""Day, key, model."""


class UsageLog:
    """A watcher of the traffic; *store*: where the figures go; *now*: seconds since 1970."""

    def __init__(self, store: Usage, now: Callable[[], float] = time.time) -> None:
        self._store = store
        self._now = now
        self._waiting: dict[Row, list[int]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._complaint = ""
        self._day = -1.0, ""
        """The number of the day, and how it is written."""

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """Nothing is known yet."""

    def ended(self, record: Record) -> None:
        """Count what it used, if its endpoint is one that asks a model."""
        if record.endpoint not in ASKING:
            return
        model = NONE if record.first_seconds is None else record.used
        usage = record.usage or {}
        asked = int(record.endpoint != BACKGROUND)  # the request that began it has a record of its own
        self._count(
            (self._today(), shown(record.client), model),
            (asked, int(record.status >= 400), usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0),
        )
        if self._timer is None and self._writing is None:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._begin)

    def close(self) -> None:
        """Write what is still to be written, at once: at the end of a process nothing waits for another thread."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._add(self._taken())

    def _today(self) -> str:
        number = self._now() // DAY
        if number != self._day[0]:
            self._day = number, day_of(number * DAY)
        return self._day[1]

    def _count(self, row: Row, figures: tuple[int, ...]) -> None:
        before = self._waiting.get(row)
        if before is not None:
            self._waiting[row] = [a + b for a, b in zip(before, figures, strict=True)]
        elif len(self._waiting) < MOST:
            self._waiting[row] = list(figures)

    def _taken(self) -> list[Use]:
        waiting, self._waiting = self._waiting, {}
        return [Use(*row, *figures) for row, figures in waiting.items()]

    def _add(self, uses: Sequence[Use]) -> bool:
        """Write *uses*; whether that went well.  A complaint is made once."""
        try:
            if uses:
                self._store.add(uses)
        except OSError as e:
            if str(e) != self._complaint:
                self._complaint = str(e)
                log.warning("What was used cannot be written, and is kept in memory until it can be: %s", e)
            return False
        self._complaint = ""
        return True

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write(), name="write what was used")

    async def _write(self) -> None:
        uses = self._taken()
        if not await asyncio.to_thread(self._add, uses):
            for use in uses:
                self._count(use[:3], use[3:])
        self._writing = None
        if self._waiting:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._begin)


def shown(client: str) -> str:
    """By what people tell the holder of a client key: the beginning of its digest, never the key."""
    return client.removeprefix("key-")[:SHOWN] if client.startswith("key-") else NONE
