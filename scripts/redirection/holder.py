"""One redirection at a time in a network namespace, and which process has it.

The mark is a socket with an abstract name: there is one such name for each namespace, and it goes with its process.
"""

import os
import signal
import socket
import struct
import time

NAME = "\0qwenproxy-redirect"
PATIENCE = 15.0  # s for the holder to end
_CREDENTIALS = struct.Struct("3i")  # ucred: process, user, group (unix(7))


class Held(Exception):
    """Another process has it."""


def hold() -> socket.socket:
    """Have it for as long as the socket is open.  Raises Held."""
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(NAME)
    except OSError:
        mark.close()
        raise Held(f"already redirected, by {words(holder())}; end it with --down") from None
    mark.listen()
    return mark


def holder() -> tuple[int, int] | None:
    """The process that has it, and its user; None if nobody has."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(NAME)
        except OSError:
            return None
        found = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(found)
    return process, user


def words(found: tuple[int, int] | None) -> str:
    return "nobody" if found is None else f"process {found[0]} of user {found[1]}"


def end() -> bool:
    """Have the holder end, if it is root's; whether there is none any more."""
    for attempt in range(int(PATIENCE / 0.05)):
        found = holder()
        if found is None:
            return True
        process, user = found
        if user != 0 or process == 0:
            return False
        if attempt == 0:
            os.kill(process, signal.SIGTERM)
        time.sleep(0.05)
    return False
