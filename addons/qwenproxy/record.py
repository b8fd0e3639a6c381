"""What is told of an exchange: one log line, never a prompt, an answer or a secret."""

import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from qwenproxy.errors import ProxyError
from qwenproxy.transcript import Transcript
from qwenproxy.wire.openai import ChatEvent, Json, Usage

log = logging.getLogger("qwenproxy.exchange")

LISTED = ("dropped", "changed", "learned", "retries", "tools", "error")
"""Facts that a line tells as JSON."""
MOST_TOOLS = 32
"""Calls of tools that a line tells of."""

LONGEST_NAME = 200
"""Characters of a model's name that a line tells."""

CLIENT_CLOSED = 499  # nginx's word for an app that left before its answer was complete
LEFT, CALLED_OFF = "client_closed", "called_off"
"""Codes of that."""


class Step(Protocol):
    """A part of an exchange that is followed by itself: a round, or a call of a tool."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By what whoever is asked may connect it with work of their own."""
        ...

    def end(self, error: str = "") -> None:
        """It is over, if it was not before; *error*: the kind of failure."""
        ...


class Trace(Protocol):
    """What follows one exchange step by step, for whoever collects such things."""

    def asked(self, chat: Json) -> None:
        """What the exchange asks of the model."""
        ...

    def heard(self, events: Sequence[ChatEvent]) -> None:
        """Events of the answer, in order."""
        ...

    def round(self, url: str) -> Step:
        """A call of the upstream at *url* begins."""
        ...

    def tool(self, name: str, call: str) -> Step:
        """One of the proxy's own tools is called; *call*: the id of that."""
        ...


