"""Whether memory is short."""

import subprocess
import sys

import pytest

from qwenproxy.limits.memory import Memory, resident

LIMIT = 1000


@pytest.mark.parametrize(
    ("looks", "short"),
    [
        ([(0, 999)], [False]),
        ([(0, 1001)], [True]),
        ([(0, 1001), (1, 950), (2, 900)], [True, True, False]),
        ([(0, 1001), (1, 900), (2, 950)], [True, False, False]),
        ([(0, 999), (0.9, 2000), (1, 2000)], [False, False, True]),
    ],
    ids=["enough", "short", "recovers only below", "and stays so", "looks once a second"],
)
def test_it_is_short_until_it_is_well_below(looks: list[tuple[float, int]], short: list[bool]) -> None:
    held = [0]
    memory = Memory(lambda: held[0], free=lambda: None)
    memory.limit = LIMIT
    for (now, held[0]), expected in zip(looks, short, strict=True):
        assert memory.short(now) is expected


@pytest.mark.parametrize(
    ("needed", "looks", "short", "frees"),
    [
        (LIMIT, [0], [False], 1),
        (2 * LIMIT, [0, 1, 9, 10], [True, True, True, True], 2),
    ],
    ids=["which is enough", "which is not: it is tried again later, as it takes its time"],
)
def test_what_nobody_needs_is_let_go_of_first(needed: int, looks: list[float], short: list[bool], frees: int) -> None:
    held, count = 3 * LIMIT, 0

    def free() -> None:
        nonlocal held, count
        held, count = needed, count + 1

    memory = Memory(lambda: held, free)
    memory.limit = LIMIT
    assert [memory.short(now) for now in looks] == short
    assert count == frees


KNOT = """
from qwenproxy.limits.memory import give_back, resident

class Knot:
    def __init__(self):
        self.itself = self
        self.lines = [b"x" * 100_000 for _ in range(500)]  # too small each for a mapping of its own

figures = [resident()]
Knot()
figures.append(resident())
give_back()
print(*figures, resident())
"""


def test_garbage_and_what_the_allocator_keeps_go_back_to_the_system() -> None:
    """In a process of its own: in another, what is held depends on what there was before."""
    done = subprocess.run([sys.executable, "-c", KNOT], check=True, capture_output=True, text=True)
    before, full, after = map(int, done.stdout.split())
    assert full - before > 40_000_000
    assert after - before < 20_000_000


def test_without_a_limit_nobody_looks() -> None:
    def never() -> int:
        raise AssertionError

    assert not Memory(never, never).short(0)


def test_what_the_process_holds_is_known() -> None:
    before = resident()
    held = b"x" * (64 << 20)
    assert resident() - before > len(held) // 2
