"""What a service manager hears."""

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenproxy.commands import notify


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(Path(folder, "notify")))
        found.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", found.getsockname())
        yield found


def test_each_state_is_a_datagram(manager: socket.socket) -> None:
    for state in (notify.READY, notify.STOPPING):
        notify.notify(state)
        assert manager.recv(1000).decode() == state


def test_a_reload_says_since_when(manager: socket.socket) -> None:
    notify.notify(notify.reloading())
    first, second = manager.recv(1000).decode().split("\n")
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


def test_an_abstract_socket_is_one_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind("")  # the kernel names it
        found.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + found.getsockname()[1:].decode())
        notify.notify(notify.READY)
        assert found.recv(1000) == b"READY=1"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/at/all"])
def test_where_nobody_listens_nothing_happens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.notify(notify.READY)
