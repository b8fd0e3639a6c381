"""What a check has found."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

type Level = Literal["ok", "warn", "fail"]

LEVELS: tuple[Level, ...] = ("ok", "warn", "fail")
"""The best first."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line.  Several may have the same name: one for each port, or for each credential."""

    name: str
    level: Level
    what: str
    next: str = ""
    """What to do about it, unless it is ok."""


def ok(name: str, what: str) -> Finding:
    return Finding(name, "ok", what)


def warn(name: str, what: str, next: str) -> Finding:
    return Finding(name, "warn", what, next)


def fail(name: str, what: str, next: str) -> Finding:
    return Finding(name, "fail", what, next)


def worst(findings: Iterable[Finding]) -> Level:
    """The worst level among *findings*."""
    return max((finding.level for finding in findings), key=LEVELS.index, default="ok")
