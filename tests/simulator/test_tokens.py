"""Pieces of text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenproxy.simulator.tokens import SAMPLE, count, keep, pieces


@settings(deadline=None)
@given(st.text())
def test_pieces_add_up_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
    assert count(text) == len(pieces(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hello there", ["Hello", " there"]),
        ("extraordinary", ["extraor", "dinary"]),
        ("a, b", ["a", ",", " b"]),
        ("  a", [" ", " a"]),
    ],
)
def test_pieces_are_a_few_letters_each(text: str, expected: list[str]) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize(("limit", "text"), [(-1, ""), (0, ""), (1, "a"), (2, "a b"), (9, "a b c")])
def test_a_text_is_kept_up_to_a_limit(limit: int, text: str) -> None:
    assert keep("a b c", limit) == text


def test_a_very_long_text_is_counted_by_its_beginning() -> None:
    assert count("ab " * SAMPLE) == pytest.approx(SAMPLE, rel=0.01)
