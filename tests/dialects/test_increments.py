"""Cumulative text becomes increments; text that only repeats itself is left alone."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qwenproxy.dialects.increments import GROWTHS, LONG, Increments

TEXT = "The harbour of Riga was first named in a letter of the year 1201, which a monk of Bremen had carried north."
ROW = "| 0.0000 | 0.0000 | 0.0000 | 0.0000 | 0.0000 | 0.0000 | 0.0000 |\n"
LINE = '{"id": 0, "name": "x", "value": null, "tags": [], "parent": null, "seen": false}\n'


def said(pieces: list[str]) -> str:
    increments = Increments()
    return "".join([increments.feed(piece) for piece in pieces] + [increments.settle()])


def upto(*lengths: int) -> list[str]:
    """The text so far, at each of *lengths*."""
    return [TEXT[:length] for length in lengths]


CUMULATIVE = {
    "in small steps": upto(*range(3, 100, 4)),
    "in large steps": upto(10, 50, 80, 100),
    "from a long first piece on": upto(70, 90, 100),
    "two long pieces": upto(70, 100),
    "short, but often enough": upto(2, 5, 9, 12),
    "the last piece again": [*upto(10, 50, 80, 100), TEXT[:100]],
    "pieces again on the way": upto(10, 50, 80, 80, 90, 90, 100),
    "one again before it was sure": upto(2, 5, 9, 12, 12, 20),
    "a shorter one in between": upto(10, 50, 80, 70, 100),
    "one character at a time": upto(*range(1, 100)),
    "its last character put right": [*upto(10, 50, 80), TEXT[:80] + "\ufffd", TEXT[:84], TEXT[:100]],
}

INCREMENTAL = {
    "the same short piece": ["ha", "ha"],
    "the same short piece many times": ["ha"] * 40,
    "laughter that grows": ["ha", "haha", "hahaha", "hahahaha"],
    "the same long piece": [TEXT, TEXT],
    "the same long piece many times": [ROW] * 9,
    "equal rows in growing pieces": [ROW, ROW * 2, ROW * 3, ROW * 4],
    "equal rows, then others": [ROW, ROW * 2, ROW + "| 1.0000 |\n"],
    "equal rows of which the second piece has one more": [LINE, LINE + LINE],
    "a number and a longer one": ["1", "10", "100", "\nDone"],
    "two numbers": ["1", "10"],
    "a word and a longer one": ["no", "nobody"],
    "line breaks": ["\n", "\n\n", "Hello"],
    "a repetition later on": ["Say it again: ", TEXT, TEXT + " And again."],
    "a pyramid with a bottom": ["\n1", "\n12", "\n123", "\n1234", "\nDone."],
    "a long piece said again, and something else": [TEXT, TEXT + " Again.", " Done."],
    "one piece": [TEXT],
    "nothing": [],
}


@pytest.mark.parametrize("pieces", CUMULATIVE.values(), ids=CUMULATIVE.keys())
def test_a_cumulative_text_is_said_once(pieces: list[str]) -> None:
    expected = max(pieces, key=len)
    assert said(pieces).replace("\ufffd", TEXT[80]) == expected


@pytest.mark.parametrize("pieces", INCREMENTAL.values(), ids=INCREMENTAL.keys())
def test_no_repetition_of_an_incremental_text_is_lost(pieces: list[str]) -> None:
    assert said(pieces) == "".join(pieces)


def test_the_first_piece_passes_at_once() -> None:
    assert Increments().feed(TEXT) == TEXT


def test_the_second_piece_ends_the_suspicion() -> None:
    increments = Increments()
    assert [increments.feed("The"), increments.feed(" harbour")] == ["The", " harbour"]
    assert increments.plain
    assert not increments.holding


def test_a_doubtful_piece_waits_for_the_next_one_only() -> None:
    increments = Increments()
    assert [increments.feed(piece) for piece in ("no", "nobody", " came")] == ["no", "", "nobody came"]
    assert increments.plain


def test_a_proven_cumulative_text_flows() -> None:
    increments = Increments()
    pieces = [increments.feed(piece) for piece in upto(30, LONG, 70, 75, 80)]
    assert pieces == [TEXT[:30], "", TEXT[30:70], TEXT[70:75], TEXT[75:80]]
    assert increments.cumulative


def test_an_increment_among_cumulative_pieces_is_kept() -> None:
    assert said([*upto(30, 70, 90), " Then", TEXT[:90] + " Then more."]) == TEXT[:90] + " Then more."


def test_a_long_text_said_again_after_something_else_is_no_news() -> None:
    """While the answer grows, cumulative frames repeat the thinking that is over."""
    increments = Increments()
    assert increments.feed(TEXT) + increments.settle() == TEXT
    assert increments.feed(TEXT) == ""
    assert increments.cumulative


def test_a_short_text_said_again_after_something_else_is_news() -> None:
    increments = Increments()
    assert increments.feed("ha") + increments.settle() == "ha"
    assert increments.feed("ha") == "ha"


def test_doubt_has_an_end() -> None:
    """A text of nothing but repetition is not held back for ever."""
    increments = Increments()
    out = [increments.feed(ROW * count) for count in range(1, 60)]
    assert increments.plain
    assert "".join(out) == "".join(ROW * count for count in range(1, 60))


@given(st.lists(st.text("ab \n|é", min_size=1, max_size=4), max_size=30))
def test_short_pieces_pass_unchanged_unless_the_first_four_grow_out_of_each_other(pieces: list[str]) -> None:
    assume(not all(after.startswith(before) and after != before for before, after in pairwise(pieces[: GROWTHS + 1])))
    assert said(pieces) == "".join(pieces)


@given(st.lists(st.sampled_from([ROW, ROW * 2, ROW * 3, LINE, LINE * 2, "a", "ha", "\n"]), max_size=12))
def test_no_row_of_a_table_is_lost(pieces: list[str]) -> None:
    assume(not all(after.startswith(before) and after != before for before, after in pairwise(pieces)))
    assert said(pieces) == "".join(pieces)


@given(st.sets(st.integers(1, len(TEXT)), min_size=5))
def test_a_cumulative_text_is_said_once_whatever_its_steps(lengths: set[int]) -> None:
    steps = upto(*sorted(lengths))
    assert said(steps) == steps[-1]
