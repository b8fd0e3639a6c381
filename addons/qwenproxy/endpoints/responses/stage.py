"""The output of one response as it is told: items one after the other, each announced, filled and done."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from qwenproxy.wire.openai import Json


class Piece(NamedTuple):
    """More of an item.  *kind*: of what in it, where it holds several things."""

    text: str = ""
    kind: str = ""
    logprobs: Iterable[Json] = ()
    annotations: Iterable[Json] = ()


class Item(Protocol):
    """An item as it is made: it comes on, is fed, and leaves, completed or incomplete."""

    def open(self) -> None: ...

    def feed(self, piece: Piece) -> None: ...

    def ready(self) -> bool:
        """Whether nothing can be missing, should another item be waiting."""
        ...

    def close(self, status: str) -> None: ...


class Stage:
    """Where items come on, one at a time.  `events`: what there is to tell; `output`: the items that are done.

    *stem*: what the ids of all items have in common.
    """

    def __init__(self, stem: str) -> None:
        self.events: list[Json] = []
        self.output: list[Json] = []
        self._stem = stem

    def new_id(self, prefix: str) -> str:
        """The id of the item that comes next: always the same, and no other's."""
        return f"{prefix}_{self._stem}{len(self.output):08x}"

    def begin(self, item: Json) -> None:
        """The next item comes on."""
        self.tell("output_item.added", item=item)

    def tell(self, what: str, **fields: Any) -> None:
        """Something of the item that is on."""
        self.events.append({"type": f"response.{what}", "output_index": len(self.output)} | fields)

    def done(self, item: Json) -> None:
        """The item that is on leaves, as *item*."""
        self.tell("output_item.done", item=item)
        self.output.append(item)

    def whole(self, kind: str, prefix: str, sealed: str) -> None:
        """An item of this *kind* that is there as a whole, and *sealed*."""
        item = {"id": self.new_id(prefix), "type": kind, "encrypted_content": sealed}
        self.begin(item)
        self.done(item)

    def drain(self) -> list[Json]:
        """What there is to tell since the last time."""
        events, self.events = self.events, []
        return events
