"""Spans of time in words."""

import pytest

from qwenproxy.commands.durations import clock, span


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.6, "1 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h"),
        (3601, "1 h"),
        (21_540, "5 h 59 min"),
        (86_400, "1 d"),
        (90_061, "1 d 1 h"),
        (40 * 86_400, "40 d"),
    ],
)
def test_a_span_has_two_units_at_most(seconds: float, said: str) -> None:
    assert span(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-1, "0:00"),
        (0.4, "0:00"),
        (9.6, "0:10"),
        (899.9, "15:00"),
        (899, "14:59"),
        (3600, "1:00:00"),
        (3661, "1:01:01"),
    ],
)
def test_a_countdown_looks_like_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
