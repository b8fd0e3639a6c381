"""Who used how much of which model: gathered as exchanges end, and written together every few seconds."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

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


class Batch(NamedTuple):
    """What is written together, under a name by which it counts once however often it has to be tried."""

    uses: Sequence[Use]
    name: str


class UsageLog:
    """A watcher of the traffic; *store*: where the figures go.

    *now*: seconds since 1970; *new_name*: makes one for each batch.
    """

    def __init__(
        self,
        store: Usage,
        now: Callable[[], float] = time.time,
        new_name: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._store = store
        self._now = now
        self._new_name = new_name
        self._waiting: dict[Row, list[int]] = {}
        self._batch: Batch | None = None
        """Taken from what waits, and not yet known to be written."""
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
        if self._writing is not None:
            self._batch = None  # its thread writes it
        while (batch := self._next()) is not None and self._written(batch):
            pass

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

    def _next(self) -> Batch | None:
        """What is to be written: the last batch again, if it was not, else what waits, if anything does."""
        if self._batch is None and self._waiting:
            waiting, self._waiting = self._waiting, {}
            self._batch = Batch([Use(*row, *figures) for row, figures in waiting.items()], self._new_name())
        return self._batch

    def _written(self, batch: Batch) -> bool:
        """Write *batch*; whether that went well.  A complaint is made once."""
        try:
            self._store.add(*batch)
        except OSError as e:
            if str(e) != self._complaint:
                self._complaint = str(e)
                log.warning("What was used cannot be written, and is kept in memory until it can be: %s", e)
            return False
        self._batch, self._complaint = None, ""
        return True

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write(), name="write what was used")

    async def _write(self) -> None:
        if (batch := self._next()) is not None:
            await asyncio.to_thread(self._written, batch)
        self._writing = None
        if self._batch is not None or self._waiting:
            self._timer = asyncio.get_running_loop().call_later(PAUSE, self._begin)


def shown(client: str) -> str:
    """By what people tell the holder of a client key: the beginning of its digest, never the key."""
    return client.removeprefix("key-")[:SHOWN] if client.startswith("key-") else NONE
