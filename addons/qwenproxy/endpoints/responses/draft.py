"""A Responses request on its way to a chat request: what has been settled so far, and what was left out."""

from dataclasses import dataclass, field
from typing import Protocol

from qwenproxy.errors import UNSUPPORTED_PARAMETER, Failure, ProxyError
from qwenproxy.wire.openai import Json


class Seal(Protocol):
    """Turns a text into what the app carries from turn to turn but cannot read, and back; *what* it is, in a word."""

    def close(self, what: str, text: str) -> str:
        """*text* as an opaque string."""
        ...

    def open(self, what: str, sealed: str) -> str | None:
        """The text in *sealed*; None if another has sealed it, or as something else."""
        ...


@dataclass(slots=True)
class Draft:
    """`asked` is the app's request, `chat` what becomes of it."""

    asked: Json
    refuse: bool
    """Refuse what cannot be honoured, instead of leaving it out."""
    seal: Seal | None = None
    stored: bool = False
    """There is a store: what belongs to it has been settled before."""
    past: int = 0
    """How many items at the beginning of the input are from before this request."""
    chat: Json = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)

    def leave_out(self, name: str) -> None:
        """Names what is left out and would not have changed the answer."""
        if name not in self.dropped:
            self.dropped.append(name)

    def drop(self, name: str, param: str, why: str, failure: Failure = UNSUPPORTED_PARAMETER) -> None:
        """Leaves out what would have changed the answer.  Raises ProxyError if such is refused."""
        if self.refuse:
            raise ProxyError(failure, f"'{param}' is not supported: {why}.", param=param)
        self.leave_out(name)
