"""`qwenproxy exec`: one command through a proxy of its own, with nothing to set up and nothing left behind."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from qwenproxy import settings
from qwenproxy.commands import configured
from qwenproxy.commands.launch import joining, runtimes, shells, supervision, tally, trust
from qwenproxy.commands.launch.hired import NotStarted, hire
from qwenproxy.commands.launch.notices import about_node, notices
from qwenproxy.commands.launch.supervision import Outcome
from qwenproxy.commands.launch.variables import BASE_URL, Place, trusted, variables
from qwenproxy.commands.screen import Screen

HELP = "run a command whose calls to OpenAI are answered by Qwen: qwenproxy exec -- python app.py"
LOOK = 0
"""`--join` without a port."""
CANNOT_RUN, NOT_FOUND, INTERRUPTED = 126, 127, 130  # as shells have it


class Refused(Exception):
    """It cannot be done; *status* is the exit status, the message says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "%(prog)s [options] -- COMMAND [ARGUMENT ...]\n       %(prog)s --env {sh,fish,powershell}"
    parser.add_argument("--simulator", action="store_true", help="a built-in Qwen as the upstream: no account")
    parser.add_argument("--ui", choices=("web",), help="web: look at what passes, in mitmweb")
    parser.add_argument("--config", metavar="FILE", help="settings file (TOML)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="as for `run`")
    parser.add_argument("--log", metavar="FILE", help="append the proxy's log lines to this file")
    parser.add_argument("--quiet", action="store_true", help="no summary at the end")
    parser.add_argument(
        "--join",
        nargs="?",
        type=int,
        const=LOOK,
        metavar="PORT",
        help="use the HTTPS proxy that runs at this port (default: the one that the environment names, else "
        f"{joining.DEFAULT_PORT}) instead of a proxy of its own",
    )
    parser.add_argument(
        "--env",
        choices=tuple(shells.SHELLS),
        help="run nothing: print the variables for a shell, for use with a proxy that runs",
    )
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run, with its arguments")


def main(arguments: argparse.Namespace) -> int:
    """Run the command; its exit status, 128 + n if signal n has ended it.

    2 if the options are wrong, 1 if there is no proxy to be had, 127 if the command is not found, 126 if it cannot run.
    """
    words: list[str] = arguments.words[1:] if arguments.words[:1] == ["--"] else arguments.words
    environ = dict(os.environ)
    try:
        check(arguments, words)
        if arguments.env is not None:
            return show(arguments, environ)
        program = find(words[0], environ)
        end_in_order()
        outcome, summary = attended(arguments, environ, program, words)
    except Refused as e:
        configured.complain("exec", str(e))
        return e.status
    except KeyboardInterrupt:  # before the command has begun
        return INTERRUPTED
    if not arguments.quiet:
        say(summary, "dim")
    if outcome.by_interrupt:
        supervision.interrupt_self()
    return outcome.status


def check(arguments: argparse.Namespace, words: list[str]) -> None:
    """Raise Refused for options that do not go together."""
    own = own_options(arguments)
    if arguments.env is not None and words:
        raise Refused(2, "--env prints variables and runs nothing: leave the command out")
    if arguments.env is None and not words:
        raise Refused(2, "what is to be run?  qwenproxy exec -- COMMAND [ARGUMENT ...]")
    if own and (arguments.env is not None or arguments.join is not None):
        which = "--env" if arguments.env is not None else "--join"
        raise Refused(2, f"{which} is about a proxy that runs already: give {own[0]} to `qwenproxy run`")


def own_options(arguments: argparse.Namespace) -> list[str]:
    """The options given that are about a proxy of the command's own."""
    return [f"--{name}" for name in ("simulator", "ui", "config", "set", "log") if getattr(arguments, name)]


def find(name: str, environ: Mapping[str, str]) -> str:
    """The program that *name* means.  Raises Refused."""
    path = environ.get("PATH", os.defpath)
    if found := shutil.which(name, path=path):
        return found
    if shutil.which(name, os.F_OK, path):
        raise Refused(CANNOT_RUN, f"{name} cannot be executed")
    raise Refused(NOT_FOUND, f"{name}: there is no such command")


def end_in_order() -> None:
    """Until the command runs, a signal to end is an exit like any other, so that what has been begun is undone."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def attended(
    arguments: argparse.Namespace, environ: Mapping[str, str], program: str, words: Sequence[str]
) -> tuple[Outcome, str]:
    """Run the command through a proxy; how it ended, and the summary."""
    command = Command(program, words, environ)
    port = running(arguments, environ)
    if port is None:
        return through_its_own(options(arguments, base_url=bool(command.deaf_node)), command)
    with tempfile.TemporaryDirectory(prefix="qwenproxy-exec-") as folder:
        found = joined(port, environ, Path(folder), stem="")
        outcome = command.run(found)
    return outcome, f"by the proxy that runs at {found.url}"


def through_its_own(options: Sequence[str], command: "Command") -> tuple[Outcome, str]:
    """Run *command* through a proxy with *options*."""
    try:
        hired = hire(options)
    except NotStarted as e:
        raise Refused(max(e.status, 1), str(e)) from None
    try:
        for line in hired.warnings:
            say(line)
        if hired.web:
            say(f"what passes can be seen at {hired.web}", "dim")
        outcome = command.run(hired.place)
    finally:
        hired.end()
    if hired.facts is None:
        return outcome, "the proxy ended before the command did: later calls have failed (--log FILE tells why)"
    return outcome, tally.text(hired.facts)


def options(arguments: argparse.Namespace, *, base_url: bool) -> list[str]:
    """The proxy's own words; *base_url*: it is needed as an OpenAI of its own, too."""
    found = [] if base_url else ["--no-port"]
    found += ["--simulator"] if arguments.simulator else []
    found += [f"--set={each}" for each in arguments.set]
    return found + [f"--{name}={value}" for name in ("ui", "config", "log") if (value := getattr(arguments, name))]


class Command:
    """The command: *program* is the file that the first of *words* means, *environ* the user's own."""

    def __init__(self, program: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
        self._program = program
        self._words = words
        self._environ = environ
        self.deaf_node = runtimes.deaf_node(program, environ.get("PATH", os.defpath))
        """The version of a Node that does not heed proxy variables, if the command is run by one."""

    def run(self, place: Place) -> Outcome:
        """Run it with the variables for *place*, once the user has heard what there is to be heard."""
        told = variables(place, self._environ)
        for notice in notices(place, self._environ):
            say(notice)
        if self.deaf_node:
            say(about_node(self.deaf_node, place, self._environ))
            if place.reverse:
                told[BASE_URL] = self._environ.get(BASE_URL) or f"{place.reverse}/v1"
        try:
            return supervision.supervise(self._program, self._words, {**self._environ, **told})
        except OSError as e:
            raise Refused(CANNOT_RUN, f"{self._words[0]}: {e.strerror}") from None


def running(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int | None:
    """The port of a proxy of ours to use; None if the command is to have its own.  Raises Refused.

    One that the environment names is taken as a matter of course, unless options ask for another one.
    """
    looking = arguments.join is not None or arguments.env is not None
    if not looking and own_options(arguments):
        return None
    ports = [arguments.join] if arguments.join else [*joining.named(environ), *([joining.DEFAULT_PORT] * looking)]
    try:
        pem = joining.authority() if ports else b""
        found = next((port for port in ports if joining.is_ours(port, pem)), None)
    except OSError:
        found = None
    if found is None and looking:
        where = " or ".join(map(str, dict.fromkeys(ports)))
        raise Refused(1, f"no HTTPS proxy of qwenproxy runs at port {where} with the authority in ~/.mitmproxy")
    return found


def joined(port: int, environ: Mapping[str, str], folder: Path, stem: str) -> Place:
    """The proxy at *port*, and files in *folder* that make clients trust it.  Raises Refused."""
    try:
        found = settings.load(environ, Path.cwd())
        files = trust.write(folder, joining.authority(), *trusted(environ), stem=stem)
    except (ValueError, OSError) as e:
        raise Refused(1, str(e)) from None
    return Place(port, files, found.hosts, wants_key=bool(found.client_keys))


def show(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the variables for the proxy that runs."""
    port = running(arguments, environ)
    assert port is not None
    place = joined(port, environ, joining.AUTHORITY.expanduser().parent, stem="qwenproxy-")
    for notice in notices(place, environ):
        say(notice)
    for line in shells.lines(arguments.env, variables(place, environ)):
        print(line)
    return 0


def say(text: str, style: str = "yellow") -> None:
    """A line on standard error, if there is one."""
    with suppress(OSError):
        if sys.stderr:
            Screen(sys.stderr, os.environ).line(f"qwenproxy: {text}", style)
