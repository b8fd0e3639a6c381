"""The command line: `qwenproxy COMMAND`; parses and calls."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from qwenproxy import __version__

COMMANDS = ("run", "exec", "login", "logout", "status", "doctor", "models", "tools", "usage", "simulator")
"""Each is a module of `commands` with HELP, arguments(parser) and main(arguments) -> exit status.

It is imported when it is called: most of them do without mitmproxy, which takes its time.
"""


class Parser(argparse.ArgumentParser):
    """Complains in one line, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def parser(chosen: str | None = None) -> Parser:
    """What understands the command *chosen*; all of them, with their help, if it is None."""
    found = Parser(prog="qwenproxy", description="An app that speaks to OpenAI gets its answers from Qwen.")
    found.add_argument("--version", action="version", version=f"qwenproxy {__version__}")
    commands = found.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name in COMMANDS:
        if chosen in (None, name):
            module = command(name)
            module.arguments(commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False))
    return found


def command(name: str) -> Any:
    """The module of the command *name*."""
    return import_module(f"qwenproxy.commands.{name}")


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line *argv* (the process's own by default) and leave with its exit status."""
    words = sys.argv[1:] if argv is None else argv
    chosen = words[0] if words and words[0] in COMMANDS else None
    try:
        arguments = parser(chosen).parse_args(words)
        sys.exit(command(arguments.command).main(arguments))
    except KeyboardInterrupt:  # while it was being loaded: later a command sees to it itself
        sys.exit(130)


if __name__ == "__main__":
    main()
