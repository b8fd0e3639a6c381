"""What can go wrong with the OAuth server, as rows: name, what happens, and how much of the call is carried out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Literal

import orjson

from qwenproxy.simulator import answers, steps
from qwenproxy.simulator.grants import Rejected, dead, pending, slow_down
from qwenproxy.simulator.refusals import REFUSALS
from qwenproxy.simulator.steps import Break, Send, Start, Steps
from qwenproxy.wire.openai import Json

type Call = Literal["device", "poll", "refresh"]

CALLS: tuple[Call, ...] = ("device", "poll", "refresh")
TOKENS: tuple[Call, ...] = ("poll", "refresh")
FIREWALL = (200, 403, 405, 429, 503)
"""The statuses under which its pages were seen."""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One oddity.  Each callable gets the argument; one that is None changes nothing."""

    does: str
    argument: str = ""
    _: KW_ONLY
    at: tuple[Call, ...] = CALLS
    instead: Callable[[str], Steps] | None = None
    """Answers; the call is not carried out."""
    change: Callable[[Json, str], Json] | None = None
    """Changes the answer of a call that was carried out, and went well."""
    steps: Callable[[Steps, str], Steps] | None = None
    """Changes how it is answered, well or not."""
    keeps: bool = False
    """The refresh token is not rotated."""


def json(status: int, body: Json) -> Steps:
    """An answer of the server's."""
    raw = orjson.dumps(body)
    headers = {"content-type": answers.JSON, "cache-control": "no-store", "content-length": str(len(raw))}
    return [Start(status, headers), Send(raw)]


def rejected(rejection: Rejected) -> Steps:
    return json(rejection.status, rejection.body)


def firewall(argument: str) -> Steps:
    """The firewall's page under the status *argument*.  Raises ValueError."""
    if _status(argument, 403) not in FIREWALL:
        raise ValueError(f"the firewall answers with one of {', '.join(map(str, FIREWALL))}")
    return answers.refused(REFUSALS[f"waf_{_status(argument, 403)}"], "")


def _status(argument: str, otherwise: int) -> int:
    """The status in *argument*.  Raises ValueError."""
    status = int(argument or otherwise)
    if not 200 <= status <= 599:
        raise ValueError(f"{argument!r} is no status")
    return status


def _error(argument: str) -> Steps:
    return json(_status(argument, 500), {"error": "server_error", "error_description": "Internal server error"})


def _rate_limit(argument: str) -> Steps:
    headers = {"content-type": "text/plain"} | ({"retry-after": argument} if argument else {})
    return [Start(429, headers), Send(b"Too many requests")]


def _text(body: bytes) -> Callable[[str], Steps]:
    return lambda argument: [Start(200, {"content-type": answers.JSON, "content-length": str(len(body))}), Send(body)]


def _without(name: str) -> Callable[[Json, str], Json]:
    return lambda answer, argument: {key: value for key, value in answer.items() if key != name}


def _resource(answer: Json, argument: str) -> Json:
    return {**answer, "resource_url": argument or "https://api.example.com/v1"}


def _moved(argument: str) -> Steps:
    return [Start(302, {"location": argument or "/elsewhere", "content-length": "0"})]


