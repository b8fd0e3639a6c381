"""`qwenproxy models`: which models there are, what they can, and what each name leads to."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Iterator, Sequence

import orjson

from qwenproxy.commands import configured, pipes
from qwenproxy.commands.offering import Entry, Offering, offerings
from qwenproxy.commands.screen import Screen
from qwenproxy.commands.status import NAMES
from qwenproxy.models import UNKNOWN

HELP = "show the models: limits, abilities, what each name leads to; exit status 1 if the upstream lists none"
HEADINGS = ("model", "context", "output", "thinking", "can")
LEADS = ("name", "leads to")
GAP = "  "


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="only these, with wildcards; any name that an app uses"
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument("--offline", action="store_true", help="without asking the upstream what it has")
    configured.arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Show them: 0 if the upstream listed its models or was not asked, 1 if it did not, 2 if the settings are wrong."""
    try:
        settings, environ = configured.load(arguments)
        with configured.heard() as notes:
            found = asyncio.run(offerings(settings, environ, arguments.names, offline=arguments.offline))
    except ValueError as e:
        configured.complain("models", str(e))
        return 2
    with pipes.written():
        if arguments.json:
            shown = {"credentials": [offering.as_json() for offering in found], "notes": notes}
            print(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        else:
            show(found, notes, Screen(sys.stdout, environ))
    return 0 if arguments.offline or any(offering.listed is not None for offering in found) else 1


def show(found: Sequence[Offering], notes: Iterable[str], screen: Screen) -> None:
    """Write *found* for people."""
    for at, offering in enumerate(found):
        if at:
            screen.line()
        title = NAMES[offering.kind] + (", used when the one above fails" if at else "")
        mark = screen.styled("●", "yellow" if offering.error else "green")
        screen.line(f"{mark} {screen.styled(offering.upstream, 'bold')} ({offering.plan}), {title}: {said(offering)}")
        table(screen, HEADINGS, [cells(entry) for entry in offering.entries])
        table(screen, LEADS, [*offering.names.items(), *others(offering)])
    said_notes = dict.fromkeys([*(offering.error for offering in found if offering.error), *notes])
    if said_notes:
        screen.line()
    for note in said_notes:
        screen.paragraph(note, first="! ", indent="  ")


def others(offering: Offering) -> Iterator[tuple[str, str]]:
    """What all names lead to that mean nothing here."""
    if offering.others:
        yield "any other name", offering.others
    if offering.others_with_images != offering.others:
        yield "the same, with images", offering.others_with_images


def said(offering: Offering) -> str:
    """What the upstream said of its models."""
    if offering.listed is not None:
        return f"it lists {offering.listed} model{'s'[: offering.listed != 1]}"
    return "it lists none" if offering.error else "not asked"


def table(screen: Screen, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need; nothing if there are no rows."""
    rows = list(rows)
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    screen.line()
    for at, row in enumerate([headings, *rows]):
        line = GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        screen.line(f"{GAP}{line.rstrip()}", "" if at else "dim")


def cells(entry: Entry) -> tuple[str, ...]:
    """A row of the table."""
    can = " ".join(entry.abilities) or entry.kind
    return entry.id, size(entry.context), size(entry.max_output), entry.thinking or "", can


def size(tokens: int | None) -> str:
    """A number of tokens as people write it."""
    if tokens is None or tokens >= UNKNOWN:
        return "?"
    return f"{tokens / 1_000_000:.3g}M" if tokens >= 1_000_000 else f"{tokens / 1024:.3g}k"
