"""A request on its way from OpenAI's fields to Qwen's: what the rulings have settled so far, and what they left out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qwenproxy.errors import UNSUPPORTED_PARAMETER, Failure, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

SEED_MASK = 2**31 - 1
"""Seeds have 31 bits."""
NAME = re.compile(r"[\w.\[\]-]{1,64}", re.ASCII)
"""Names that may stand in a header; apps can name their own fields as they like."""


class Ruled(NamedTuple):
    """The outcome.  A new request; the one that the app sent is untouched."""

    chat: Json
    """The request as Qwen takes it, without `stream` and `stream_options`."""
    dropped: tuple[str, ...]
    """Parameters left out, by name."""
    changed: tuple[str, ...]
    """Values changed and histories repaired, as short notes."""
    stream: bool
    """The call must be streamed upstream, whatever the app asked for."""
    calls: int
    """How many calls of one choice each make up the answer."""
    single_call: bool
    """The app wants one tool call at most in a turn."""
    tool_names: Mapping[str, str]
    """Functions that go by another name upstream: that name -> the app's."""

    def chat_for(self, choice: int) -> Json:
        """The request for one of several calls; a seed is another one in each, or all choices would be the same."""
        seed = self.chat.get("seed")
        return self.chat | {"seed": (seed + choice) & SEED_MASK} if choice and isinstance(seed, int) else self.chat


@dataclass(slots=True)
class Draft:
    """`asked` is the app's request, `chat` what becomes of it."""

    asked: Json
    row: Row
    refuse: bool
    """Refuse what cannot be honoured, instead of leaving it out."""
    chat: Json = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    asides: list[str] = field(default_factory=list)
    """Sentences for the system message."""
    thinks: bool = False
    calls: int = 1
    single_call: bool = False
    tool_names: dict[str, str] = field(default_factory=dict)

    def leave_out(self, name: str) -> None:
        """Names a parameter that is left out and would not have changed the answer."""
        told = name if NAME.fullmatch(name) else "unnamed"
        if told not in self.dropped:
            self.dropped.append(told)

    def drop(self, name: str, why: str, failure: Failure = UNSUPPORTED_PARAMETER) -> None:
        """Leaves out a parameter that would have changed the answer.  Raises ProxyError if such are refused."""
        if self.refuse:
            raise ProxyError(failure, f"The parameter '{name}' is not supported: {why}.", param=name)
        self.leave_out(name)

    def weaken(self, name: str, note: str) -> None:
        """Notes that a parameter is honoured in part only.  Raises ProxyError if such are refused."""
        if self.refuse:
            raise ProxyError(UNSUPPORTED_PARAMETER, f"The parameter '{name}' is not supported: {note}.", param=name)
        self.note(f"{name}: {note}")

    def note(self, note: str) -> None:
        """Notes a change."""
        if note not in self.changed:
            self.changed.append(note)

    def ruled(self) -> Ruled:
        """The outcome."""
        stream = self.row.streams_only or self.thinks
        return Ruled(
            self.chat, tuple(self.dropped), tuple(self.changed), stream, self.calls, self.single_call, self.tool_names
        )