class Record:
    """The figures of one exchange; *clock* gives monotonic seconds.  Times are told in whole milliseconds.

    *keep*: bytes of each upstream body that are kept for viewing; 0: no transcript.
    """

    def __init__(
        self, request_id: str, method: str, endpoint: str, clock: Callable[[], float], *, keep: int = 0
    ) -> None:
        self.id = request_id
        self.method = method
        self.endpoint = endpoint
        self.model = ""
        self.used = ""
        self.dialect = ""
        self.upstream = ""
        """The base URL of what answers, or was asked last."""
        self.client = ""
        """Who is counted: a digest of the client key, or an address."""
        self.stream = False
        self.status = 200
        self.rounds = 0
        self.dropped: tuple[str, ...] = ()
        self.changed: tuple[str, ...] = ()
        self.learned: tuple[str, ...] = ()
        self.retries: list[str] = []
        """Why rounds were made anew, without a word to the app."""
        self.repaired = 0
        """What was put right in the answer; `changed` says it in words."""
        self.outcomes: dict[str, int] = {}
        """How the calls of the proxy's own tools ended, and how often."""
        self.tools: list[str] = []
        """The proxy's own tools that were run, each with its outcome."""
        self.error = ""
        self.code = ""
        """The error's kind, as OpenAI's envelope has it."""
        self.limit = ""
        """The setting whose limit it has hit."""
        self.usage: dict[str, Any] | None = None
        self.transcript = Transcript(keep, clock) if keep else None
        self.on_close: Callable[[Record], object] | None = None
        """Called once, when all is known."""
        self.trace: Trace | None = None
        self.longest_gap = 0.0
        """Seconds between two reads of the answer, at most; a slow app counts in, as it holds the next one up."""
        self._clock = clock
        self._started = clock()
        self._first: float | None = None
        self._heard = math.inf
        self._ended: float | None = None

    @property
    def seconds(self) -> float:
        """From the start until now, or until the end if there was one."""
        return (self._ended or self._clock()) - self._started

    @property
    def first_seconds(self) -> float | None:
        """From the start until the upstream's first event; None if none has come."""
        return None if self._first is None else self._first - self._started

    def tokens(self) -> dict[str, int]:
        """The tokens that the upstream has counted, by kind: `cached` are some of the `prompt`, `reasoning` of the
        `completion`."""
        usage = self.usage
        if usage is None:
            return {}
        counted = {
            "prompt": usage.get("prompt_tokens"),
            "completion": usage.get("completion_tokens"),
            "cached": (usage.get("prompt_tokens_details") or {}).get("cached_tokens"),
            "reasoning": (usage.get("completion_tokens_details") or {}).get("reasoning_tokens"),
        }
        return {kind: count for kind, count in counted.items() if isinstance(count, int)}

    def elapsed_ms(self) -> int:
        return round(self.seconds * 1000)

    def asks(self, model: str, dialect: str, upstream: str) -> None:
        """Where the next rounds go: the upstream's name for the model, what it speaks, its base URL."""
        self.used, self.dialect, self.upstream = model, dialect, upstream

    def ruled(self, dropped: Sequence[str], changed: Sequence[str]) -> None:
        """What the rulings left out and altered, for the attempt that counts: the last."""
        self.dropped, self.changed = tuple(dropped), tuple(changed)
        if self.transcript is not None:
            self.transcript.ruled(self.dropped, self.changed)

    def taught(self, words: Sequence[str]) -> None:
        """What the refusal of the last round has taught about the model."""
        self.learned += tuple(words)
        if self.transcript is not None:
            self.transcript.taught(words)

    def ran(self, tool: str, outcome: str) -> None:
        """One of the proxy's own tools was called, by a name that the model made up perhaps."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if len(self.tools) < MOST_TOOLS:
            self.tools.append(f"{tool[:64]} {outcome}")

    def retried(self, why: str) -> None:
        """A round is made anew; *why* is one of a few words."""
        self.retries.append(why)

    def mended(self, repairs: Sequence[str]) -> None:
        """What was put right in the answer."""
        self.changed += tuple(repairs)
        self.repaired += len(repairs)

    def first_event(self) -> None:
        """The upstream's first event is in."""
        if self._first is None:
            self._first = self._clock()

    def heard(self, events: Sequence[ChatEvent]) -> None:
        """Take from *events*, the last of those that are in, what the line tells."""
        now = self._clock()
        if now - self._heard > self.longest_gap:
            self.longest_gap = now - self._heard
        self._heard = now
        for event in events:
            if isinstance(event, Usage):
                self.usage = event.usage
            elif isinstance(event, ProxyError):
                self.failed(event)

    def failed(self, error: ProxyError) -> None:
        self.status = error.status
        self.code = error.failure.code or error.failure.type
        self.error = f"{self.code}: {error.message}"
        self.limit = error.limit

    def stalled(self, seconds: float) -> None:
        """The app has left its answer unread for so long."""
        self.status, self.limit = CLIENT_CLOSED, "stall_timeout"
        self.error = f"the app left its answer unread for {seconds:g} s (setting stall_timeout)"

    def called_off(self) -> None:
        """A response that nobody waits for was ended before it was complete."""
        self.status, self.code = CLIENT_CLOSED, CALLED_OFF
        self.error = "called off before its end: cancelled, deleted, or the proxy has stopped"

    def close(self, *, cut: bool = False) -> None:
        """Write the line, once.  *cut*: the app left before the end."""
        if self._ended is not None:
            return
        self._ended = self._clock()
        if cut and not self.error:
            self.status, self.code, self.error = CLIENT_CLOSED, LEFT, "the app left before the end"
        level = logging.INFO if self.status < 500 else logging.WARNING
        if log.isEnabledFor(level):
            facts = self.facts()
            log.log(level, "%s", text(facts), extra={"exchange": facts})
        if self.on_close is not None:
            self.on_close(self)

    def facts(self) -> dict[str, Any]:
        """What there is to tell, empty facts left out."""
        usage = self.usage or {}
        first = self.first_seconds
        facts: dict[str, Any] = {
            "id": self.id,
            "method": self.method,
            "endpoint": self.endpoint,
            "status": self.status,
            "model": shown(self.model),
            "used": shown(self.used),
            "stream": self.stream,
            "first_ms": None if first is None else round(first * 1000),
            "total_ms": self.elapsed_ms(),
            "prompt_tokens": usage.get("prompt_tokens"),
            "completion_tokens": usage.get("completion_tokens"),
            "rounds": self.rounds,
            "dropped": list(self.dropped),
            "changed": list(self.changed),
            "learned": list(self.learned),
            "retries": list(self.retries),
            "tools": list(self.tools),
            "error": self.error,
        }
        return {name: value for name, value in facts.items() if value not in (None, "", [])}


def shown(name: str) -> str:
    """A model's name, which an app may have made up, as a line may hold it: one line, and not a long one."""
    short = name[:LONGEST_NAME]
    return short if short.isprintable() else short.encode("unicode_escape").decode()


def text(facts: dict[str, Any]) -> str:
    """One line for people: `POST chat 200 gpt-4o->qwen3.7-plus stream first=120ms total=2300ms tokens=12+80 ...`."""
    model = facts.get("model", "")
    used = facts.get("used", model)
    words = [facts["method"], facts["endpoint"], str(facts["status"]), model if used == model else f"{model}->{used}"]
    if facts.get("stream"):
        words.append("stream")
    if "first_ms" in facts:
        words.append(f"first={facts['first_ms']}ms")
    words.append(f"total={facts['total_ms']}ms")
    if "prompt_tokens" in facts:
        words.append(f"tokens={facts['prompt_tokens']}+{facts.get('completion_tokens', 0)}")
    if facts.get("rounds", 0) > 1:
        words.append(f"rounds={facts['rounds']}")
    words += [f"{name}={json.dumps(facts[name])}" for name in LISTED if name in facts]
    return " ".join(word for word in words if word) + f" id={facts['id']}"
