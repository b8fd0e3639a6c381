"""What is counted of exchanges, in plain numbers: as little work for each as can be."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

from qwenproxy.record import Record

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the buckets for times; what is more goes into one more."""
NOWHERE = "-"
"""The endpoint of what was refused before it was known, and of the proxy's own page."""
MODELS = 50
"""Names of models that are told apart; the figures of others are those of one, `other`."""
OTHER = "other"

type Key = tuple[str, str, str, int, str]
"""Endpoint, model, dialect, status, error."""


class Times:
    """How many times there were in each bucket, and their sum in seconds."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(SECONDS) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(SECONDS, seconds)] += 1
        self.sum += seconds


@dataclass(slots=True)
class Tally:
    """Exchanges of one kind, which ended alike."""

    exchanges: int = 0
    rounds: int = 0
    durations: Times = field(default_factory=Times)
    firsts: Times = field(default_factory=Times)
    gaps: Times = field(default_factory=Times)
    tokens: Counter[str] = field(default_factory=Counter)
    """By kind."""

    def add(self, record: Record) -> None:
        self.exchanges += 1
        self.rounds += record.rounds
        if record.endpoint == NOWHERE:
            return
        self.durations.add(record.seconds)
        if (first := record.first_seconds) is not None:
            self.firsts.add(first)
        if record.longest_gap:
            self.gaps.add(record.longest_gap)
        for kind, count in record.tokens().items():
            self.tokens[kind] += count


class Tallies:
    """What has ended since it was last asked."""

    def __init__(self) -> None:
        self._models: set[str] = set()
        self._alike: dict[Key, Tally] = {}
        self._odd: Counter[tuple[str, str]] = Counter()

    def add(self, record: Record) -> None:
        """Count an exchange that has ended."""
        key = record.endpoint, self._model(record), record.dialect, record.status, record.code
        tally = self._alike.get(key)
        if tally is None:
            tally = self._alike[key] = Tally()
        tally.add(record)
        if record.changed or record.dropped or record.retries or record.outcomes:
            self._note(record)

    def taken(self) -> tuple[dict[Key, Tally], Counter[tuple[str, str]]]:
        """What was counted, and what most exchanges have nothing of, by its name and kind; all begins anew."""
        taken = self._alike, self._odd
        self._alike, self._odd = {}, Counter()
        return taken

    def _model(self, record: Record) -> str:
        """The name of the model, if it is one by which Qwen has answered: apps may ask for anything."""
        name = record.used
        if name in self._models or not name:
            return name
        if record.first_seconds is not None and len(self._models) < MODELS:
            self._models.add(name)
            return name
        return OTHER

    def _note(self, record: Record) -> None:
        odd = self._odd
        for reason in record.retries:
            odd["retries", reason] += 1
        for outcome, count in record.outcomes.items():
            odd["tool_calls", outcome] += count
        odd["learned", ""] += len(record.learned)
        odd["dropped", ""] += len(record.dropped)
        odd["changed", ""] += len(record.changed)
        odd["repaired", ""] += record.repaired
