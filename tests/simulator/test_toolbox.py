"""Rules for tools, where the table of checks does not show enough of them."""

from typing import Any

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator import toolbox
from qwenproxy.simulator.ask import Ask


def named(name: Any) -> Ask:
    return Ask({"tools": [{"type": "function", "function": {"name": name}}]}, Row())


@pytest.mark.parametrize("name", ["f", "get_weather", "a-b", "A1", "x" * 64, "research"])
def test_fine_names(name: str) -> None:
    assert toolbox.names(named(name)) is None


@pytest.mark.parametrize("name", ["", "a b", "a.b", "ā", "x" * 65, "search", None, 7])
def test_wrong_names(name: Any) -> None:
    assert toolbox.names(named(name)) is not None


@pytest.mark.parametrize("choice", ["auto", "none", "required", None, {"type": "function", "function": {"name": "f"}}])
def test_fine_choices(choice: Any) -> None:
    assert toolbox.choice(Ask({"tool_choice": choice}, Row())) is None


@pytest.mark.parametrize("choice", ["any", "", 1, {}, {"type": "function"}, {"function": "f"}])
def test_wrong_choices(choice: Any) -> None:
    assert toolbox.choice(Ask({"tool_choice": choice}, Row())) is not None
