"""A face is one of the service's APIs: how a chat is asked for there, and in what words it is answered.

The model, the rules and the scenarios are the same behind every face.  What belongs to one request beside its body
(a path, a header, a query) is given to the face when it is made: one object a request.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Protocol

from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.refusals import Refusal
from qwenproxy.simulator.reply import Reply
from qwenproxy.wire.openai import Head, Json

type Chunks = list[Json]
type Distort = Callable[[Chunks, str], Chunks]
"""Makes a stream's chunks odd; gets the marker's argument too; may change its input; may raise ValueError."""


class Face(Protocol):
    """One API of the service, for one request."""

    name: ClassVar[str]
    """The dialect's own, as the setting `dialect` has it."""
    distortions: ClassVar[Mapping[str, Distort]]
    """What each scenario that distorts does to this face's chunks; one that is not here means nothing on it."""
    without: ClassVar[frozenset[str]]
    """The other scenarios that mean nothing on this face."""

    @property
    def stream_type(self) -> str:
        """The content type of a stream."""
        ...

    def chat(self, body: Json) -> Json:
        """The OpenAI-like chat request (the one that `Ask` reads) that *body* is; other fields may be in it too.

        Total on any JSON object: what is wrong with values is left in for the common checks to find.
        Raises Refused for what is wrong with this face's own shape.
        """
        ...

    def refusal(self, ask: Ask) -> Refusal | None:
        """What this face says against a request, before the common checks."""
        ...

    def whole(self, reply: Reply, ask: Ask, head: Head) -> Json:
        """The answer in one piece; the head's id is the bare request id."""
        ...

    def chunks(self, reply: Reply, ask: Ask, head: Head) -> Chunks:
        """The answer as a stream's objects, undistorted."""
        ...

    def events(self, chunks: Chunks) -> list[bytes]:
        """The stream as it is sent, an event each, the end included; the last chunk may be an error."""
        ...

    def error(self, refusal: Refusal, request_id: str) -> Json:
        """The body of a refusal."""
        ...
