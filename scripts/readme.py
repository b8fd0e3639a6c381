"""The README's tables, made from the code, and its contents: `python -m scripts.readme` writes them in."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import orjson

from qwenproxy import hints, plans, settings
from qwenproxy.dialects import rulings
from qwenproxy.endpoints import completion_fields
from qwenproxy.endpoints.responses import fields, items
from qwenproxy.lines import DIALECTS
from qwenproxy.simulator.doors import FACES
from qwenproxy.simulator.scenarios import SCENARIOS, is_on
from qwenproxy.telemetry import metrics
from scripts import surface

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CLIENTS = ROOT / "tests" / "golden" / "clients.json"
CHAOS = ROOT / "tests" / "golden" / "chaos.json"
MARKS: Mapping[bool | None, str] = {True: "yes", False: "no", None: "-"}  # the last: it offers none


class Ruling(Protocol):
    """A row of a table of rulings."""

    @property
    def kind(self) -> str: ...

    @property
    def reason(self) -> str: ...


def rulings_table(what: str, table: Mapping[str, Ruling]) -> str:
    """What becomes of each name in *table*; *what* the names are.  Names ruled alike share a row."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, ruling in table.items():
        alike.setdefault((ruling.kind, ruling.reason), []).append(f"`{name}`")
    rows = [f"| {', '.join(names)} | {kind} | {reason} |" for (kind, reason), names in alike.items()]
    return "\n".join([f"| {what} | ruling | how, and why |", "|---|---|---|", *rows]) + "\n"


def scenarios_table() -> str:
    """The markers that the simulator understands, and on which of its faces."""
    lines = ["| marker | faces | what happens |", "|---|---|---|"]
    for name, row in SCENARIOS.items():
        marker = " ".join(filter(None, ["sim:", name, row.argument]))
        lines.append(f"| `[{marker}]` | {faces_of(name)} | {row.does.replace('<', '&lt;')} |")
    return "\n".join(lines) + "\n"


def faces_of(name: str) -> str:
    """The faces on which a scenario means something."""
    found = [face.name for face in FACES if is_on(name, face)]
    return "all" if len(found) == len(FACES) else ", ".join(found)


def dialects_table() -> str:
    """What each dialect cannot say."""
    lines = ["| dialect | parameter | why it is dropped |", "|---|---|---|"]
    for face, dialect in DIALECTS.items():
        reasons = dialect(plans.GATEWAY).unsaid
        for reason in dict.fromkeys(reasons.values()):
            names = ", ".join(f"`{name}`" for name in reasons if reasons[name] == reason)
            lines.append(f"| `{face}` | {names} | {reason} |")
    return "\n".join(lines) + "\n"


def clients_table() -> str:
    """What unmodified clients got when tests ran them last."""
    lines = ["| client | version | endpoint | plain | streamed | tools | how |", "|---|---|---|---|---|---|---|"]
    for name, row in orjson.loads(CLIENTS.read_bytes()).items():
        can = [MARKS[row[kind]] for kind in ("plain", "streamed", "tools")]
        cells = (name, row["version"], row["endpoint"], *can, row["how"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def metrics_table() -> str:
    """What Prometheus is told."""
    rows = [(f"{name}_total", help, labels) for name, (help, labels) in metrics.COUNTERS.items()]
    rows += [(name, f"{help} (histogram)", ("endpoint", "model")) for name, help in metrics.HISTOGRAMS.items()]
    rows += [(name, help, labels) for name, (help, labels, _) in metrics.GAUGES.items()]
    lines = ["| `qwenproxy_…` | labels | what it is |", "|---|---|---|"]
    lines += [f"| `{name}` | {', '.join(f'`{label}`' for label in labels)} | {help} |" for name, help, labels in rows]
    return "\n".join(lines) + "\n"


CHAOS_GROUPS: Mapping[str, str] = {
    "upstream": "the upstream",
    "apps": "an app",
    "tokens": "the token server",
    "machine": "",
    "workers": "",
    "redis": "Redis",
    "crowd": "",
}
"""Who does what the cases of each group of `CHAOS` say; "": the cases are sentences."""


def chaos_table() -> str:
    """What an app got when tests last made things go wrong."""
    lines = ["| what happens | what the app gets | of a stream, if it differs |", "|---|---|---|"]
    groups = orjson.loads(CHAOS.read_bytes())
    for group, who in CHAOS_GROUPS.items():
        for case, row in groups[group].items():
            first, *others = dict.fromkeys(row.values())
            lines.append(f"| {' '.join(filter(None, (who, case)))} | {first} | {' '.join(others)} |")
    return "\n".join(lines) + "\n"


FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^(##|###) (.+)$", re.MULTILINE)


def anchor(heading: str) -> str:
    """What GitHub makes of *heading* for links to it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def headings(text: str) -> list[tuple[str, str]]:
    """The marks (`##` or `###`) and words of the headings in *text*."""
    return HEADING.findall(FENCED.sub("", text))


def contents(text: str) -> str:
    """The chapters of *text*, each with its sections behind it."""
    chapters: list[list[str]] = []
    for mark, words in headings(text):
        if mark == "##":
            chapters.append([])
        chapters[-1].append(f"[{words}](#{anchor(words)})")
    return "".join(
        f"* **{chapter}**{': ' if sections else ''}{', '.join(sections)}\n" for chapter, *sections in chapters
    )


TABLES: Mapping[str, Callable[[], str]] = {
    "settings": settings.readme_table,
    "rulings": partial(rulings_table, "parameter", rulings.TABLE),
    "response-fields": partial(rulings_table, "parameter", fields.TABLE),
    "response-items": partial(rulings_table, "input item", items.ITEMS),
    "dialects": dialects_table,
    "scenarios": scenarios_table,
    "plans": hints.plans_table,
    "hints": hints.hints_table,
    "clients": clients_table,
    "metrics": metrics_table,
    "chaos": chaos_table,
    "completions": partial(rulings_table, "parameter", completion_fields.TABLE),
    "surface": surface.table,
}
"""The name in the README's `<!-- name -->` and `<!-- /name -->` -> what stands between them."""


def filled(text: str) -> str:
    """*text* with its contents, and every table as the code has it.  Raises ValueError for one that has no place."""
    text = placed(text, "contents", contents(text))
    for name, table in TABLES.items():
        text = placed(text, name, table())
    return text


def placed(text: str, name: str, table: str) -> str:
    """*text* with *table* between the marks of *name*.  Raises ValueError if they are not there just once."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    if text.count(start) != 1 or text.count(end) != 1:
        raise ValueError(f"the README has no place, or several, for the table {name}")
    before, _, rest = text.partition(start)
    return before + start + table + end + rest.partition(end)[2]


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
