"""The worker's side of its ledger: for whom there is an account in it.

With an account, the launcher gets the connection, too: it keeps it open if the worker is killed, to say what is owed.
So a connection does not end by being closed here: it is shut down, and the launcher is told.
"""

import asyncio
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from mitmproxy import http
from mitmproxy.connection import Client
from mitmproxy.proxy import layer

from qwenproxy.flows import shortcut
from qwenproxy.flows.connections import handler_of
from qwenproxy.flows.inherited import Taken
from qwenproxy.flows.ledger import NOBODYS, Account, Ledger, Owed, sent
from qwenproxy.record import Record

PLACE = struct.Struct("=I")
"""What the launcher is sent: a place, and with it the connection that takes it; or many places that are free."""
AT_ONCE = 1024
"""Places that one message tells of."""
PAUSE = 0.05  # s in which such places are collected: until then the launcher holds connections that have ended

STREAMS: Mapping[str, Owed] = {
    "chat": Owed.EVENTS,
    "completions": Owed.EVENTS,
    "responses": Owed.RESPONSE_EVENTS,
    "response": Owed.RESPONSE_EVENTS,
}
"""What a stream of each endpoint owes; of others nobody but their maker knows."""


class Accounts:
    """The accounts of this process; none without a launcher."""

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._channel: socket.socket
        self._unused = 0
        """The first of the places that none has had so far."""
        self._free: list[int] = []
        self._untold: list[int] = []
        """Places that are free, once the launcher knows."""

    def keep(self, ledger: Ledger, channel: socket.socket) -> None:
        """Keep them in *ledger*, for the launcher at the other end of *channel*."""
        channel.setblocking(False)
        self._ledger, self._channel = ledger, channel

    def of(self, stack: Sequence[layer.Layer], client: Client) -> Account:
        """The account of *client* under the layers of *stack*, the last of which has a request of ours.

        Nobody's if there is no launcher, if it is too busy to take the connection, or more than plain HTTP/1 lies
        between.
        """
        http1 = None if self._ledger is None else shortcut.speaker(stack, client)
        if http1 is None or self._ledger is None:
            return NOBODYS
        if http1.account is None:
            handler = handler_of(client)
            carrier = None if handler is None else handler.transports.get(client)
            if carrier is not None and isinstance(carrier.writer, asyncio.StreamWriter):
                http1.account = self._opened(self._ledger, carrier.writer.transport)
        return http1.account or NOBODYS

    def _opened(self, ledger: Ledger, transport: asyncio.WriteTransport) -> Account | None:
        taken = transport.get_protocol()
        place = self._free[-1] if self._free else self._unused
        if not isinstance(taken, Taken) or place == ledger.places:
            return None
        connection = transport.get_extra_info("socket")
        try:
            account = Account(ledger.words, place, sent(connection))
            socket.send_fds(self._channel, [PLACE.pack(place)], [connection.fileno()])
        except OSError:
            return None  # the launcher is slow, or gone: then it says so elsewhere
        if self._free:
            self._free.pop()
        else:
            self._unused += 1
        taken.on_end = partial(self._closed, account, connection)
        return account

    def _closed(self, account: Account, connection: Any) -> None:
        """The *connection* is about to be closed."""
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        account.close()
        self._untold.append(account.place)
        if len(self._untold) == 1:
            asyncio.get_running_loop().call_later(PAUSE, self._tell)

    def _tell(self) -> None:
        """Tell the launcher of the places that are free; if it does not listen, a little later."""
        try:
            while places := self._untold[:AT_ONCE]:
                self._channel.send(b"".join(map(PLACE.pack, places)))
                self._free += places
                del self._untold[: len(places)]
        except BlockingIOError:
            asyncio.get_running_loop().call_later(PAUSE, self._tell)
        except OSError:  # it is gone, and holds nothing any more
            self._ledger = None
            self._untold.clear()


accounts = Accounts()


def owed_of(record: Record | None, response: http.Response) -> int:
    """What the stream owes that is the body of *response*, by the *record* of its exchange."""
    owed = Owed.PART if record is None else STREAMS.get(record.endpoint, Owed.PART)
    return owed if shortcut.is_chunked(response) else owed | Owed.BARE
