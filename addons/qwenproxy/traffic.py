"""The exchanges under way in this process, and who is told of them."""

from collections.abc import Sequence
from typing import Protocol

from qwenproxy.record import Record


class Watcher(Protocol):
    """Who counts exchanges; is called once a request, so it must be quick, and must not raise."""

    def began(self, record: Record) -> None:
        """A request is in; its record is still empty."""
        ...

    def ended(self, record: Record) -> None:
        """Its answer is over; the record is complete."""
        ...


class Traffic:
    """How many exchanges there are; one for the process, whatever its settings become."""

    def __init__(self, watchers: Sequence[Watcher] = ()) -> None:
        self.watchers = watchers
        self.under_way = 0

    def begin(self, record: Record) -> Record:
        """Count the exchange of *record* until that is closed."""
        record.on_close = self._end
        self.under_way += 1
        for watcher in self.watchers:
            watcher.began(record)
        return record

    def _end(self, record: Record) -> None:
        self.under_way -= 1
        for watcher in self.watchers:
            watcher.ended(record)
