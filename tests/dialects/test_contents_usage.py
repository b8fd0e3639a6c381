"""usageMetadata in OpenAI's names: thoughts beside or among the candidates, gaps, both spellings."""

from typing import Any

import pytest

from qwenproxy.dialects import usage
from qwenproxy.dialects.contents_usage import to_openai, told
from qwenproxy.wire.openai import Json


def counts(prompt: Any = None, candidates: Any = None, thoughts: Any = None, total: Any = None, **more: Any) -> Json:
    named = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": total,
    }
    return {name: value for name, value in named.items() if value is not None} | more


CASES: list[tuple[str, Json, tuple[int, int, int, int]]] = [
    ("no thoughts", counts(10, 5, None, 15), (10, 5, 15, 0)),
    ("thoughts beside the candidates", counts(10, 5, 7, 22), (10, 12, 22, 7)),
    ("thoughts among the candidates", counts(10, 12, 7, 22), (10, 12, 22, 7)),
    ("thoughts that only the total tells of", counts(10, 5, None, 22), (10, 12, 22, 0)),
    ("thoughts alone", counts(10, None, 7, 17), (10, 7, 17, 7)),
    ("no total", counts(10, 5, 7), (10, 12, 22, 7)),
    ("a total that is none", counts(10, 5, 7, 0), (10, 12, 22, 7)),
    ("no prompt", counts(None, 5, 7, 22), (10, 12, 22, 7)),
    ("a prompt alone", counts(10, None, None, 10), (10, 0, 10, 0)),
    ("a total alone", counts(None, None, None, 10), (0, 0, 10, 0)),
    ("a prompt that tools add to", counts(10, 5, None, 18, toolUsePromptTokenCount=3), (13, 5, 18, 0)),
    ("zeros", counts(0, 0, None, 0), (0, 0, 0, 0)),
    ("no numbers", counts("10", True, -1, 1.5), (0, 0, 0, 0)),
    (
        "the other spelling",
        {"prompt_token_count": 10, "candidates_token_count": 5, "thoughts_token_count": 7, "total_token_count": 22},
        (10, 12, 22, 7),
    ),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_totals_add_up(given: Json, expected: tuple[int, int, int, int]) -> None:
    read = usage.to_openai(to_openai(given))
    details = read["completion_tokens_details"]
    found = (read["prompt_tokens"], read["completion_tokens"], read["total_tokens"], details["reasoning_tokens"])
    assert found == expected


def test_the_cache_and_the_modalities_are_details() -> None:
    given = counts(
        10,
        5,
        None,
        15,
        cachedContentTokenCount=8,
        promptTokensDetails=[{"modality": "TEXT", "tokenCount": 7}, {"modality": "IMAGE", "tokenCount": 3}],
        candidatesTokensDetails=[{"modality": "AUDIO", "tokenCount": 5}, {"modality": "SMELL", "tokenCount": 1}],
    )
    read = usage.to_openai(to_openai(given))
    assert read["prompt_tokens_details"] == {"cached_tokens": 8, "text_tokens": 7, "image_tokens": 3}
    assert read["completion_tokens_details"] == {"reasoning_tokens": 0, "audio_tokens": 5}


@pytest.mark.parametrize("details", [None, {}, "x", [None], [{}], [{"modality": 5}], [{"modality": "TEXT"}]])
def test_details_that_are_none_do_no_harm(details: Any) -> None:
    read = usage.to_openai(to_openai(counts(10, 5, None, 15, promptTokensDetails=details)))
    assert read["prompt_tokens_details"] == {"cached_tokens": 0}


@pytest.mark.parametrize(
    ("given", "tells"),
    [
        (counts(0, 0, 0, 0), False),
        ({}, False),
        (counts("10", True, -1, 1.5), False),
        (counts(0, 0, None, 1), True),
        (counts(3), True),
        ({"total_token_count": 7}, True),
    ],
    ids=["zeros", "nothing", "no numbers", "a total", "a prompt", "the other spelling"],
)
def test_zeros_tell_nothing(given: Json, tells: bool) -> None:
    assert told(given) is tells
