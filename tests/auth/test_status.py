"""The state of a login in a word."""

from dataclasses import fields

import pytest

from qwenproxy.auth.status import State, Status, state_of
from qwenproxy.auth.token import Token

NOW = 1_790_000_000.0


def token(left: float) -> Token:
    return Token("at-s3cret", "rt-s3cret", round((NOW + left) * 1000))


@pytest.mark.parametrize(
    ("found", "refreshing", "waiting", "state"),
    [
        (None, False, False, "lost"),
        (None, True, False, "lost"),
        (None, False, True, "waiting for sign-in"),
        (token(3600), False, False, "signed in"),
        (token(3600), True, False, "refreshing"),
        (token(301), False, False, "signed in"),
        (token(299), False, False, "expiring"),
        (token(-1), False, False, "expiring"),
        (token(-1), True, False, "refreshing"),
    ],
)
def test_the_state(found: Token | None, refreshing: bool, waiting: bool, state: State) -> None:
    assert state_of(found, NOW, lead=300, refreshing=refreshing, waiting=waiting) == state


def test_with_no_lead_it_is_expiring_when_it_counts_as_used_up() -> None:
    assert state_of(token(31), NOW, lead=0) == "signed in"
    assert state_of(token(29), NOW, lead=0) == "expiring"


def test_a_snapshot_holds_no_secret() -> None:
    assert not {"token", "access_token", "refresh_token"} & {each.name for each in fields(Status)}
