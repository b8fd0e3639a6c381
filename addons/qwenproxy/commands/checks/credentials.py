"""What calls are signed in with, and whether that fits where they go.  What is told is what `status` tells."""

from collections.abc import Iterable, Iterator, Sequence

from qwenproxy.auth.credentials import MissingKey
from qwenproxy.commands import durations
from qwenproxy.commands.checks.findings import Finding, fail, ok, warn
from qwenproxy.commands.standing import Report, Standing
from qwenproxy.commands.status import NAMES
from qwenproxy.lines import Line

NAME = "credential"
PAIR = "pair"


def credentials(report: Report, lines: Sequence[Line], now: float) -> Iterator[Finding]:
    """About every credential, in the order in which calls use them, and about the key-host pairs."""
    for at, (standing, line) in enumerate(zip(report.standings, lines, strict=True)):
        yield credential(standing, line, now, spare=at > 0 or report.is_usable)
        yield from pair(line, spare=at > 0)
    said = [line.complaint for line in lines]
    for note in report.notes:
        if note not in said and not is_missing(note, lines):
            yield warn(NAME, note, "`qwenproxy status` shows all credentials.")


def is_missing(note: str, lines: Iterable[Line]) -> bool:
    return any(isinstance(line.credential, MissingKey) and line.credential.error.message == note for line in lines)


def credential(standing: Standing, line: Line, now: float, *, spare: bool) -> Finding:
    """About one; *spare*: calls have another one to use."""
    what = described(standing, now)
    if isinstance(line.credential, MissingKey):
        return fail(NAME, what, line.credential.error.message)
    next = "  ".join(standing.notes)
    if not standing.is_usable:
        return (warn if spare else fail)(NAME, what, next or "`qwenproxy login` signs in anew.")
    return warn(NAME, what, next) if next else ok(NAME, what)


def described(standing: Standing, now: float) -> str:
    """The credential in one line, without any part of it."""
    words = [f"{NAMES[standing.kind]}: {standing.error or standing.state}"]
    if standing.source and standing.source not in words[0]:
        words.append(f"from {standing.source}")
    if standing.expires_at is not None:
        left = standing.expires_at - now
        words.append(f"it runs out in {durations.span(left)}" if left > 0 else f"{durations.span(-left)} ago")
    return ", ".join(words)


def pair(line: Line, *, spare: bool) -> Iterator[Finding]:
    """Whether key and host belong together, as far as that can be told beforehand."""
    if line.kind is None:
        return
    what = f"{line.kind.name} at {line.upstream.base_url} ({line.plan.name})"
    if complaint := line.complaint:
        yield (warn if spare else fail)(PAIR, f"{what}: they do not belong together", complaint)
    else:
        yield ok(PAIR, f"{what}: nothing is known against it")
