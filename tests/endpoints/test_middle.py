"""Texts with a gap."""

import pytest

from qwenproxy.endpoints.middle import around, is_gap

GAP = "<|fim_prefix|>def add(a, b):\n<|fim_suffix|>\n<|fim_middle|>"


def test_a_gap_is_told_in_the_models_own_words() -> None:
    assert around("def add(a, b):\n", "\n") == GAP


@pytest.mark.parametrize(
    ("prompt", "gap"),
    [(GAP, True), (f"<|repo_name|>x{GAP}", True), ("def add(a, b):", False), ("What is <|fim_prefix|>?", False)],
)
def test_an_app_may_have_told_it_so_itself(prompt: str, gap: bool) -> None:
    assert is_gap(prompt) is gap
