"""How many connections there may be."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from qwenproxy.flows.connections import TOLD_EVERY, Connections, origin_of
from qwenproxy.settings import Settings


class Gate:
    def __init__(self, **settings: Any) -> None:
        self.hits: Counter[str] = Counter()
        self.now = 0.0
        self.settings = Settings(**settings)
        self.files = 1_000_000
        self.connections = Connections(lambda name: self.hits.update([name]), lambda: self.now, lambda: self.files)

    def enter(self, connection: str, address: str = "192.0.2.1") -> str:
        return self.connections.enter(connection, address, self.settings)


@pytest.mark.parametrize(
    ("settings", "another", "hit"),
    [
        ({"connections": 2}, "192.0.2.2", "connections"),
        ({"client_connections": 2}, "192.0.2.1", "client_connections"),
        ({"client_connections": 2}, "192.0.2.2", ""),
        ({"connections": 0, "client_connections": 0}, "192.0.2.1", ""),
    ],
    ids=["in all", "of one address", "another address", "any number"],
)
def test_only_so_many_are_let_in(settings: dict[str, int], another: str, hit: str) -> None:
    gate = Gate(**settings)
    assert not gate.enter("1")
    assert not gate.enter("2")
    complaint = gate.enter("3", another)
    assert (f"setting {hit}" in complaint) if hit else not complaint
    assert gate.hits == ({hit: 1} if hit else {})
    gate.connections.leave("3")  # who was not let in leaves no gap
    assert bool(gate.enter("4", another)) is bool(hit)
    gate.connections.leave("1")
    assert not gate.enter("5", another)


@pytest.mark.parametrize("setting", [0, 8192])
def test_half_of_the_files_that_may_be_open_stay_for_what_connections_need(setting: int) -> None:
    gate = Gate(connections=setting)
    gate.files = 4
    assert [bool(gate.enter(str(number))) for number in range(3)] == [False, False, True]
    assert gate.hits == {"connections": 1}


async def test_one_that_speaks_no_http_in_time_is_closed() -> None:
    gate, closed = Gate(), asyncio.Event()
    gate.connections.expect("1", 0.01, closed.set)
    async with asyncio.timeout(5):
        await closed.wait()
    assert gate.hits == {"head_timeout": 1}


@pytest.mark.parametrize("known", [Connections.speaks, Connections.leave], ids=["speaks", "leaves"])
async def test_one_that_does_or_has_left_is_not(known: Callable[[Connections, str], None]) -> None:
    gate, closed, later = Gate(), asyncio.Event(), asyncio.Event()
    gate.connections.expect("1", 0.01, closed.set)
    known(gate.connections, "1")
    gate.connections.expect("2", 0.02, later.set)
    async with asyncio.timeout(5):
        await later.wait()
    assert not closed.is_set()


def test_it_is_told_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "qwenproxy")
    gate = Gate(client_connections=1)
    for number in range(9):
        gate.enter(str(number))
    assert [record.getMessage() for record in caplog.records] == [
        "from 192.0.2.1, 1 connections are open, and no more are let in (setting client_connections)"
    ]
    gate.now = TOLD_EVERY
    gate.enter("9")
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("somewhere", "somewhere"),
    ],
)
def test_who_counts_as_one(address: str, origin: str) -> None:
    assert origin_of(address) == origin
