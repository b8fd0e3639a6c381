"""The models that are there."""

import pytest

from qwenproxy.simulator.known import KNOWN, LISTED, is_known


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("qwen3.7-plus", True),
        ("qwen3.7-plus-2026-07-15", True),
        ("qwen-plus-latest", True),
        ("deepseek-v4-pro-0813", True),
        ("MiniMax-M2.5", True),
        ("minimax-m2.5", False),
        ("Qwen3.7-plus", False),
        ("qwen3.7-plus-15", False),
        ("gpt-4o", False),
        ("", False),
    ],
)
def test_names_are_exact_but_for_snapshots(name: str, known: bool) -> None:
    assert is_known(name) is known


def test_each_is_listed_once() -> None:
    assert len(set(LISTED)) == len(LISTED)
    assert set(KNOWN) < set(LISTED)
