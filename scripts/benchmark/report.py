"""The report: markdown tables of medians and of ratios against bare mitmproxy.  All pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from scripts.benchmark.figures import Figures, Measurement, Ratio, middle, paired_ratio
from scripts.benchmark.load import Load
from scripts.benchmark.memory import Memory
from scripts.benchmark.rounds import Round
from scripts.benchmark.subjects import Subject

PLAIN = "run"
"""What its variants are compared with."""
BASE = {"whole": "bare", "short": "bare-streaming", "paced": "bare-streaming", "burst": "bare-streaming"}
"""What each kind of load is compared with."""
ROWS = {
    "whole": (
        ("requests_per_s", "requests/s", ">"),
        ("latency_p50_ms", "latency p50, ms", "<"),
        ("latency_p99_ms", "latency p99, ms", "<"),
        ("cpu_ms_per_request", "CPU per request, ms", "<"),
    ),
    "short": (
        ("streams_per_s", "streams/s", ">"),
        ("first_event_p50_ms", "first event p50, ms", "<"),
        ("first_event_p99_ms", "first event p99, ms", "<"),
        ("cpu_ms_per_stream", "CPU per stream, ms", "<"),
    ),
    "paced": (
        ("first_event_p50_ms", "first event p50, ms", "<"),
        ("first_event_p99_ms", "first event p99, ms", "<"),
        ("first_content_p50_ms", "first content p50, ms", "<"),
        ("first_content_p99_ms", "first content p99, ms", "<"),
        ("lateness_p50_ms", "lateness p50, ms", "<"),
        ("lateness_p99_ms", "lateness p99, ms", "<"),
        ("cpu_us_per_event", "CPU per event, µs", "<"),
    ),
    "burst": (
        ("events_per_s", "events/s", ">"),
        ("cpu_us_per_event", "CPU per event, µs", "<"),
    ),
}
"""Of each kind of load: figure, its name in the tables, and whether more (>) or less (<) is better."""
DISTURBED = 0.2
"""The share of the subject's core beyond which others (the network's own work included) disturb a measurement."""


def report(
    about: Mapping[str, str],
    rounds: Sequence[Round],
    plan: Sequence[Load],
    subjects: Sequence[Subject],
    memories: Mapping[str, Memory],
) -> str:
    """The whole report."""
    parts = ["# qwenproxy beside bare mitmproxy", _about(about, rounds)]
    if rounds:
        parts += ["## Medians of the rounds", medians(rounds, plan, subjects)]
        parts += ["## Against bare mitmproxy", *_comparison(rounds, plan, subjects)]
        if variants := [subject for subject in subjects if subject.loads is not None]:
            parts += ["## Other dialects, and tools that nobody calls, against plain qwenproxy run"]
            parts += [_of_variants(rounds, plan, variants)]
        parts += ["## Memory in the rounds, MB", _round_memory(rounds, subjects)]
    if memories:
        parts += ["## Memory over many exchanges", _memory(memories, subjects)]
    notes = [*_failures(rounds), *_disturbances(rounds)]
    if notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A markdown table, aligned for reading as it is: the first column to the left, all others to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(head))]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join(_line(line, widths) for line in (lines[0], rule, *lines[1:]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join((first, *rest))} |"


def number(value: float | None) -> str:
    """Three significant digits, no exponent; a dash for what is not known."""
    if value is None:
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(value: Ratio | None) -> str:
    """Median, and the range of the rounds in brackets; "" for none."""
    return "" if value is None else f"{value.median:.2f} ({value.lowest:.2f}–{value.highest:.2f})"


def _about(about: Mapping[str, str], rounds: Sequence[Round]) -> str:
    return ", ".join((*(f"{name} {value}" for name, value in about.items()), f"{len(rounds)} round(s)"))


def figures_of(rounds: Sequence[Round], load: str, subject: str) -> list[Figures]:
    """The figures of each round; empty for a round that has none."""
    found = (one.measurements.get(load, {}).get(subject) for one in rounds)
    return [{} if each is None else each.figures for each in found]


def medians(rounds: Sequence[Round], plan: Sequence[Load], subjects: Sequence[Subject]) -> str:
    """For every load and figure the median over the rounds, and how many exchanges failed."""
    rows: list[list[str]] = []
    for load in plan:
        of_subject = {subject.name: figures_of(rounds, load.name, subject.name) for subject in subjects}
        for name, title, _ in ROWS[load.kind]:
            values = [number(middle(figures, name)) for figures in of_subject.values()]
            rows.append([f"{load.title}: {title}", *values])
        failed = [_failed(rounds, load.name, subject.name) for subject in subjects]
        rows.append([f"{load.title}: failed", *failed])
    return table(["", *(subject.title for subject in subjects)], rows)


def _failed(rounds: Sequence[Round], load: str, subject: str) -> str:
    found = [one.measurements[load][subject] for one in rounds if subject in one.measurements.get(load, {})]
    return f"{sum(each.failed for each in found):,} of {sum(each.asked for each in found):,}" if found else "–"


def _comparison(rounds: Sequence[Round], plan: Sequence[Load], subjects: Sequence[Subject]) -> list[str]:
    """The ratios' table under a word on how to read it."""
    proxies = sorted((subject for subject in subjects if subject.command), key=lambda subject: not subject.ours)
    how = (
        "Each round's figure by the same round's of bare mitmproxy: median (lowest–highest). "
        "Whole answers against bare mitmdump as it comes, streams against the same with `stream_large_bodies=1`. "
        "↑ more is better, ↓ less is better."
    )
    rows = [
        [f"{load.title}: {title} {'↑' if better == '>' else '↓'}", *found]
        for load in plan
        for name, title, better in ROWS[load.kind]
        if any(found := _ratios(rounds, load, name, proxies))
    ]
    if not rows:
        return ["Nothing to compare: of `bare` and `bare-streaming` and the others, one side was not measured."]
    return [how, table(["", *(subject.title for subject in proxies)], [[cell or "–" for cell in row] for row in rows])]


