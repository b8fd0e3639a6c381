"""Totals in OpenAI's shape, of whatever the upstream counts."""

from typing import Any

import pytest

from qwenproxy.dialects.usage import to_openai

CASES: dict[str, tuple[dict[str, Any], tuple[int, int, int], dict[str, int], dict[str, int]]] = {
    "as OpenAI counts": (
        {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        (3, 2, 5),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "details as compatible mode has them": (
        {
            "prompt_tokens": 3,
            "completion_tokens": 2,
            "total_tokens": 5,
            "prompt_tokens_details": {
                "cached_tokens": 2,
                "text_tokens": 1,
                "cache_type": "ephemeral",
                "cache_creation_input_tokens": 1,
                "cache_creation": {"ephemeral_5m_input_tokens": 1},
            },
            "completion_tokens_details": {"reasoning_tokens": 1, "text_tokens": 1},
        },
        (3, 2, 5),
        {"cached_tokens": 2, "text_tokens": 1, "cache_creation_input_tokens": 1},
        {"reasoning_tokens": 1, "text_tokens": 1},
    ),
    "as DashScope counts": (
        {
            "input_tokens": 9,
            "output_tokens": 4,
            "input_tokens_details": {"image_tokens": 5},
            "prompt_tokens_details": {"cached_tokens": 1},
            "output_tokens_details": {"reasoning_tokens": 3},
        },
        (9, 4, 13),
        {"cached_tokens": 1, "image_tokens": 5},
        {"reasoning_tokens": 3},
    ),
    "no total": (
        {"prompt_tokens": 3, "completion_tokens": 2},
        (3, 2, 5),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "only a total": ({"total_tokens": 5}, (0, 0, 5), {"cached_tokens": 0}, {"reasoning_tokens": 0}),
    "no completion": (
        {"prompt_tokens": 3, "total_tokens": 5},
        (3, 2, 5),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "no prompt": (
        {"completion_tokens": 3, "total_tokens": 5},
        (2, 3, 5),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "a total that is too small": (
        {"completion_tokens": 3, "total_tokens": 1},
        (0, 3, 1),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "zero is a number": (
        {"prompt_tokens": 0, "input_tokens": 5, "completion_tokens": 0, "total_tokens": 0},
        (0, 0, 0),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "cached tokens at the top": (
        {"prompt_tokens": 3, "cached_tokens": 2, "prompt_tokens_details": None},
        (3, 0, 3),
        {"cached_tokens": 2},
        {"reasoning_tokens": 0},
    ),
    "cached tokens at the top and in the details": (
        {"prompt_tokens": 3, "cached_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}},
        (3, 0, 3),
        {"cached_tokens": 1},
        {"reasoning_tokens": 0},
    ),
    "whole floats": (
        {"prompt_tokens": 3.0, "completion_tokens": 2.5},
        (3, 0, 3),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "no numbers": (
        {"prompt_tokens": "3", "completion_tokens": True, "total_tokens": -1, "prompt_tokens_details": [1]},
        (0, 0, 0),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "numbers beyond all measure": (
        {"prompt_tokens": 1e300, "completion_tokens": 2**60, "total_tokens": float("inf")},
        (0, 0, 0),
        {"cached_tokens": 0},
        {"reasoning_tokens": 0},
    ),
    "nothing": ({}, (0, 0, 0), {"cached_tokens": 0}, {"reasoning_tokens": 0}),
}


@pytest.mark.parametrize(("counts", "totals", "prompt", "completion"), CASES.values(), ids=CASES.keys())
def test_totals_have_openais_shape(
    counts: dict[str, Any], totals: tuple[int, int, int], prompt: dict[str, int], completion: dict[str, int]
) -> None:
    assert to_openai(counts) == {
        "prompt_tokens": totals[0],
        "completion_tokens": totals[1],
        "total_tokens": totals[2],
        "prompt_tokens_details": prompt,
        "completion_tokens_details": completion,
    }
