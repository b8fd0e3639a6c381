"""What commands that need the settings have in common: `--config`, and how they complain."""

import argparse
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from qwenproxy import settings
from qwenproxy.commands.screen import Screen
from qwenproxy.settings import Settings
from qwenproxy.settings.sources import CONFIG


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings file (TOML)")


def load(arguments: argparse.Namespace) -> tuple[Settings, Mapping[str, str]]:
    """The settings that hold, and the environment that they are from.  Raises ValueError."""
    environ = dict(os.environ)
    if arguments.config is not None:
        environ[CONFIG] = str(arguments.config)
    return settings.load(environ, Path.cwd()), environ


def complain(command: str, text: str) -> None:
    """Say on standard error, in one line or what a terminal makes of it, why it did not work."""
    Screen(sys.stderr, os.environ).paragraph(f"qwenproxy {command}: {' '.join(text.split())}", style="red")


@contextmanager
def heard() -> Iterator[list[str]]:
    """What the package would log meanwhile, for the command to say in its own way."""
    notes: list[str] = []
    handler = _Noting(notes)
    package = logging.getLogger("qwenproxy")
    package.addHandler(handler)
    try:
        yield notes
    finally:
        package.removeHandler(handler)


class _Noting(logging.Handler):
    def __init__(self, notes: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._notes = notes

    def emit(self, record: logging.LogRecord) -> None:
        self._notes.append(record.getMessage())
