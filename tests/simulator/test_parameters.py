"""Rules for parameters, where the table of checks does not show enough of them."""

from collections.abc import Callable
from typing import Any

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator import parameters
from qwenproxy.simulator.ask import Ask


@pytest.mark.parametrize(
    ("name", "rule", "fine", "wrong"),
    [
        ("temperature", parameters.temperature, [0, 1.999, None], [2, -1, "1", True]),
        ("top_p", parameters.top_p, [0.001, 1, None], [0, 1.001, "1"]),
        ("top_k", parameters.top_k, [0, 200, None], [-1, 1.5, True]),
        ("presence_penalty", parameters.presence_penalty, [-2, 2, None], [-2.1, 2.1]),
        ("repetition_penalty", parameters.repetition_penalty, [0.1, None], [0, -1]),
        ("seed", parameters.seed, [0, 2**31 - 1, None], [-1, 2**31, 0.5]),
        ("stop", parameters.stop, ["a", ["a"], [1], 1, [], None], [["a", 1], {}, 0.5]),
        ("top_logprobs", parameters.top_logprobs, [0, 5, None], [-1, 6]),
        ("max_tokens", parameters.max_tokens, [1, 32_768, None], [0, 32_769, 1.5]),
        ("n", parameters.n, [1, None], [0, 2, 5, "2"]),
        ("thinking", parameters.thinking, [{"type": "enabled"}, None], [{}, "enabled"]),
        ("thinking_budget", parameters.thinking_budget, [1, 10**9, None], [0, -1, 0.5]),
        ("reasoning_effort", parameters.reasoning_effort, ["none", "max", None], ["", "most", 1]),
    ],
)
def test_a_range(name: str, rule: Callable[[Ask], str | None], fine: list[Any], wrong: list[Any]) -> None:
    assert [rule(Ask({name: value}, Row())) for value in fine] == [None] * len(fine)
    assert all(rule(Ask({name: value}, Row())) for value in wrong)
