"""The scripted model's vectors."""

import math

from qwenproxy.simulator.vectors import vector


def test_they_have_the_length_1_and_the_dimensions_that_were_asked_for() -> None:
    for dimensions in (1, 64, 1024):
        found = vector(("a",), dimensions)
        assert len(found) == dimensions
        assert math.isclose(math.hypot(*found), 1)


def test_they_are_the_same_for_the_same_and_for_nothing_else() -> None:
    assert vector(("a", "b"), 64) == vector(("a", "b"), 64)
    assert len({tuple(vector(said, 64)) for said in (("a", "b"), ("ab",), ("a",), ("b", "a"))}) == 4
