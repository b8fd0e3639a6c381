"""The figures: from outcomes to numbers, and from rounds of numbers to medians and paired ratios.  All pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal

from scripts.benchmark.answers import Outcome

type Figures = Mapping[str, float]
"""The figures of one load on one subject in one round, by name."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One turn of a load on a subject.  All times in seconds; None: not known on this system."""

    outcomes: Sequence[Outcome]
    elapsed: float
    cpu: float | None = None
    """CPU time of the subject."""
    foreign: float | None = None
    """Time for which others used the subject's core."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One load on one subject in one round."""

    figures: Figures
    asked: int
    failed: int
    reasons: Mapping[str, int] = field(default_factory=dict)
    foreign: float | None = None
    """Share of the time for which others used the subject's core."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the ratios of all rounds, with the lowest and the highest."""

    median: float
    lowest: float
    highest: float


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: the smallest value that *percent* of all do not exceed.  Raises ValueError."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def measurement(kind: Literal["whole", "short", "paced", "burst"], slices: Sequence[Slice]) -> Measurement:
    """What *slices* come to, taken together.  Only right answers count; with none of them there are no figures."""
    outcomes = [outcome for each in slices for outcome in each.outcomes]
    good = [outcome for outcome in outcomes if not outcome.failure]
    reasons = Counter(outcome.failure for outcome in outcomes if outcome.failure)
    elapsed = sum(each.elapsed for each in slices)
    figures = FIGURES_OF[kind](good, elapsed, _sum([each.cpu for each in slices])) if good else {}
    foreign = _sum([each.foreign for each in slices])
    share = None if foreign is None else foreign / elapsed
    return Measurement(figures, len(outcomes), len(outcomes) - len(good), dict(reasons), share)


def _sum(values: Sequence[float | None]) -> float | None:
    """The sum of *values*, if all are known."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _spread(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    return {f"{name}_p{percent}_ms": percentile(seconds, percent) * 1e3 for percent in (50, 99)}


def _cpu(name: str, cpu: float | None, count: int, unit: float) -> dict[str, float]:
    return {} if cpu is None else {name: cpu * unit / count}


def _whole(good: Sequence[Outcome], elapsed: float, cpu: float | None) -> Figures:
    latencies = _spread("latency", [outcome.latency for outcome in good])
    return {"requests_per_s": len(good) / elapsed} | latencies | _cpu("cpu_ms_per_request", cpu, len(good), 1e3)


def _short(good: Sequence[Outcome], elapsed: float, cpu: float | None) -> Figures:
    first = _spread("first_event", [outcome.first for outcome in good])
    return {"streams_per_s": len(good) / elapsed} | first | _cpu("cpu_ms_per_stream", cpu, len(good), 1e3)


def _paced(good: Sequence[Outcome], elapsed: float, cpu: float | None) -> Figures:
    first = _spread("first_event", [outcome.first for outcome in good])
    content = _spread("first_content", [outcome.content for outcome in good])
    late = _spread("lateness", [late for outcome in good for late in outcome.lateness])
    return first | content | late | _cpu("cpu_us_per_event", cpu, sum(outcome.events for outcome in good), 1e6)


def _burst(good: Sequence[Outcome], elapsed: float, cpu: float | None) -> Figures:
    events = sum(outcome.events for outcome in good)
    return {"events_per_s": events / elapsed} | _cpu("cpu_us_per_event", cpu, events, 1e6)


FIGURES_OF = {"whole": _whole, "short": _short, "paced": _paced, "burst": _burst}


def middle(rounds: Sequence[Figures], name: str) -> float | None:
    """The median of figure *name* over the rounds that have it."""
    values = [figures[name] for figures in rounds if name in figures]
    return median(values) if values else None


def paired_ratio(ours: Sequence[Figures], base: Sequence[Figures], name: str) -> Ratio | None:
    """Figure *name* of ours against the same round's of *base*; rounds that lack either do not count."""
    pairs = zip(ours, base, strict=True)
    ratios = [a[name] / b[name] for a, b in pairs if a.get(name) is not None and b.get(name, 0) > 0]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The slope of the straight line nearest to *points* (least squares).  Raises ValueError for fewer than two."""
    if len(points) < 2:
        raise ValueError("a line needs two points")
    mid_x = sum(x for x, _ in points) / len(points)
    mid_y = sum(y for _, y in points) / len(points)
    return sum((x - mid_x) * (y - mid_y) for x, y in points) / sum((x - mid_x) ** 2 for x, _ in points)
