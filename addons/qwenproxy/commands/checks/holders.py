"""Which process listens at a port, as far as the system tells (Linux)."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

LISTENING = "0A"
TABLES = ("tcp", "tcp6")
SOCKET = re.compile(r"socket:\[(\d+)\]")


def holder(port: int, proc: Path = Path("/proc"), tables: Sequence[str] = TABLES) -> str:
    """The program that listens at *port*, and its process; "" if nobody does, or nobody may know.

    *tables*: of which addresses.
    """
    wanted = set(sockets(port, proc, tables))
    return next((who for process in _processes(proc) if (who := _owner(process, wanted))), "") if wanted else ""


def sockets(port: int, proc: Path, tables: Sequence[str] = TABLES) -> Iterator[str]:
    """The inodes of the sockets that listen at *port*."""
    for table in tables:
        try:
            rows = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            _, local, _, state, *_, inode = row.split()[:10]
            if state == LISTENING and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _processes(proc: Path) -> Iterator[Path]:
    return (path for path in proc.iterdir() if path.name.isdecimal())


def _owner(process: Path, wanted: set[str]) -> str:
    """Who *process* is, if one of its files is one of the sockets *wanted*."""
    with suppress(OSError):  # it has ended, or is another user's
        for file in (process / "fd").iterdir():
            found = SOCKET.fullmatch(str(file.readlink()))
            if found and found[1] in wanted:
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""
