"""What an exchange said to the upstream and heard from it, kept beside the app's own request and answer.

Only plain values, so that it can be saved with a flow and read again.  No credential is in it: a token is known when it
is sent, and is taken out of whatever the upstream makes of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypedDict
from urllib.parse import quote

ROUNDS = 32
"""Rounds of one exchange that are kept: an app may ask for 128 choices."""
HIDDEN = b"[secret]"
CREDENTIALS = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "proxy-authorization",
        "set-cookie",
        "www-authenticate",
        "x-api-key",
        "x-goog-api-key",
    }
)
"""Headers of requests and answers that may hold a credential."""


class Kept(TypedDict):
    """One round.  Times are seconds since the exchange began; sizes are those of the whole bodies, in bytes."""

    method: str
    url: str
    headers: list[list[str]]
    body: bytes
    size: int
    choice: int
    """Of the app's answer: its index."""
    sent: float
    status: int | None
    """None: there was no answer."""
    answered: float | None
    answer_headers: list[list[str]]
    answer: bytes
    answer_size: int
    whole: bool
    """The answer has come to its end, and all of it is kept."""
    first: float | None
    last: float | None
    error: str
    dropped: list[str]
    changed: list[str]
    learned: list[str]
    repaired: list[str]


class Entry:
    """One round as it goes on; a body is kept up to *limit* bytes."""

    def __init__(self, kept: Kept, token: str | None, limit: int, now: Callable[[], float]) -> None:
        self.kept = kept
        self._token = token
        self._limit = limit
        self._now = now
        self._answer = bytearray()
        self._repairs: Callable[[], Sequence[str]] = tuple

    def answered(self, sent: Mapping[str, str], status: int, headers: Mapping[str, str]) -> None:
        """The head of the answer is there; *sent*: the request's headers as they were in the end."""
        self.kept["headers"] = shown(sent)
        self.kept["status"] = status
        self.kept["answered"] = self._now()
        self.kept["answer_headers"] = [[name, self._hidden_text(value)] for name, value in shown(headers)]

    def read_by(self, choice: int, repairs: Callable[[], Sequence[str]]) -> None:
        """The round is for the choice *choice*; *repairs* tells what has been put right in its answer."""
        self.kept["choice"] = choice
        self._repairs = repairs

    def heard(self, data: bytes) -> None:
        """More of the answer's body; b"": its end."""
        kept = self.kept
        if not data:
            kept["whole"] = kept["answer_size"] == len(self._answer)
            return
        kept["last"] = now = self._now()
        if kept["first"] is None:
            kept["first"] = now
        kept["answer_size"] += len(data)
        if (room := self._limit - len(self._answer)) > 0:
            self._answer += data[:room]

    def failed(self, why: str) -> None:
        self.kept["error"] = why

    def settle(self) -> None:
        """Put into `kept` what has come until now."""
        cut = self.kept["answer_size"] > len(self._answer)
        self.kept["answer"] = hidden(bytes(self._answer), self._token, cut=cut)
        self.kept["repaired"] = list(self._repairs())

    def _hidden_text(self, text: str) -> str:
        return hidden(text.encode("utf-8", "surrogateescape"), self._token).decode("utf-8", "replace")


class Transcript:
    """The rounds of one exchange, bodies up to *limit* bytes each; *clock* gives monotonic seconds."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self.rounds: list[Kept] = []
        self.left_out = 0
        self._entries: list[Entry] = []
        self._limit = limit
        self._clock = clock
        self._started = clock()
        self._dropped: Sequence[str] = ()
        self._changed: Sequence[str] = ()

    def ruled(self, dropped: Sequence[str], changed: Sequence[str]) -> None:
        """What the rulings left out of the rounds that follow, and altered in them."""
        self._dropped, self._changed = dropped, changed

    def taught(self, words: Iterable[str]) -> None:
        """What was learned from the refusal of the last round."""
        if self.rounds:
            self.rounds[-1]["learned"] += words

    def begin(self, method: str, url: str, headers: Mapping[str, str], body: bytes, token: str | None) -> Entry | None:
        """A round that is about to be sent with *token*; None if there are too many to keep."""
        if len(self.rounds) == ROUNDS:
            self.left_out += 1
            return None
        kept = Kept(
            method=method,
            url=url,
            headers=shown(headers),
            body=body[: self._limit],
            size=len(body),
            choice=0,
            sent=self._now(),
            status=None,
            answered=None,
            answer_headers=[],
            answer=b"",
            answer_size=0,
            whole=False,
            first=None,
            last=None,
            error="",
            dropped=list(self._dropped),
            changed=list(self._changed),
            learned=[],
            repaired=[],
        )
        entry = Entry(kept, token, self._limit, self._now)
        self.rounds.append(kept)
        self._entries.append(entry)
        return entry

    def settle(self) -> None:
        """Put into the rounds what has come until now."""
        for entry in self._entries:
            entry.settle()

    def _now(self) -> float:
        return round(self._clock() - self._started, 4)


def shown(headers: Mapping[str, str]) -> list[list[str]]:
    """*headers* as pairs, without credentials."""
    return [[name, value] for name, value in headers.items() if name.lower() not in CREDENTIALS]


def hidden(data: bytes, token: str | None, *, cut: bool = False) -> bytes:
    """*data* without *token*, as it is or escaped; where the body was *cut*, also without the beginning of one."""
    if not token:
        return data
    for spelling in (token, token.replace("/", "\\/"), quote(token, safe="")):
        secret = spelling.encode()
        data = data.replace(secret, HIDDEN)
        if cut:
            begun = (length for length in range(len(secret) - 1, 0, -1) if data.endswith(secret[:length]))
            data = data[: len(data) - next(begun, 0)]
    return data
