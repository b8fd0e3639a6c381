"""What a worker owes to its apps, where its launcher can read it should the worker be killed.

A ledger is memory that both have.  Each connection has a word of 64 bits in it: how many bytes the app has been sent
once all is on its way, and what is owed to it then.  The worker writes the word before it sends; how much has been sent
indeed, the kernel tells of the socket.  Where both agree, nothing is half sent, and what is owed can still be said;
where they differ, for whatever reason, nothing can.
"""

import errno
import mmap
import os
import socket
import struct
from enum import IntEnum

BITS = 4
"""Of a word: what is owed; the others count bytes."""
OWED = (1 << BITS) - 1
WORD = 8  # bytes
ACKED = struct.Struct("=120xQ")
"""Linux's `struct tcp_info`, up to `tcpi_bytes_acked`."""
QUEUED = struct.Struct("=i")
KERNEL = hasattr(os, "memfd_create") and hasattr(socket, "TCP_INFO")
"""Whether this system can tell: Linux can."""


type Words = memoryview[int]


class Owed(IntEnum):
    """What an app has to hear if nobody goes on with its answer."""

    NOTHING = 0
    """No request is there, or all of the answer is."""
    PART = 1
    """The rest of something that only its maker can end."""
    ANSWER = 2
    """All of an answer: a request has begun, and not even the head has been sent."""
    EVENTS = 3
    """The rest of a stream in the words of chat or of completions; between two of its chunks."""
    RESPONSE_EVENTS = 4
    """The same in those of the Responses API."""
    END = 5
    """The mark behind the last chunk."""
    SOCKET = 6
    """The end of a WebSocket; between two of its frames."""
    BARE = 8
    """Added where a body is not framed as chunks, as for HTTP/1.0."""


class Ledger:
    """Words in the memory of the file *descriptor*, one for each place."""

    def __init__(self, descriptor: int) -> None:
        self.places = os.fstat(descriptor).st_size // WORD
        self.words = memoryview(mmap.mmap(descriptor, self.places * WORD)).cast("Q")

    def owed(self, place: int, sent: int) -> int:
        """What is owed at *place*, where *sent* bytes have been sent."""
        word = self.words[place]
        return word & OWED if word >> BITS == sent else Owed.PART


class Account:
    """The word of a connection at its *place* among *words*; *sent* bytes have been sent so far."""

    def __init__(self, words: Words, place: int, sent: int) -> None:
        self.place = place
        self._words = words
        self._at = place
        self._sent = sent << BITS
        self._owed = 0
        self.owe(Owed.NOTHING)

    def owe(self, owed: int) -> None:
        """From now on *owed* is owed: a sum of `Owed`."""
        self._owed = owed
        self._words[self._at] = self._sent | owed

    def sends(self, size: int) -> None:
        """So many bytes are about to be sent."""
        self._sent += size << BITS
        self._words[self._at] = self._sent | self._owed

    def ends(self) -> None:
        """With the next bytes, all of a body that is sent piece by piece will have been."""
        self._owed = self._owed & Owed.BARE | Owed.END

    def close(self) -> None:
        """The place may become another's: what is still written is no longer written there."""
        self._words, self._at = NOWHERE, 0


NOWHERE = memoryview(bytearray(WORD)).cast("Q")
NOBODYS = Account(NOWHERE, 0, 0)
"""Of connections that have none."""


def memory(places: int) -> int:
    """The descriptor of a new file for a ledger.  Raises OSError."""
    descriptor = os.memfd_create("qwenproxy-ledger")
    os.ftruncate(descriptor, places * WORD)
    return descriptor


def sent(connection: socket.socket) -> int:
    """How many bytes the kernel has taken for *connection*, which must be TCP.  Raises OSError."""
    import fcntl  # Windows has neither, and never asks
    import termios

    acked = _acked(connection)
    while True:
        (queued,) = QUEUED.unpack(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(QUEUED.size)))
        before, acked = acked, _acked(connection)
        if acked == before:  # what was queued is not among them
            return int(acked + queued)


def _acked(connection: socket.socket) -> int:
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, ACKED.size)
    if len(info) < ACKED.size:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
    return int(ACKED.unpack(info)[0])
