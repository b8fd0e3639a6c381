"""Rules for messages, where the table of checks does not show enough of them."""

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator import history
from qwenproxy.simulator.ask import Ask
from qwenproxy.wire.openai import Json


def ask(roles: str) -> Ask:
    """Messages by their first letters; upper-case A calls two tools, `1` and `2` are their results."""
    return Ask({"messages": [MESSAGES[letter] for letter in roles]}, Row())


MESSAGES: dict[str, Json] = {
    "s": {"role": "system", "content": "x"},
    "u": {"role": "user", "content": "x"},
    "a": {"role": "assistant", "content": "x"},
    "A": {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}, {"id": "2"}]},
    "1": {"role": "tool", "tool_call_id": "1", "content": "x"},
    "2": {"role": "tool", "tool_call_id": "2", "content": "x"},
}


@pytest.mark.parametrize(
    ("roles", "fine"),
    [
        ("u", True),
        ("uA12", True),
        ("uA21u", True),
        ("uA1u", False),
        ("uA", False),
        ("uAA12", False),
        ("uA12aA12", True),
    ],
)
def test_calls_are_answered_before_anybody_else_speaks(roles: str, fine: bool) -> None:
    assert (history.calls_answered(ask(roles)) is None) is fine


@pytest.mark.parametrize(
    ("roles", "fine"), [("u", True), ("uA12", True), ("u1", False), ("uA12u1", False), ("uA11", True), ("1", False)]
)
def test_results_answer_calls_made_just_before(roles: str, fine: bool) -> None:
    assert (history.results_called_for(ask(roles)) is None) is fine


@pytest.mark.parametrize(("roles", "fine"), [("u", True), ("su", True), ("us", False), ("ssu", False), ("sus", False)])
def test_a_system_message_comes_first_and_alone(roles: str, fine: bool) -> None:
    assert (history.system_first(ask(roles)) is None) is fine
