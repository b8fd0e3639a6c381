"""What every dialect offers to the exchange."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qwenproxy.dialects.leaks import Think
from qwenproxy.errors import ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import ChatEvent, Json


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One call of the upstream, without its credential: a path below the base URL, extra headers, a JSON body."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    stream: bool
    method: Literal["GET", "POST"] = "POST"


class Reader(Protocol):
    """Reads one upstream answer.  Never raises; after an error or the end it says nothing more."""

    finished: bool
    started: bool
    """Whether the answer has said anything yet: role and empty text do not count."""

    @property
    def answered(self) -> bool:
        """Every choice has its finish: if the upstream breaks off now, nothing is lost."""
        ...

    @property
    def repairs(self) -> Sequence[str]:
        """What was put right, in words for the log."""
        ...

    def feed(self, data: bytes) -> Sequence[ChatEvent]:
        """Events completed by *data*; b"" means that the upstream has ended."""
        ...


class Dialect(Protocol):
    """A translator between the neutral core and one upstream protocol.  Has no state; pure."""

    name: str
    unsaid: Mapping[str, str]
    """Fields of the ruled request that this protocol cannot say, and why: they are dropped, and named."""

    def request(self, chat: Json, row: Row, *, stream: bool) -> UpstreamRequest:
        """The call for the chat request *chat*, whose values the row has already adjusted (see `rulings`)."""
        ...

    def reader(
        self, content_type: str, *, tools: frozenset[str], new_id: Callable[[], str], think: Think = "start"
    ) -> Reader:
        """A reader for an answer of *content_type*.

        *tools*: the function names that the request offers.  *new_id*: makes ids for calls that come without.  *think*:
        where thinking may leak into the answer, if the upstream leaks it.
        """
        ...

    def failure(self, status: int, headers: Mapping[str, str], body: bytes) -> ProxyError:
        """The refusal *status*, *body* in OpenAI's words."""
        ...
