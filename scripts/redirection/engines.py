"""The two ways to have rules in the kernel, and to have them gone when this process is gone, however it ends."""

import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from typing import Protocol

from scripts.redirection import rules
from scripts.redirection.rules import Scope


class Unable(Exception):
    """The rules could not be made; the message says why."""


class Engine(Protocol):
    """Rules that hold until `down`, or until this process ends."""

    name: str

    def up(self, scope: Scope, port: int) -> None:
        """Let the rules hold.  Raises Unable."""

    def down(self) -> None:
        """Let them hold no more."""

    def watched(self) -> list[int]:
        """Descriptors that become readable when the rules are about to go by themselves."""


class Nftables:
    """nftables, by a table that the kernel drops together with the socket of its maker (Linux 5.12)."""

    name = "nftables"

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libnftables.so.1")
        except OSError as e:
            raise Unable(f"nftables is not installed ({e})") from None
        self._library.nft_ctx_new.restype = ctypes.c_void_p
        self._library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
        self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_error(self._context)

    def up(self, scope: Scope, port: int) -> None:
        text = rules.nftables(scope, port)
        if self._library.nft_run_cmd_from_buffer(self._context, ctypes.c_char_p(text.encode())) != 0:
            said = self._library.nft_ctx_get_error_buffer(self._context) or b""
            self.down()
            raise Unable(f"nftables: {said.decode(errors='replace').strip()}")

    def down(self) -> None:
        context, self._context = self._context, ctypes.c_void_p()
        if context:
            self._library.nft_ctx_free(context)

    def watched(self) -> list[int]:
        return []


class Iptables:
    """iptables, whose rules nobody owns: a second process waits for the end of this one, and takes them away."""

    name = "iptables"

    def __init__(self) -> None:
        self._commands = [each for each in rules.IPTABLES if each == "iptables" or has_ipv6()]
        if missing := [each for each in self._commands if shutil.which(f"{each}-restore") is None]:
            raise Unable(f"{' and '.join(missing)} not installed")
        self._watcher: subprocess.Popen[bytes] | None = None

    def up(self, scope: Scope, port: int) -> None:
        remove()
        watch = f"trap '' HUP INT TERM\ncat >/dev/null\n{rules.NO_IPTABLES}"
        self._watcher = subprocess.Popen(["sh", "-c", watch], stdin=subprocess.PIPE, start_new_session=True)
        text = rules.iptables(scope, port).encode()
        for command in self._commands:
            words = [f"{command}-restore", "--noflush", "--wait"]
            done = subprocess.run(words, input=text, capture_output=True, check=False)
            if done.returncode != 0:
                self.down()
                raise Unable(f"{command}: {done.stderr.decode(errors='replace').strip()}")

    def down(self) -> None:
        if self._watcher is not None and self._watcher.stdin is not None:
            self._watcher.stdin.close()
            self._watcher.wait()
            remove()  # it may have been killed
            self._watcher = None

    def watched(self) -> list[int]:
        return [] if self._watcher is None else [os.pidfd_open(self._watcher.pid)]


def remove() -> None:
    """Take away what iptables' rules were left behind."""
    subprocess.run(["sh", "-c", rules.NO_IPTABLES], check=False)


def has_ipv6() -> bool:
    """Whether this machine, or network namespace, speaks IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


ENGINES: Mapping[str, Callable[[], Engine]] = {Nftables.name: Nftables, Iptables.name: Iptables}
"""The preferred one first."""
