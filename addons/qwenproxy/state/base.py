"""What a store of responses and conversations offers.  Everything in it is one owner's, and nobody else finds it."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple, Protocol

from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import Json

RUNNING = ("queued", "in_progress")
"""The states of a response that is being made."""


class Unusable(ProxyError):
    """The store cannot be used: a full disk, a file that cannot be made, another version's."""


class Side(IntEnum):
    """Which items of a response: those that it answers, or those that it gave.  A conversation has the first only."""

    INPUT = 0
    OUTPUT = 1


class Entry(NamedTuple):
    """A response that is to be kept.  `body`: the object without its output."""

    owner: str
    body: Json
    input: Sequence[Json]
    previous: str | None = None
    conversation: str | None = None
    logged: bool = False
    """Its events are kept too."""


class Ending(NamedTuple):
    """What has become of a response; `events` close its log, numbered from `first`."""

    body: Json
    output: Sequence[Json]
    first: int = 0
    events: Sequence[bytes] = ()


class Stored(NamedTuple):
    """A response as it is kept: whole, its output in `body` included."""

    body: Json
    logged: bool
    orphan: bool
    """The process that was making it is no more."""

    @property
    def running(self) -> bool:
        return self.body["status"] in RUNNING


class Page(NamedTuple):
    """Some items of a list, and whether there are more."""

    items: Sequence[Json]
    more: bool


class Log(NamedTuple):
    """Events of a response, encoded, in order; `over`: no more will come."""

    events: Sequence[bytes]
    over: bool


class Responses(Protocol):
    """The part of a store that is about responses.

    Every method raises Unusable if that is what the store is.
    """

    async def add(self, entry: Entry) -> None:
        """Keep a response that is being made by this process."""
        ...

    async def append(self, response: str, first: int, events: Sequence[bytes]) -> bool:
        """Add *events*, numbered from *first*, to its log; False if it is no longer being made."""
        ...

    async def end(self, response: str, ending: Ending) -> bool:
        """It is made; False if it has been ended, or removed, before.  What it belongs to in a conversation follows."""
        ...

    async def find(self, owner: str, response: str) -> Stored | None: ...

    async def remove(self, owner: str, response: str) -> bool:
        """False if there is none."""
        ...

    async def history(self, owner: str, response: str) -> list[Json] | None:
        """All items that led to it, and its output; None if any of them is not there any more."""
        ...

    async def log(self, response: str, after: int) -> Log:
        """The events with higher numbers than *after*, some of them if there are many."""
        ...

    async def referred(self, owner: str, ids: Sequence[str]) -> Mapping[str, Json]:
        """Those of the items *ids* that there are, by their ids."""
        ...

    async def orphans(self) -> Sequence[tuple[str, str]]:
        """Owner and id of the responses whose making died with its process."""
        ...

    async def page(self, holder: str, side: Side, *, after: str | None, limit: int, descending: bool) -> Page | None:
        """Items of a response or a conversation, from behind the item *after*; None if that is not there."""
        ...


class Conversations(Protocol):
    """The part of a store that is about conversations; every method may raise Unusable."""

    async def open(self, owner: str, body: Json, content: Sequence[Json]) -> None: ...

    async def conversation(self, owner: str, conversation: str) -> Json | None: ...

    async def rewrite(self, owner: str, body: Json) -> bool: ...

    async def close_conversation(self, owner: str, conversation: str) -> bool:
        """Forget it and its items."""
        ...

    async def extend(self, owner: str, conversation: str, content: Sequence[Json]) -> bool: ...

    async def content(self, owner: str, conversation: str) -> list[Json] | None:
        """All its items in order."""
        ...

    async def item(self, conversation: str, item: str) -> Json | None: ...

    async def drop(self, conversation: str, item: str) -> bool: ...


class Use(NamedTuple):
    """What was used on one day (UTC, `2026-01-31`), with one client key, of one model."""

    day: str
    key: str
    """The beginning of the key's digest; "-": no key was asked for."""
    model: str
    requests: int = 0
    errors: int = 0
    """Of the requests, those that ended in an error."""
    prompt_tokens: int = 0
    completion_tokens: int = 0


class Usage(Protocol):
    """Where what was used is kept over restarts, of all processes together.  Its methods wait for a disk or a network:
    call them in a thread.  Both raise OSError if it cannot be used."""

    def add(self, uses: Sequence[Use], batch: str = "") -> None:
        """Add these figures to those that are there; what is too old is forgotten.

        *batch*: a name for this step.  Given again under it, since nobody heard whether it was made, they count once.
        """
        ...

    def read(self, since: str) -> list[Use]:
        """All figures from the day *since* on, in the order of days, keys, models."""
        ...


class Store(Responses, Conversations, Protocol):
    """All that is kept, in one place."""

    async def close(self) -> None:
        """Write what is still to be written, and let go."""
        ...
