"""The response object."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses import response
from qwenproxy.wire.openai import Json
from tests.endpoints.responses.asking import HEAD, NOTHING, asking
from tests.support import responses


def test_what_was_asked_is_said_back() -> None:
    asked: Json = {
        "instructions": "Be brief.",
        "max_output_tokens": 99,
        "max_tool_calls": 2,
        "metadata": {"a": "b"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "k",
        "reasoning": {"effort": "low", "summary": "auto"},
        "safety_identifier": "s",
        "temperature": 0.0,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "tool_choice": "none",
        "top_logprobs": 3,
        "top_p": 0.0,
        "truncation": "auto",
        "user": "u",
    }
    found = response.fixed(asking(**asked), HEAD)
    assert {name: found[name] for name in asked} == asked
    assert (found["id"], found["model"], found["created_at"]) == (HEAD.id, HEAD.model, HEAD.created)
    responses.validate_response(found)


def test_what_was_not_asked_has_openais_defaults() -> None:
    nulls = dict.fromkeys(("temperature", "metadata", "tools", "tool_choice", "text", "reasoning", "truncation"))
    found = response.fixed(asking(**nulls), HEAD)
    assert found == response.fixed(asking(), HEAD)
    assert (found["temperature"], found["metadata"], found["tool_choice"], found["store"]) == (1.0, {}, "auto", False)
    responses.validate_response(found)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "name": "f", "parameters": NOTHING, "strict": True},
        {"type": "function", "function": {"name": "f", "parameters": NOTHING, "strict": True}},
    ],
)
def test_functions_are_said_back_flat(tool: Json) -> None:
    told = {"type": "function", "name": "f", "description": None, "parameters": NOTHING, "strict": True}
    assert response.tool(tool) == told


def test_other_tools_are_said_back_as_they_are() -> None:
    tool = {"type": "custom", "name": "c"}
    assert response.tool(tool) is tool


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (None, None),
        ({"summary": "detailed"}, "detailed"),
        ({"generate_summary": "auto"}, "auto"),
        ({"summary": "none"}, None),
        ({"effort": "low"}, None),
    ],
)
def test_a_summary_is_given_if_one_is_asked_for(options: Any, told: str | None) -> None:
    assert response.summary({"reasoning": options}) == told


def test_totals_are_in_the_words_of_this_api() -> None:
    counts = {
        "prompt_tokens": 7,
        "completion_tokens": 5,
        "total_tokens": 12,
        "prompt_tokens_details": {"cached_tokens": 2, "cache_creation_input_tokens": 1},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    assert response.usage(counts) == {
        "input_tokens": 7,
        "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 1},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 12,
    }
    assert set(response.usage({})["input_tokens_details"].values()) == {0}
