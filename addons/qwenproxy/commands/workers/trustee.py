"""The launcher's side of a worker's ledger: holds its apps' connections, and says the last words if it is killed."""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from qwenproxy.flows import ledger
from qwenproxy.flows.accounts import AT_ONCE, PLACE
from qwenproxy.flows.last_words import words
from qwenproxy.flows.ledger import Ledger, Owed

NOT_LOST = (Owed.NOTHING, Owed.END, Owed.END | Owed.BARE)
"""What can be owed by an answer that is whole, but for the mark of its end."""

MOST = 32_768  # connections that a launcher holds
UNREAD = 1 << 20  # bytes of an app that are read at most
log = logging.getLogger(__name__)


class Settled(NamedTuple):
    """Of answers that were left behind: how many apps were told, how many connections were cut."""

    told: int = 0
    cut: int = 0


@dataclass
class Room:
    """For connections that a launcher holds for all of its workers: *most*, of which *taken* are there."""

    most: int
    taken: int = 0
    warned: bool = False
    uncounted: Settled = field(default_factory=Settled)
    """What has been settled, and no worker knows yet, which could count it."""

    def handed_over(self) -> Settled:
        """What is uncounted, which now is for the caller to have counted."""
        found, self.uncounted = self.uncounted, Settled()
        return found

    def take(self) -> bool:
        """Whether there is room for one more."""
        if self.taken >= self.most:
            if not self.warned:
                log.warning("more than %d connections: should a worker be killed, some would not be told", self.most)
            self.warned = True
            return False
        self.taken += 1
        return True


class Trustee:
    """Of one worker, which is to be started while `passing`; *room*: for the connections of all workers."""

    def __init__(self, room: Room) -> None:
        """Raises OSError."""
        self._room = room
        self._memory = ledger.memory(room.most)
        self._ledger = Ledger(self._memory)
        self._channel, self._its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel.setblocking(False)
        self._held: dict[int, int] = {}
        """Descriptors of connections, by their places in the ledger."""
        self._over = False

    @contextmanager
    def passing(self) -> Iterator[dict[str, int]]:
        """The descriptors that the worker is to have, by what its order calls them, while it is started."""
        try:
            yield {"ledger": self._memory, "channel": self._its.fileno()}
        except BaseException:  # cancelled, too: then there is none
            self.settle()
            raise
        finally:
            os.close(self._memory)
            self._its.close()
        asyncio.get_running_loop().add_reader(self._channel, self._take)

    def settle(self) -> Settled:
        """The worker has ended: say what it owed, and let go of its connections."""
        if self._over:
            return Settled()
        self._over = True
        while self._take():
            pass
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()
        outcomes = [self._paid(place, held) for place, held in self._held.items()]
        self._room.taken -= len(self._held)
        self._held.clear()
        found = Settled(outcomes.count(True), outcomes.count(False))
        before = self._room.uncounted
        self._room.uncounted = Settled(before.told + found.told, before.cut + found.cut)
        return found

    def _take(self) -> bool:
        """What the worker has said, one message of it; whether there may be more."""
        try:
            message, found, _, _ = socket.recv_fds(self._channel, PLACE.size * AT_ONCE, 1)
        except OSError:  # nothing for now; or reset, by a worker that is gone
            return False
        if not message:  # it is gone
            asyncio.get_running_loop().remove_reader(self._channel)
            return False
        for (place,) in PLACE.iter_unpack(message):
            self._drop(place)
            for each in found:
                self._hold(place, each)
        return True

    def _hold(self, place: int, connection: int) -> None:
        if self._room.take():
            self._held[place] = connection
        else:
            os.close(connection)

    def _drop(self, place: int) -> None:
        held = self._held.pop(place, None)
        if held is not None:
            self._room.taken -= 1
            os.close(held)

    def _paid(self, place: int, held: int) -> bool | None:
        """End a connection; whether its app was told what was owed to it, None if that was nothing."""
        with socket.socket(fileno=held) as connection, suppress(OSError):
            owed = self._ledger.owed(place, ledger.sent(connection))
            if is_unread(connection) and owed == Owed.NOTHING:
                owed = Owed.ANSWER  # to a request that the worker has not begun to read
            said = words(owed)
            whole = bool(said) and connection.send(said, socket.MSG_DONTWAIT) == len(said)
            connection.shutdown(socket.SHUT_RDWR)
            return None if owed in NOT_LOST else whole
        return False


def is_unread(connection: socket.socket) -> bool:
    """Whether the app has sent what nobody has read.  It is read now: to close over it would be a reset."""
    read = 0
    with suppress(BlockingIOError):
        while read < UNREAD and (data := connection.recv(65536, socket.MSG_DONTWAIT)):
            read += len(data)
    return read > 0
