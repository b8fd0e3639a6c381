"""The settings of the state."""

from pathlib import Path

import pytest

from qwenproxy.settings import load


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000.0), ("12h", 43_200.0), ("90 m", 5_400.0), ("45S", 45.0)]
)
def test_a_lifetime_has_a_unit(text: str, seconds: float) -> None:
    assert load({"QWENPROXY_STATE_LIFETIME": text}, Path("/")).state_lifetime == seconds


def test_a_key_that_could_be_guessed_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="a key has 32 characters or more") as caught:
        load({"QWENPROXY_STATE_KEYS": f"{'k' * 32},hunter2"}, Path("/"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["30", "0d", "-1d", "1w", "long"])
def test_a_wrong_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="QWENPROXY_STATE_LIFETIME: expected a time such as 30d"):
        load({"QWENPROXY_STATE_LIFETIME": text}, Path("/"))
