"""mitmdump in transparent mode, as a process that ends with this one."""

import os
import pwd
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scripts.redirection.rules import PROXY_GROUP

ROOT = Path(__file__).parents[2]
PATIENCE = 5.0  # s for it to end by itself
TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
LISTENING = "0A"  # TCP_LISTEN (net/tcp_states.h)
HOSTS = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}


def command(port: int, families: Sequence[socket.AddressFamily], more: Sequence[str]) -> list[str]:
    """What is run: the addon, with a listener on loopback for each of the *families*."""
    modes = [word for family in families for word in ("--mode", f"transparent@{HOSTS[family]}:{port}")]
    mitmdump = Path(sys.executable).with_name("mitmdump")
    return [
        "setpriv",
        "--pdeathsig",
        "TERM",
        "--",
        str(mitmdump),
        "-s",
        str(ROOT / "addons" / "qwen.py"),
        *modes,
        *more,
    ]


def start(words: Sequence[str], user: str) -> subprocess.Popen[bytes]:
    """Run it as *user*, with that user's home and groups, but under a group of its own."""
    entry = pwd.getpwnam(user)
    environ = os.environ | {"HOME": entry.pw_dir, "USER": user, "LOGNAME": user}
    groups = os.getgrouplist(user, entry.pw_gid)
    return subprocess.Popen(
        words, user=entry.pw_uid, group=PROXY_GROUP, extra_groups=groups, env=environ, stdin=subprocess.DEVNULL
    )


def listeners(port: int) -> int:
    """How many sockets listen on *port*.  Nothing is sent there: the proxy would wonder where that was meant for."""
    tables = [path.read_text().splitlines()[1:] for path in TABLES if path.exists()]
    rows = [line.split() for table in tables for line in table]
    return sum(row[3] == LISTENING and row[1].endswith(f":{port:04X}") for row in rows)


def stop(process: subprocess.Popen[bytes]) -> None:
    """Have it end, and wait until it has."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
