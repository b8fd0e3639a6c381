"""What lines learn, told to the other machines: corrected rows, sizes of batches, and that one is put aside.

Nothing waits for it: what a line knows lies in its own memory.  Every few seconds what is new here is told, and what is
new there taken up; what could not be told is told once that is possible.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import orjson

from qwenproxy import plans
from qwenproxy.auth.client import Sleep
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.lines import Line
from qwenproxy.models import Row
from qwenproxy.shared.link import Away, Link
from qwenproxy.shared.script import Script

log = logging.getLogger(__name__)

PREFIX = "qwenproxy:lessons:"
EVERY = 2.0
"""Seconds between two turns."""
SLACK = 0.5
"""Seconds by which two proxies may differ about the end of a rest."""
LIFETIME = 30 * 86_400
"""Seconds for which they are kept after the last one."""
ROW, BATCH = "row ", "batch "
"""How the names of what is told begin; a model's follows."""

TURN = Script("""
local key, rest = ARGV[1], ARGV[1] .. ':rest'
for at = 4, #ARGV, 2 do redis.call('HSET', key, ARGV[at], ARGV[at + 1]) end
if #ARGV > 3 then redis.call('EXPIRE', key, ARGV[3]) end
local left = redis.call('PTTL', rest)
if tonumber(ARGV[2]) > math.max(left, 0) then
    redis.call('SET', rest, 1, 'PX', ARGV[2])
    left = tonumber(ARGV[2])
end
return {left, redis.call('HGETALL', key)}
""")
"""KEY REST(ms) LIFETIME, and names and values that are new: how long the line rests (ms), and all that is known."""


class Lessons:
    """What *lines* learn, over *link*; *clock* gives monotonic seconds."""

    def __init__(
        self,
        link: Link,
        lines: list[Line],
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._link = link
        self._lines = lines
        self._clock = clock
        self._sleep = sleep
        self._known: dict[str, dict[str, bytes]] = {}
        self._rests: dict[str, float] = {}
        """Until when lines rest, as far as it is told: told again and again, a rest would never end."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="share what lines learn")

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self.turn()
            except Away:
                pass  # the link says so itself; what is new stays new
            except Exception:  # whatever another version has left there must not end it
                log.exception("what lines learn is not shared at the moment")
            await self._sleep(EVERY)

    async def turn(self) -> None:
        """Tell what is new, and take up what is.  Raises Away."""
        for line in self._lines:
            await self._share(line)

    async def _share(self, line: Line) -> None:
        key = f"{PREFIX}{await identity(line)}"
        known = self._known.setdefault(key, {})
        new = {name: value for name, value in told(line).items() if known.get(name) != value}
        until, now = line.rests_until, self._clock()
        rest = max(0, round((until - now) * 1000)) if until > self._rests.get(key, 0.0) else 0
        words = [word for pair in new.items() for word in pair]
        left, found = await self._link.run(TURN, (key, rest, LIFETIME, *words))
        theirs = {name.decode(): value for name, value in zip(found[::2], found[1::2], strict=True)}
        for name, value in theirs.items():
            if known.get(name) != value and new.get(name) != value:
                take(line, name, value)
        self._known[key] = theirs
        if left > 0 and now + left / 1000 > until + SLACK:
            line.rests_until = now + left / 1000
        self._rests[key] = line.rests_until


async def identity(line: Line) -> str:
    """What tells *line* from others, without its key."""
    credential = line.credential
    key = await credential.token() if isinstance(credential, ApiKey) else ""
    return sha256(f"{line.name}\0{key}".encode()).hexdigest()[:32]


def told(line: Line) -> dict[str, bytes]:
    """What *line* has learned, by names."""
    rows = {f"{ROW}{model}": _written(row, plans.row_on(model, line.plan)) for model, row in line.learned.items()}
    return rows | {f"{BATCH}{model}": b"%d" % limit for model, limit in line.batches.items()}


def take(line: Line, name: str, value: bytes) -> None:
    """Have *line* know what another has learned; what makes no sense is passed over."""
    kind, model = (ROW, name.removeprefix(ROW)) if name.startswith(ROW) else (BATCH, name.removeprefix(BATCH))
    try:
        if kind == ROW:
            base = plans.row_on(model, line.plan)
            line.learn(model, replace(base, **_read(orjson.loads(value), base)))
        elif name.startswith(BATCH) and (limit := int(value)) > 0:
            line.learn_batch(model, limit)
    except ValueError:
        log.warning("what another proxy has learned of %s cannot be read", model)


def _written(row: Row, base: Row) -> bytes:
    """In what *row* differs from *base*."""
    changed = {each.name: getattr(row, each.name) for each in fields(row)}
    differing = {name: value for name, value in changed.items() if value != getattr(base, name)}
    return orjson.dumps(differing, default=sorted, option=orjson.OPT_SORT_KEYS)  # sets become lists


def _read(found: Any, base: Row) -> dict[str, Any]:
    """The fields in *found* that a row of this version has, of the kinds that it has them.  Raises ValueError."""
    if not isinstance(found, Mapping):
        raise ValueError("it is not an object")
    taken = {}
    for name, value in found.items():
        there = getattr(base, name, None)
        if isinstance(there, frozenset) and isinstance(value, list):
            taken[name] = frozenset(map(str, value))
        elif there is not None and type(value) is type(there):
            taken[name] = value
    return taken
