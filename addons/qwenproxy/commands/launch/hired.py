"""A proxy of the command's own: a process beside it that ends with it, come what may."""

import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from qwenproxy.commands.launch.trust import TrustFiles
from qwenproxy.commands.launch.variables import Place

PROGRAM = (sys.executable, "-P", "-m", "qwenproxy.commands.launch.attendant")
"""-P: nothing in the current folder takes a module's place."""
GRACE = 10.0  # s in which it must have ended


class NotStarted(Exception):
    """The proxy has not started; *status* is its exit status, the message is what it said."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass
class Hired:
    """One that has been started."""

    process: subprocess.Popen[bytes]
    place: Place
    warnings: Sequence[str]
    """What it said while it started."""
    web: str
    """Where one can look at what passes."""
    folder: Path
    facts: dict[str, Any] | None = field(default=None)
    """What has passed, once it has ended; None if it did not live to tell."""

    def end(self) -> None:
        """End it, and clear away what it may have left if it was killed."""
        out = _ended(self.process)
        with suppress(ValueError, IndexError):
            facts = orjson.loads(out.splitlines()[-1])
            self.facts = facts if "exchanges" in facts else None
        shutil.rmtree(self.folder, ignore_errors=True)


def hire(options: Sequence[str]) -> Hired:
    """Start one with *options* of `qwenproxy run`, and `--log FILE`.  Raises NotStarted.

    It gets a session of its own: the terminal's signals are for the command.  Its standard input is a pipe that ends
    when this process does.
    """
    pipe = subprocess.PIPE
    process = subprocess.Popen([*PROGRAM, *options], stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    try:
        return _ready(process)
    except BaseException:  # interrupted, or it has failed: in any case it shall not stay
        _ended(process)
        raise


def _ready(process: subprocess.Popen[bytes]) -> Hired:
    """Wait until *process* is ready."""
    assert process.stdout is not None
    assert process.stderr is not None
    said = process.stderr.read().decode(errors="replace")  # it closes that when it is ready
    addresses: dict[str, str] = {}
    for line in iter(process.stdout.readline, b""):
        if line.startswith(b"listening "):
            addresses = {name: value for name, _, value in (word.partition("=") for word in line.decode().split())}
        elif line.startswith(b"{"):
            found = orjson.loads(line)
            if "files" in found:
                return _hired(process, addresses, found, plain(said))
    raise NotStarted(process.wait(), said.removeprefix("qwenproxy run: ").strip() or "the proxy did not start")


def plain(said: str) -> list[str]:
    """Log lines without their times and levels."""
    return [re.sub(r"^\d\d:\d\d:\d\d [A-Z] ", "", line) for line in said.splitlines()]


def _hired(
    process: subprocess.Popen[bytes], addresses: dict[str, str], found: dict[str, Any], said: Sequence[str]
) -> Hired:
    place = Place(
        port=int(addresses["proxy"].rpartition(":")[2]),
        trust=TrustFiles(*map(Path, found["files"])),
        hosts=found["hosts"],
        wants_key=found["wants_key"],
        reverse=addresses.get("reverse", ""),
    )
    return Hired(process, place, said, addresses.get("web", ""), Path(found["folder"]))


def _ended(process: subprocess.Popen[bytes]) -> bytes:
    """End *process*, by force if it must be; the rest of what it says."""
    for stop in (process.terminate, process.kill):
        try:
            return process.communicate(timeout=GRACE)[0]  # which ends its standard input
        except subprocess.TimeoutExpired:
            stop()
        except (OSError, ValueError):  # it is gone, or was interrupted while its outputs were read
            break
    process.kill()
    process.wait()
    return _rest(process.stdout)


def _rest(out: IO[bytes] | None) -> bytes:
    with suppress(OSError, ValueError):
        return out.read() if out is not None else b""
    return b""
