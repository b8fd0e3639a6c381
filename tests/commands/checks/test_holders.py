"""Which process listens at a port."""

import os
import socket
import sys
from pathlib import Path

import pytest

from qwenproxy.commands.checks.holders import holder
from qwenproxy.commands.run import free_port


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["IPv4", "IPv6"])
def test_a_process_of_ones_own_is_named(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as listening:
        listening.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        listening.listen()
        assert holder(listening.getsockname()[1]).endswith(f" (process {os.getpid()})")


def test_where_nobody_listens_nobody_is_named() -> None:
    assert holder(free_port("127.0.0.1")) == ""


def test_where_there_is_no_proc_nobody_is_named(tmp_path: Path) -> None:
    assert holder(80, tmp_path) == ""


def proc(folder: Path, state: str) -> Path:
    """A /proc with one socket at port 80 (hexadecimal 50), of process 7."""
    (folder / "net").mkdir()
    row = f"0: 0100007F:0050 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 1000 0 4711 1 0 100 0 0 10 0"
    (folder / "net" / "tcp").write_text(f"head\n{row}\n")
    files = folder / "7" / "fd"
    files.mkdir(parents=True)
    (files / "3").symlink_to("socket:[4711]")
    (folder / "7" / "comm").write_text("nginx\n")
    return folder


def test_only_who_listens_counts(tmp_path: Path) -> None:
    assert holder(80, proc(tmp_path, "0A")) == "nginx (process 7)"
    assert holder(81, tmp_path) == ""


def test_a_connection_is_no_listener(tmp_path: Path) -> None:
    assert holder(80, proc(tmp_path, "01")) == ""


def test_a_process_that_may_not_be_looked_at_is_not_named(tmp_path: Path) -> None:
    (proc(tmp_path, "0A") / "7" / "fd" / "3").unlink()
    assert holder(80, tmp_path) == ""
