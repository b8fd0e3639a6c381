"""Checks answers: what is not complete and right has failed, however fast it came."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import orjson

from scripts.benchmark.payloads import EVENT, TEXT, Order

FINISHED = re.compile(rb'"finish_reason"\s*:\s*"stop"')


@dataclass(slots=True)
class Answer:
    """One answer as it came: when what was there.  Times are monotonic seconds."""

    sent: float
    status: int = 0
    body: bytes = b""
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """After each read: the time, and how many bytes of the body had come."""
    broken: str = ""
    """Why it is not whole, as far as HTTP can tell."""
    unread: list[tuple[float, bytes]] = field(default_factory=list)
    """Of one that is read afterwards: the time of each read, and what it brought."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one exchange adds to the figures.  Times in seconds."""

    failure: str = ""
    latency: float = 0.0
    first: float = 0.0
    """From the request to the first event, which the upstream sends at once and which says the role only."""
    content: float = 0.0
    """From the request to the first content event, which the upstream sends one pace later."""
    lateness: Sequence[float] = ()
    """Of each content event: its arrival after the time at which the upstream sent it."""
    events: int = 0


def check(answer: Answer, order: Order | None) -> Outcome:
    """The outcome of *answer* to a request for *order*, or for a whole answer."""
    failure = (
        answer.broken or _status(answer) or (_whole(answer.body) if order is None else _stream(answer.body, order))
    )
    if failure:
        return Outcome(failure)
    latency = answer.arrivals[-1][0] - answer.sent
    if order is None:
        return Outcome(latency=latency)
    first = _arrival(answer, answer.body.index(b"data:")) - answer.sent
    content = _arrival(answer, answer.body.index(b"~")) - answer.sent
    return Outcome("", latency, first, content, lateness(answer) if order.rate else (), order.count)


def _status(answer: Answer) -> str:
    return "" if answer.status == 200 else f"status {answer.status}"


def _whole(body: bytes) -> str:
    try:
        choice = orjson.loads(body)["choices"][0]
        right = choice["message"]["content"] == TEXT and choice["finish_reason"] == "stop"
    except (ValueError, LookupError, TypeError):
        return "not a chat completion"
    return "" if right else "another text than the upstream's"


def _stream(body: bytes, order: Order) -> str:
    numbers = [match[0] for match in EVENT.findall(body)]
    if numbers != _numbers(order.count):
        return f"{len(numbers)} of {order.count} events, or out of order"
    if FINISHED.search(body) is None:
        return "no finish"
    return "" if body.rstrip().endswith(b"data: [DONE]") else "no [DONE]"


@cache
def _numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def lateness(answer: Answer) -> list[float]:
    """For each content event: when it had wholly come, less when it was sent."""
    late: list[float] = []
    arrivals = iter(answer.arrivals)
    time, size = next(arrivals)
    for match in EVENT.finditer(answer.body):
        end = _end(answer.body, match.end())
        while size < end:
            time, size = next(arrivals)
        late.append(time - int(match[2]) / 1e6)
    return late


def _end(body: bytes, at: int) -> int:
    """Where the event around *at* ends."""
    end = body.find(b"\n\n", at)
    return len(body) if end < 0 else end + 2


def _arrival(answer: Answer, at: int) -> float:
    """When the event around *at* had wholly come."""
    end = _end(answer.body, at)
    return next(time for time, size in answer.arrivals if size >= end)
