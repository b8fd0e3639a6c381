"""What is said for a worker that was killed: the one error that each of its apps gets."""

from collections.abc import Callable, Mapping

from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection
from wsproto.frame_protocol import CloseReason

from qwenproxy.endpoints import chat
from qwenproxy.endpoints.responses import failure
from qwenproxy.errors import WORKER_GONE, ProxyError
from qwenproxy.flows import answers, shortcut
from qwenproxy.flows.ledger import Owed

GONE = ProxyError(
    WORKER_GONE,
    "the process of the proxy that was answering has ended unexpectedly, and this answer is not complete: send the "
    "request again",
)
CLOSE = CloseConnection(CloseReason.INTERNAL_ERROR, "the proxy's process has ended unexpectedly: connect again")
LAST_CHUNK = b"0\r\n\r\n"

WORDS: Mapping[int, Callable[[], bytes]] = {
    Owed.ANSWER: lambda: answers.raw(GONE),
    Owed.EVENTS: lambda: chat.error_event(GONE),
    Owed.RESPONSE_EVENTS: lambda: failure.encoded(GONE),
    Owed.SOCKET: lambda: Connection(ConnectionType.SERVER).send(CLOSE),
}
"""What tells of the error; where there is nothing to tell, or nothing can be told, there are none."""
FRAMED = (Owed.EVENTS, Owed.RESPONSE_EVENTS, Owed.END)
"""What is said within a body, and ends it."""


def words(owed: int) -> bytes:
    """What is to be sent where *owed* is owed, before the connection ends; b"": nothing."""
    said = WORDS[owed & ~Owed.BARE]() if owed & ~Owed.BARE in WORDS else b""
    if owed in FRAMED:
        chunk = shortcut.FRAME % (len(said), said) if said else b""
        return chunk + LAST_CHUNK
    return said
