"""A service manager that only listens: sd_notify(3)."""

import asyncio
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Manager:
    """`heard`: the first line of all that it was told, in order."""

    folder: str
    heard: list[str] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": f"{self.folder}/notify", "XDG_RUNTIME_DIR": self.folder}


@contextmanager
def manager() -> Iterator[Manager]:
    """One that listens, on the running event loop."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        found = Manager(folder)
        door.bind(f"{folder}/notify")
        door.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(door, lambda: found.heard.append(door.recv(1000).decode().partition("\n")[0]))
        yield found
        loop.remove_reader(door)
