"""`qwenproxy doctor`: what may stand in the way of an answer, each with what to do about it."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from qwenproxy import __version__, service
from qwenproxy.auth.oauth import OAuth
from qwenproxy.commands import configured, pipes, standing
from qwenproxy.commands.checks import authority, calls, configuration, listeners, proxying, sharing, upstreams, versions
from qwenproxy.commands.checks import options as mitmproxys
from qwenproxy.commands.checks.credentials import credentials
from qwenproxy.commands.checks.findings import Finding, Level, worst
from qwenproxy.commands.checks.reach import Reached, reach
from qwenproxy.commands.checks.trusting import trusting
from qwenproxy.commands.screen import Screen
from qwenproxy.hostnames import is_loopback
from qwenproxy.lines import Line
from qwenproxy.settings import Settings

HELP = "check all that may stand in the way of an answer, up to a call of one token; exit status 1 if something fails"
STYLES: Mapping[Level, str] = {"ok": "", "warn": "yellow", "fail": "red"}
WIDTH = 12
"""Columns of a finding's name."""
WRONG_SETTINGS = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    port: int
    proxy_port: int
    model: str
    limit: float
    offline: bool
    confdir: Path | None = None


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs")
    parser.add_argument("--offline", action="store_true", help="look at this machine only: nothing is sent")
    parser.add_argument("--model", default="gpt-4o", help="what the call asks for, as an app would (default: gpt-4o)")
    parser.add_argument("--port", type=port, default=8080, help="port of the local OpenAI (default: 8080)")
    parser.add_argument("--proxy-port", type=port, default=8081, help="port of the HTTPS proxy (default: 8081)")
    parser.add_argument(
        "--timeout", type=float, default=15.0, metavar="SECONDS", help="for each stage, and for the call (default: 15)"
    )
    parser.add_argument(
        "--confdir",
        type=Path,
        metavar="FOLDER",
        help="mitmproxy's folder (default: ~/.mitmproxy), as --set confdir=...",
    )
    configured.arguments(parser)


def port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port")
    return number


def main(arguments: argparse.Namespace) -> int:
    """Look, and tell: 0 if nothing fails, 1 if something does, 2 if the settings are wrong."""
    about = (arguments.port, arguments.proxy_port, arguments.model, arguments.timeout)
    wish = Wish(*about, arguments.offline, arguments.confdir)
    screen = Screen(sys.stdout, os.environ)
    if not arguments.json:
        screen.status("looking ...", "dim")
    with configured.heard():  # what is logged meanwhile is in the findings
        status, found = asyncio.run(examine(arguments, wish))
    with pipes.written():
        if arguments.json:
            print(orjson.dumps(as_json(found), option=orjson.OPT_INDENT_2).decode())
        else:
            show(found, screen)
    return status


def as_json(found: Sequence[Finding]) -> dict[str, object]:
    """For programs."""
    return {"version": __version__, "status": worst(found), "findings": list(found)}


def show(found: Sequence[Finding], screen: Screen) -> None:
    """Write *found* for people."""
    screen.clear()
    for finding in found:
        first = f"{finding.level:<5} {finding.name:<{WIDTH}} "
        indent = " " * len(first)
        screen.paragraph(finding.what, first=first, indent=indent, style=STYLES[finding.level])
        if finding.next:
            screen.paragraph(finding.next, first=f"{indent}-> ", indent=f"{indent}   ")


async def examine(arguments: argparse.Namespace, wish: Wish) -> tuple[int, list[Finding]]:
    """The exit status, and all findings; with settings that are wrong, those that do without."""
    now = time.time()
    found: list[Finding] = []
    try:
        settings, environ = configured.load(arguments)
        judged = list(configuration.configuration(settings, environ, Path.cwd()))
        lines = service.service(settings, environ).lines
    except ValueError as e:
        found = [*versions.versions(), configuration.wrong(e), *await machine(Settings(), os.environ, wish, now)]
        return WRONG_SETTINGS, found
    try:
        here, there = await asyncio.gather(
            machine(settings, environ, wish, now), beyond(settings, environ, lines, wish, now)
        )
    finally:
        await asyncio.gather(*(line.upstream.retire() for line in lines), *(_closed(line) for line in lines))
    found = [*versions.versions(), *judged, *here, *there]
    return int(worst(found) == "fail"), found


async def _closed(line: Line) -> None:
    if isinstance(line.credential, OAuth):
        await line.credential.close()


async def machine(settings: Settings, environ: Mapping[str, str], wish: Wish, now: float) -> list[Finding]:
    """About this machine: ports, authority, variables."""
    kept = mitmproxys.read(wish.confdir)
    own = authority.read(kept.authority)
    states, based, local, https, local6, https6 = await asyncio.gather(
        proxying.look(environ, own.pem, wish.limit, offline=wish.offline),
        proxying.look_local(environ, own.pem),
        listeners.occupant(wish.port, own.pem),
        listeners.occupant(wish.proxy_port, own.pem),
        listeners.occupant(wish.port, own.pem, listeners.HOST6),
        listeners.occupant(wish.proxy_port, own.pem, listeners.HOST6),
    )
    return [
        *mitmproxys.options(kept),
        listeners.listener("port", wish.port, local),
        *listeners.beside("port", wish.port, local, local6),
        listeners.listener("proxy-port", wish.proxy_port, https),
        *listeners.beside("proxy-port", wish.proxy_port, https, https6),
        *authority.authority(own, now),
        *proxying.proxying(environ, settings.hosts, states, based),
        *trusting(own, environ, intercepting="ours" in states.values()),
    ]


async def beyond(
    settings: Settings, environ: Mapping[str, str], lines: Sequence[Line], wish: Wish, now: float
) -> list[Finding]:
    """About the credentials, the upstreams, and the answers that one gets there."""
    report = await standing.report(settings, environ, now)
    for line in lines:
        if isinstance(line.credential, OAuth):
            await line.credential.look()  # the login says where it leads
    found = list(credentials(report, lines, now))
    if wish.offline:
        return found
    found += await asyncio.to_thread(lambda: list(sharing.sharing(settings)))
    addresses = list(dict.fromkeys(line.upstream.base_url for line in lines))
    reached = dict(zip(addresses, await asyncio.gather(*(reach(each, wish.limit) for each in addresses)), strict=True))
    usable = [line for line, kept in zip(lines, report.standings, strict=True) if kept.is_usable]
    answers = await asyncio.gather(
        *(calls.call(settings, line, wish.model, wish.limit) for line in within(usable, reached))
    )
    ways = [upstreams.upstream(address, each, foreign(environ)) for address, each in reached.items()]
    skew = upstreams.clock(list(reached.values()))
    return [*found, *tempered(ways, answers), *([skew] if skew else []), *tempered(answers, answers)]


def within(lines: Iterable[Line], reached: Mapping[str, Reached]) -> Iterator[Line]:
    """Those of *lines* whose upstream can be reached."""
    return (line for line in lines if not reached[line.upstream.base_url].error)


def foreign(environ: Mapping[str, str]) -> list[str]:
    """The HTTP proxies on other machines that *environ* names."""
    named = proxying.addressed(environ).values()
    return list(dict.fromkeys(each.url for each in named if each is not None and not is_loopback(each.host)))


def tempered(findings: Iterable[Finding], answers: Iterable[Finding]) -> Iterator[Finding]:
    """*findings*, of which none is fatal if one of *answers* is good: calls go on there by themselves."""
    good = any(answer.level == "ok" for answer in answers)
    return (replace(each, level="warn") if good and each.level == "fail" else each for each in findings)
