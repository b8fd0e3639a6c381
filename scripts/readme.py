"""The README's tables, made from the code: `python -m scripts.readme` writes them in."""

from collections.abc import Callable, Mapping
from pathlib import Path

from qwenproxy import hints, settings
from qwenproxy.dialects import rulings
from qwenproxy.simulator.scenarios import SCENARIOS

README = Path(__file__).parents[1] / "README.md"


def rulings_table() -> str:
    """What becomes of each parameter of a chat request."""
    rows = [f"| `{name}` | {ruling.kind} | {ruling.reason} |" for name, ruling in rulings.TABLE.items()]
    return "\n".join(["| parameter | ruling | how, and why |", "|---|---|---|", *rows]) + "\n"


def scenarios_table() -> str:
    """The markers that the simulator understands."""
    markers = {" ".join(filter(None, ["sim:", name, row.argument])): row.does for name, row in SCENARIOS.items()}
    rows = [f"| `[{marker}]` | {does.replace('<', '&lt;')} |" for marker, does in markers.items()]
    return "\n".join(["| marker | what happens |", "|---|---|", *rows]) + "\n"


TABLES: Mapping[str, Callable[[], str]] = {
    "settings": settings.readme_table,
    "rulings": rulings_table,
    "scenarios": scenarios_table,
    "plans": hints.plans_table,
    "hints": hints.hints_table,
}
"""The name in the README's `<!-- name -->` and `<!-- /name -->` -> what stands between them."""


def filled(text: str) -> str:
    """*text* with every table as the code has it.  Raises ValueError for a table that has no place."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f"the README has no place, or several, for the table {name}")
        before, _, rest = text.partition(start)
        text = before + start + table() + end + rest.partition(end)[2]
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text(encoding="utf-8")), encoding="utf-8")
