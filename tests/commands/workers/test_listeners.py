"""The sockets that workers share."""

import socket

import pytest

from qwenproxy.commands.workers.listeners import bound


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", ""])
def test_a_listener_has_a_socket_for_each_address_all_on_one_port(host: str) -> None:
    found = bound(host, 0)
    try:
        assert found.port > 0
        assert {each.getsockname()[1] for each in found.sockets} == {found.port}
        families = [each.family for each in found.sockets]
        assert len(set(families)) == len(families)
    finally:
        found.close()


def test_nobody_is_taken_before_a_worker_listens() -> None:
    found = bound("127.0.0.1", 0)
    try:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", found.port))
        found.sockets[0].listen()
        socket.create_connection(("127.0.0.1", found.port)).close()
    finally:
        found.close()


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            bound("127.0.0.1", port)
