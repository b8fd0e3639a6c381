"""Pauses after failures."""

import pytest

from qwenproxy.auth import backoff


def test_it_doubles_up_to_a_minute() -> None:
    assert [backoff.pause(failures, 0) for failures in range(1, 10)] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_after_a_year_of_failures_too() -> None:
    assert backoff.pause(10**6, 0) == 60


@pytest.mark.parametrize(("jitter", "pause"), [(0, 8), (0.5, 7.2), (1, 6.4)])
def test_jitter_takes_off_up_to_a_fifth(jitter: float, pause: float) -> None:
    assert backoff.pause(4, jitter) == pytest.approx(pause)


def test_first_and_longest_may_be_others() -> None:
    assert [backoff.pause(failures, 0, first=5, longest=12) for failures in (1, 2, 3)] == [5, 10, 12]
