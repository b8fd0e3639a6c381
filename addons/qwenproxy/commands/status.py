"""`qwenproxy status`: what calls are signed in with, as far as files and settings tell, and the workers that run.

Nothing is sent.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import datetime

import orjson

from qwenproxy.commands import configured, durations
from qwenproxy.commands.screen import Screen
from qwenproxy.commands.standing import Report, Standing, report
from qwenproxy.commands.workers import standing as workers

HELP = "show what calls are signed in with: login or key, how long it lasts, which API it is for; and the workers"
NAMES = {"oauth": "OAuth login", "api_key": "API key", "none": "no credential"}
"""What people call each kind."""


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    configured.arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Show it: 0 if something can be used, 1 if nothing can, 2 if the settings are wrong."""
    try:
        settings, environ = configured.load(arguments)
        now = time.time()
        found = asyncio.run(report(settings, environ, now))
    except ValueError as e:
        configured.complain("status", str(e))
        return 2
    launchers = workers.ask(environ)
    if arguments.json:
        told = found.as_json(now) | {"launchers": launchers}
        print(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
    else:
        screen = Screen(sys.stdout, environ)
        show(found, screen, now)
        for each in launchers:
            show_workers(each, screen, now)
    return 0 if found.is_usable else 1


def show(found: Report, screen: Screen, now: float) -> None:
    """Write *found* for people."""
    for at, standing in enumerate(found.standings):
        if at:
            screen.line()
        title = NAMES[standing.kind] + (", used when the one above fails" if at else "")
        mark = screen.styled("●", "green" if standing.is_usable else "yellow")
        screen.line(f"{mark} {screen.styled(title, 'bold')}: {standing.state}")
        for name, text in rows(standing, now):
            screen.line(f"    {name:<10} {text}")
    notes = [note for standing in found.standings for note in standing.notes] + found.notes
    if notes:
        screen.line()
    for note in dict.fromkeys(notes):
        screen.paragraph(note, first="! ", indent="  ")


def show_workers(launcher: workers.Json, screen: Screen, now: float) -> None:
    """Write for people how the workers of *launcher* are."""
    screen.line()
    found = launcher["workers"]
    title = f"{len(found)} workers of process {launcher['pid']}"
    screen.line(f"{screen.styled('●', 'green' if found else 'yellow')} {screen.styled(title, 'bold')}")
    screen.line(f"    {'listening':<10} {launcher['listening']}")
    for worker in found:
        under_way = "no answer" if worker["under_way"] is None else f"{worker['under_way']} under way"
        words = [f"pid {worker['pid']}", f"for {durations.span(now - worker['since'])}", under_way]
        words += [f"replaced {times(worker['restarts'])}"] if worker["restarts"] else []
        screen.line(f"    {'worker ' + str(worker['worker']):<10} {', '.join(words)}")


def times(count: int) -> str:
    """How often something was."""
    return "once" if count == 1 else f"{count} times"


def rows(standing: Standing, now: float) -> Iterator[tuple[str, str]]:
    """What there is to tell, by name."""
    if standing.source:
        yield "from", standing.source
    yield "for", f"{standing.upstream} ({standing.plan})"
    if standing.kind == "oauth" and standing.has_file:
        words = [
            name for name, there in (("access", standing.access_token), ("refresh", standing.refresh_token)) if there
        ]
        yield "tokens", " and ".join(words) or "none"
    if standing.expires_at is not None:
        left = standing.expires_at - now
        said = f"in {durations.span(left)}" if left > 0 else f"{durations.span(-left)} ago"
        yield "expires", f"{said}, {moment(standing.expires_at)}"
    if standing.written_at is not None:
        yield "written", f"{durations.span(now - standing.written_at)} ago, {moment(standing.written_at)}"
    if standing.error:
        yield "error", standing.error


def moment(seconds: float) -> str:
    """A point in time in the user's own zone, and as seconds since 1970."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S %z} ({seconds:.0f})"
