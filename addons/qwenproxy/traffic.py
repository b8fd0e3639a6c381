"""The exchanges under way in this process, and who is told of them."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Protocol

from qwenproxy.record import Record

NONE: Mapping[str, str] = MappingProxyType({})


class Watcher(Protocol):
    """Who counts exchanges; is called once a request, so it must be quick, and must not raise."""

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """A request is in, with *headers* by their lower-case names; its record is still empty."""
        ...

    def ended(self, record: Record) -> None:
        """Its answer is over; the record is complete."""
        ...


class Meter(Watcher, Protocol):
    """A watcher that knows more than exchanges, and tells its figures to whoever asks."""

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to the counter *name*, by the values of its labels."""
        ...

    def limited(self, name: str) -> None:
        """A request or a connection has met the limit *name*, one of a few words."""
        ...

    def refreshed(self, outcome: str) -> None:
        """The login was to be renewed; *outcome*: one of a few words."""
        ...

    def expires(self, credential: str, at: float) -> None:
        """The token of *credential* ends *at* seconds since 1970."""
        ...

    def settle(self) -> None:
        """Bring the figures up to date."""
        ...

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """The figures as they were last brought up to date, and their content type, in the form that the header
        *accept* asks for; may be called in a thread."""
        ...


class Traffic:
    """How many exchanges there are; one for the process, whatever its settings become."""

    def __init__(self, watchers: Sequence[Watcher] = ()) -> None:
        self.watchers = watchers
        self.under_way = 0
        self.draining = False
        """The process takes its leave: what is under way may end, more should go elsewhere."""

    def begin(self, record: Record, headers: Mapping[str, str] = NONE) -> Record:
        """Count the exchange of *record* until that is closed; *headers* are those of the app's request."""
        watchers = self.watchers
        record.on_close = partial(self._end, watchers)
        self.under_way += 1
        for watcher in watchers:
            watcher.began(record, headers)
        return record

    def _end(self, watchers: Sequence[Watcher], record: Record) -> None:
        """Those are told who were told of its beginning."""
        self.under_way -= 1
        for watcher in watchers:
            watcher.ended(record)