def _ratios(rounds: Sequence[Round], load: Load, name: str, proxies: Sequence[Subject]) -> list[str]:
    return [_against(rounds, load, name, subject.name, BASE[load.kind]) for subject in proxies]


def _against(rounds: Sequence[Round], load: Load, name: str, subject: str, base: str) -> str:
    """The ratio of *subject*'s figure to *base*'s; "" for none."""
    if subject == base:
        return ""
    return ratio(paired_ratio(figures_of(rounds, load.name, subject), figures_of(rounds, load.name, base), name))


def _of_variants(rounds: Sequence[Round], plan: Sequence[Load], variants: Sequence[Subject]) -> str:
    """The figures by those of plain `qwenproxy run`."""
    rows = [
        [f"{load.title}: {title} {'↑' if better == '>' else '↓'}", *found]
        for load in plan
        for name, title, better in ROWS[load.kind]
        if any(found := [_against(rounds, load, name, subject.name, PLAIN) for subject in variants])
    ]
    return table(["", *(subject.title for subject in variants)], [[cell or "–" for cell in row] for row in rows])


def _round_memory(rounds: Sequence[Round], subjects: Sequence[Subject]) -> str:
    rows = []
    for at, title in enumerate(("ready", "at the round's end")):
        found = [
            [{"kb": one.resident_kb[s.name][at] / 1024} for one in rounds if s.name in one.resident_kb]
            for s in subjects
        ]
        rows.append([title, *(number(middle(each, "kb")) for each in found)])
    return table(["", *(subject.title for subject in subjects)], rows)


def _memory(memories: Mapping[str, Memory], subjects: Sequence[Subject]) -> str:
    rows = [
        [
            subject.title,
            f"{len(found.samples) * 1000:,}",
            number(found.start / 1024),
            number(found.samples[-1] / 1024),
            number(found.bytes_per_exchange),
            str(found.failed),
        ]
        for subject in subjects
        if (found := memories.get(subject.name)) is not None
    ]
    return table(["", "exchanges", "ready, MB", "after, MB", "slope, bytes per exchange", "failed"], rows)


def _each(rounds: Sequence[Round]) -> Iterable[tuple[str, str, Measurement]]:
    for one in rounds:
        for load, of_subject in one.measurements.items():
            for subject, found in of_subject.items():
                yield load, subject, found


def _failures(rounds: Sequence[Round]) -> list[str]:
    """Why anything failed, and how often."""
    reasons: Counter[str] = Counter(note for one in rounds for note in one.notes)
    for load, subject, found in _each(rounds):
        for reason, times in found.reasons.items():
            reasons[f"{subject}, {load}: {reason}"] += times
    return [f"{reason} ({times}×)" for reason, times in reasons.most_common()]


def _disturbances(rounds: Sequence[Round]) -> list[str]:
    shares = [found.foreign for _, _, found in _each(rounds) if found.foreign is not None]
    disturbed = [share for share in shares if share > DISTURBED]
    if not disturbed:
        return []
    return [
        f"{len(disturbed)} of {len(shares)} measurements were disturbed: others used up to "
        f"{max(disturbed):.0%} of the subject's core; repeat it on an idle machine"
    ]
