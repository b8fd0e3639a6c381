"""The few figures that the README shows, as its tables have them.  All pure."""

from collections.abc import Mapping, Sequence

from scripts.benchmark.figures import Ratio, paired_ratio
from scripts.benchmark.report import BASE, PLAIN, figures_of
from scripts.benchmark.rounds import Round

type Rows = Sequence[tuple[str, str, str]]
"""What is told, and the load and the figure that it is."""

AT_16, AT_50, AT_100 = "16 connections", "50 streams at 50 events/s", "100 streams at 50 events/s"
PROXIES: Mapping[str, str] = {"addon": "`mitmdump -s addons/qwen.py`", "run": "`qwenproxy run`"}
VARIANTS: Mapping[str, str] = {
    "dashscope": "DashScope native",
    "contents": "contents",
    "tools": "tools on, none called",
}
AGAINST_BARE: Rows = (
    ("requests/s, 1 connection, more is better", "whole-1", "requests_per_s"),
    (f"requests/s, {AT_16}, more is better", "whole-16", "requests_per_s"),
    (f"latency p99, {AT_16}, less is better", "whole-16", "latency_p99_ms"),
    ("burst events/s, 4 streams, more is better", "burst", "events_per_s"),
    ("first event p50, 1 short stream at a time, less is better", "short-1", "first_event_p50_ms"),
    (f"first event p50, {AT_50}, less is better", "paced-50", "first_event_p50_ms"),
    (f"first event p50, {AT_100}, less is better", "paced-100", "first_event_p50_ms"),
    (f"lateness p99, {AT_100}, less is better", "paced-100", "lateness_p99_ms"),
    (f"CPU per event, {AT_100}, less is better", "paced-100", "cpu_us_per_event"),
)
AGAINST_PLAIN: Rows = (
    (f"requests/s, {AT_16}, more is better", "whole-16", "requests_per_s"),
    ("burst events/s, 4 streams, more is better", "burst", "events_per_s"),
    ("first event p50, 1 short stream at a time, less is better", "short-1", "first_event_p50_ms"),
    (f"first content p50, {AT_50}, less is better", "paced-50", "first_content_p50_ms"),
    (f"lateness p99, {AT_50}, less is better", "paced-50", "lateness_p99_ms"),
)


def summary(rounds: Sequence[Round]) -> str:
    """Both tables; "" for what was not measured."""
    bases = {load: BASE[load.partition("-")[0]] for _, load, _ in AGAINST_BARE}
    plain = dict.fromkeys(bases, PLAIN)
    return "\n".join(
        filter(None, (_table(rounds, PROXIES, AGAINST_BARE, bases), _table(rounds, VARIANTS, AGAINST_PLAIN, plain)))
    )


def _table(rounds: Sequence[Round], columns: Mapping[str, str], rows: Rows, bases: Mapping[str, str]) -> str:
    """The ratios of the subjects in *columns*; *bases*: what a load's are compared with."""
    found = {
        title: [_ratio(rounds, load, name, subject, bases[load]) for subject in columns] for title, load, name in rows
    }
    if not any(any(cells) for cells in found.values()):
        return ""
    head = [f"| | {' | '.join(columns.values())} |", f"|---|{'---|' * len(columns)}"]
    lines = [f"| {title} | {' | '.join(map(told, cells))} |" for title, cells in found.items()]
    return "\n".join([*head, *lines]) + "\n"


def _ratio(rounds: Sequence[Round], load: str, name: str, subject: str, base: str) -> Ratio | None:
    return paired_ratio(figures_of(rounds, load, subject), figures_of(rounds, load, base), name)


def told(value: Ratio | None) -> str:
    """Median and range, or a dash for what was not measured."""
    return "-" if value is None else f"{value.median:.2f} ({value.lowest:.2f}-{value.highest:.2f})"
