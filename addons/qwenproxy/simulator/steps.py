"""What a server does to answer, step by step, and the oddities of that: silence, cuts, odd pieces (B.7, 16 to 19)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

FOREVER = 86_400.0
"""Seconds that no client waits."""

WIDE = re.compile(rb"[\xc2-\xf4][\x80-\xbf]+")
"""A UTF-8 character of several bytes."""


@dataclass(frozen=True, slots=True)
class Start:
    """Status and headers."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Send:
    """One write of the body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds in which nothing is sent."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Break:
    """The end of the connection, by FIN after all that was sent, or by RST at once."""

    how: Literal["close", "reset"] = "close"


type Step = Start | Send | Wait | Break
type Steps = list[Step]


def _middle(steps: Steps) -> tuple[Steps, Steps]:
    """*steps* in two; an answer of one piece is cut within it."""
    sends = [at for at, step in enumerate(steps) if isinstance(step, Send)]
    if not sends:
        return steps, []
    at = sends[len(sends) // 2]
    if len(sends) > 1:
        return steps[:at], steps[at:]
    first, last = _halves(steps[at])
    return [*steps[:at], first], [last, *steps[at + 1 :]]


def _halves(step: Step) -> tuple[Send, Send]:
    data = step.data if isinstance(step, Send) else b""
    return Send(data[: len(data) // 2]), Send(data[len(data) // 2 :])


def _sent(steps: Steps) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, Send))


def _instead(steps: Steps, pieces: list[bytes]) -> Steps:
    """*steps* with other pieces of the same body."""
    return [*(step for step in steps if isinstance(step, Start)), *(Send(piece) for piece in pieces)]


def seconds(argument: str, otherwise: float) -> float:
    """The number in *argument*."""
    return float(argument) if re.fullmatch(r"\d+(\.\d+)?", argument) else otherwise


def slow(steps: Steps, argument: str) -> Steps:
    return [Wait(seconds(argument, 3)), *steps]


def think(steps: Steps, argument: str) -> Steps:
    """Silence after the first event; before it, if it is the whole answer."""
    sends = [at for at, step in enumerate(steps) if isinstance(step, Send)]
    at = sends[min(1, len(sends) - 1)] if sends else len(steps)
    return [*steps[:at], Wait(seconds(argument, 5)), *steps[at:]]


def silence(steps: Steps, argument: str) -> Steps:
    first, last = _middle(steps)
    return [*first, Wait(seconds(argument, 20)), *last]


def stall(steps: Steps, argument: str) -> Steps:
    return [*_middle(steps)[0], Wait(FOREVER)]


def hang(steps: Steps, argument: str) -> Steps:
    return [Wait(FOREVER)]


def cut(steps: Steps, argument: str) -> Steps:
    """The connection ends within an event."""
    first, last = _middle(steps)
    return [*first, *(_halves(step)[0] for step in last[:1]), Break()]


def reset(steps: Steps, argument: str) -> Steps:
    return [*_middle(steps)[0], Break("reset")]


def closed(steps: Steps, argument: str) -> Steps:
    """An orderly end between two events, too early."""
    return _middle(steps)[0]


def disconnect(steps: Steps, argument: str) -> Steps:
    return [Break()]


def nothing(steps: Steps, argument: str) -> Steps:
    return _instead(steps, [])


def no_done(steps: Steps, argument: str) -> Steps:
    return [step for step in steps if not (isinstance(step, Send) and b"[DONE]" in step.data)]


def split_bytes(steps: Steps, argument: str) -> Steps:
    """Cut within every character of several bytes."""
    body = _sent(steps)
    cuts = [0, *(found.start() + 1 for found in WIDE.finditer(body)), len(body)]
    return _instead(steps, [body[a:b] for a, b in pairwise(cuts)])


def one_byte(steps: Steps, argument: str) -> Steps:
    body = _sent(steps)
    return _instead(steps, [body[at : at + 1] for at in range(len(body))])


def at_once(steps: Steps, argument: str) -> Steps:
    return _instead(steps, [_sent(steps)])
