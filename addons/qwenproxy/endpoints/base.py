"""What every endpoint offers to the exchange."""

from collections.abc import Sequence
from typing import Protocol

from qwenproxy.wire.openai import ChatEvent, Head, Json


class Writer(Protocol):
    """Writes one streamed answer in the endpoint's own events."""

    def write(self, events: Sequence[ChatEvent]) -> bytes:
        """Server-sent events for *events*, ready to send; b"" if they say nothing to this app."""
        ...

    def end(self) -> bytes:
        """What closes the stream: nothing after an error."""
        ...


class Call(Protocol):
    """One app request, read and checked: its neutral chat request, and how its answer is to be said."""

    model: str
    """The model's name as the app asked for it, and as it hears it back."""
    stream: bool
    sums_up: bool
    """Its streamed answer ends in all that was told before."""
    chat: Json
    """The neutral core: an OpenAI chat request of function tools only, without `stream` and `stream_options`."""
    dropped: Sequence[str]
    """What the endpoint itself has left out of the request, by name."""

    def writer(self, head: Head) -> Writer:
        """A writer for a streamed answer."""
        ...

    def whole(self, head: Head, events: Sequence[ChatEvent]) -> Json:
        """The whole answer that *events* (no error among them) add up to."""
        ...