ODDITIES: Mapping[str, Oddity] = {
    # any call
    "firewall": Oddity(
        "the firewall's web page, with a status of 200, 403, 405, 429 or 503", "STATUS", instead=firewall
    ),
    "error": Oddity("an error of the server's own (500)", "STATUS", instead=_error),
    "rate-limit": Oddity("429 in plain text, with this Retry-After", "SECONDS", instead=_rate_limit),
    "moved": Oddity("a redirect", "ADDRESS", instead=_moved),
    "garbled": Oddity("200 and no JSON", instead=_text(b"{ oops")),
    "nothing": Oddity("200 and not one byte", instead=_text(b"")),
    "error-200": Oddity(
        "an error under the status 200",
        "ERROR",
        instead=lambda argument: json(200, {"error": argument or "server_error", "error_description": "As asked for"}),
    ),
    "disconnect": Oddity("the connection ends; nothing was done", instead=lambda argument: [Break()]),
    "hang": Oddity("no answer for ever; nothing was done", instead=lambda argument: steps.hang([], argument)),
    "slow": Oddity("the answer takes seconds (3)", "SECONDS", steps=steps.slow),
    "lost": Oddity("it was done, but the connection ends before the answer", steps=steps.disconnect),
    # the request for a code
    "no-interval": Oddity("no interval is named", at=("device",), change=_without("interval")),
    "no-complete": Oddity("no link with the code in it", at=("device",), change=_without("verification_uri_complete")),
    # polls
    "pending": Oddity(
        "not confirmed yet, whatever is true", at=("poll",), instead=lambda argument: rejected(pending())
    ),
    "pending-200": Oddity(
        'the same as 200 with {"status": "pending"}',
        at=("poll",),
        instead=lambda argument: json(200, {"status": "pending"}),
    ),
    "pending-null": Oddity(
        "the same as 200 with a token that is null",
        at=("poll",),
        instead=lambda argument: json(200, {"access_token": None}),
    ),
    "slow-down": Oddity(
        "slow_down, as 429 or 400",
        "STATUS",
        at=("poll",),
        instead=lambda argument: rejected(slow_down(_status(argument, 429))),
    ),
    "expired": Oddity(
        "the code has expired, whatever is true",
        at=("poll",),
        instead=lambda argument: json(400, {"error": "expired_token"}),
    ),
    "denied": Oddity(
        "the user has refused, whatever is true",
        at=("poll",),
        instead=lambda argument: json(400, {"error": "access_denied"}),
    ),
    "unknown": Oddity(
        "401: the code is not known, whatever is true",
        at=("poll",),
        instead=lambda argument: json(401, {"error": "invalid_grant", "error_description": "Unknown device code"}),
    ),
    # refresh
    "dead": Oddity(
        "the refresh token is no good, as 400 or 401, whatever is true",
        "STATUS",
        at=("refresh",),
        instead=lambda argument: rejected(dead(_status(argument, 400))),
    ),
    # answers with a token
    "no-refresh-token": Oddity(
        "the answer has no refresh token; the old one stays good",
        at=TOKENS,
        change=_without("refresh_token"),
        keeps=True,
    ),
    "no-resource-url": Oddity("the answer does not say for which API", at=TOKENS, change=_without("resource_url")),
    "no-expires-in": Oddity("the answer does not say for how long", at=TOKENS, change=_without("expires_in")),
    "resource-url": Oddity("the answer names another API", "URL", at=TOKENS, change=_resource),
}


@dataclass(slots=True)
class Planned:
    """An oddity that the next calls get: *left* of them, or all if it is None."""

    name: str
    argument: str
    at: tuple[Call, ...]
    left: int | None

    @property
    def oddity(self) -> Oddity:
        return ODDITIES[self.name]


def planned(text: str, times: int | None = 1, at: str = "") -> Planned:
    """The oddity *text*, a name and perhaps an argument, for *times* calls (None: for good) of the kind *at*.

    Raises ValueError for what is not there.
    """
    name, _, argument = text.strip().partition(" ")
    if name not in ODDITIES:
        raise ValueError(f"no oddity is called {name!r}; there are: {', '.join(ODDITIES)}")
    oddity = ODDITIES[name]
    calls = tuple(call for call in oddity.at if at in ("", call))
    if not calls:
        raise ValueError(f"{name} happens at: {', '.join(oddity.at)}")
    if times is not None and times < 1:
        raise ValueError("how many times is a number from 1 on")
    if oddity.instead is not None:
        oddity.instead(argument)  # it complains now, not when it is too late
    return Planned(name, argument, calls, times)


class Plan:
    """What the next calls get, in this order."""

    def __init__(self) -> None:
        self._rows: list[Planned] = []

    def __iter__(self) -> Iterator[Planned]:
        return iter(self._rows)

    def add(self, row: Planned) -> None:
        self._rows.append(row)

    def clear(self) -> None:
        self._rows.clear()

    def take(self, call: str) -> tuple[Oddity, str]:
        """The oddity of this call with its argument; one that changes nothing if none is planned."""
        for row in self._rows:
            if call in row.at:
                if row.left is not None:
                    row.left -= 1
                    if row.left == 0:
                        self._rows.remove(row)
                return row.oddity, row.argument
        return NONE, ""


NONE = Oddity("nothing odd")
