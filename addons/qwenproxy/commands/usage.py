"""`qwenproxy usage`: what was used, by day, client key and model."""

import argparse
import csv
import sys
import time
from collections.abc import Sequence

import orjson

from qwenproxy.commands import configured
from qwenproxy.state import place
from qwenproxy.state.base import Use
from qwenproxy.state.usage import day_of

HELP = "show how much of which model was used, by day and client key"
DAY = 86_400.0


def arguments(parser: argparse.ArgumentParser) -> None:
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, for programs")
    form.add_argument("--csv", action="store_true", help="as CSV, for spreadsheets")
    parser.add_argument("--days", type=days, default=30, metavar="N", help="how many, today included (default: 30)")
    configured.arguments(parser)


def days(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of days")
    return number


def main(arguments: argparse.Namespace) -> int:
    """Show it: 0; 1 if none is kept, or it cannot be read; 2 if the settings are wrong."""
    try:
        settings, environ = configured.load(arguments)
    except ValueError as e:
        configured.complain("usage", str(e))
        return 2
    store = place.usage(settings, environ)
    if store is None:
        configured.complain("usage", "no usage is kept: set `usage` to a file (QWENPROXY_USAGE)")
        return 1
    try:
        found = store.read(day_of(time.time() - (arguments.days - 1) * DAY))
    except OSError as e:
        configured.complain("usage", str(e))
        return 1
    if arguments.json:
        print(orjson.dumps([use._asdict() for use in found], option=orjson.OPT_INDENT_2).decode())
    elif arguments.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([Use._fields, *found])
    else:
        show(found)
    return 0


def show(found: Sequence[Use]) -> None:
    """Write *found* for people, with its total."""
    if not found:
        print("Nothing was used in these days.")
        return
    rows = [[name.replace("_", " ") for name in Use._fields], *map(cells, found), cells(total(found))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        words = [f"{text:<{width}}" for text, width in zip(row[:3], widths[:3], strict=True)]
        figures = [f"{text:>{width}}" for text, width in zip(row[3:], widths[3:], strict=True)]
        print("  ".join([*words, *figures]).rstrip())


def cells(use: Use) -> list[str]:
    return [*use[:3], *(f"{figure:,}" for figure in use[3:])]


def total(found: Sequence[Use]) -> Use:
    return Use("total", "", "", *(sum(column) for column in zip(*(use[3:] for use in found), strict=True)))
