"""What is owed to apps, in memory that two processes have, and what the kernel says of their connections."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from qwenproxy.flows import ledger
from qwenproxy.flows.ledger import NOBODYS, Account, Ledger, Owed
from tests.support.sending import pair


@pytest.fixture
def both() -> Iterator[tuple[Ledger, Ledger]]:
    """The same, as the worker has it, and its launcher."""
    descriptor = ledger.memory(4)
    yield Ledger(descriptor), Ledger(descriptor)
    os.close(descriptor)


def test_one_writes_what_the_other_reads(both: tuple[Ledger, Ledger]) -> None:
    own, launchers = both
    assert own.places == 4
    account = Account(own.words, 2, sent=100)
    account.owe(Owed.ANSWER)
    assert launchers.owed(2, 100) == Owed.ANSWER
    account.owe(Owed.EVENTS | Owed.BARE)
    account.sends(20)
    assert launchers.owed(2, 120) == Owed.EVENTS | Owed.BARE
    account.ends()
    assert launchers.owed(2, 120) == Owed.EVENTS | Owed.BARE, "it is not sent yet"
    account.sends(5)
    assert launchers.owed(2, 125) == Owed.END | Owed.BARE
    assert [launchers.owed(place, 0) for place in (0, 1, 3)] == [Owed.NOTHING] * 3


@pytest.mark.parametrize("owed", [each for each in Owed if each != Owed.BARE])
@pytest.mark.parametrize("sent", [0, 99, 101, 1 << 40])
def test_where_it_does_not_agree_with_the_kernel_nothing_can_be_said(
    both: tuple[Ledger, Ledger], owed: Owed, sent: int
) -> None:
    Account(both[0].words, 0, sent=100).owe(owed)
    assert both[1].owed(0, 100) == owed
    assert both[1].owed(0, sent) == Owed.PART


def test_a_closed_account_leaves_its_place_to_the_next_one(both: tuple[Ledger, Ledger]) -> None:
    before = Account(both[0].words, 1, sent=0)
    before.close()
    Account(both[0].words, 1, sent=7).owe(Owed.SOCKET)
    before.owe(Owed.PART)
    before.sends(9)
    assert both[1].owed(1, 7) == Owed.SOCKET


def test_an_account_of_nobody_may_be_written_to() -> None:
    NOBODYS.owe(Owed.ANSWER)
    NOBODYS.sends(1)


def test_a_stream_of_terabytes_fits(both: tuple[Ledger, Ledger]) -> None:
    account = Account(both[0].words, 0, sent=0)
    account.owe(Owed.SOCKET)
    account.sends(1 << 50)
    assert both[1].owed(0, 1 << 50) == Owed.SOCKET


def test_the_kernel_tells_what_has_been_sent_whether_it_has_arrived_or_not() -> None:
    with pair() as (ours, its):
        assert ledger.sent(ours) == 0
        ours.sendall(b"x" * 1000)
        assert ledger.sent(ours) == 1000
        its.recv(1000)
        assert ledger.sent(ours) == 1000
        ours.setblocking(False)
        total = 1000
        with suppress(BlockingIOError):
            while True:
                total += ours.send(b"x" * 65536)
        assert ledger.sent(ours) == total
        its.recv(1 << 20)
        assert ledger.sent(ours) == total


def test_of_what_is_no_tcp_it_tells_nothing() -> None:
    ours, its = socket.socketpair()
    with ours, its, pytest.raises(OSError):
        ledger.sent(ours)
