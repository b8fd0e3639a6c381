"""The command line: `qwenproxy COMMAND`; parses and calls."""

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from qwenproxy import __version__
from qwenproxy.commands import run, simulator

COMMANDS = {"run": run, "simulator": simulator}
"""Each module has HELP, arguments(parser) and main(arguments) -> exit status."""


class Parser(argparse.ArgumentParser):
    """Complains in one line, with exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see `{self.prog} --help`)\n")


def parser() -> Parser:
    found = Parser(prog="qwenproxy", description="An app that speaks to OpenAI gets its answers from Qwen.")
    found.add_argument("--version", action="version", version=f"qwenproxy {__version__}")
    commands = found.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    for name, module in COMMANDS.items():
        module.arguments(commands.add_parser(name, help=module.HELP, description=module.HELP, allow_abbrev=False))
    return found


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line *argv* (the process's own by default) and leave with its exit status."""
    arguments = parser().parse_args(argv)
    sys.exit(COMMANDS[arguments.command].main(arguments))


if __name__ == "__main__":
    main()
