"""What a service manager hears: sd_notify(3), for units of `Type=notify` and `Type=notify-reload`."""

import os
import socket
import time
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"
STOPPING = "STOPPING=1"


def reloading() -> str:
    """A reload begins now; `READY` ends it."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"


def notify(state: str) -> None:
    """Tell the service manager of *state*, if there is one that wants to know."""
    address = os.environ.get(VARIABLE, "")
    if not address.startswith(("/", "@")):
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(state.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
