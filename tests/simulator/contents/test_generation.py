"""`generationConfig`."""

import pytest

from qwenproxy.simulator.contents.generation import complaint, fields_of, shows_thoughts
from qwenproxy.wire.openai import Json

JSON = {"response_mime_type": "application/json"}


@pytest.mark.parametrize(
    ("config", "meant"),
    [
        ({}, {}),
        (
            {"temperature": 0, "top_p": 0.9, "top_k": 20, "max_output_tokens": 5, "seed": 0, "candidate_count": 2},
            {"temperature": 0, "top_p": 0.9, "top_k": 20, "max_tokens": 5, "seed": 0, "n": 2},
        ),
        (
            {"stop_sequences": ["a"], "presence_penalty": 1, "frequency_penalty": 2},
            {"stop": ["a"], "presence_penalty": 1, "frequency_penalty": 2},
        ),
        ({"response_logprobs": True, "logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"response_mime_type": "text/plain"}, {}),
        (JSON, {"response_format": {"type": "json_object"}}),
        (
            JSON | {"response_schema": {"type": "STRING"}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "response", "schema": {"type": "string"}},
                }
            },
        ),
        (
            JSON | {"response_json_schema": {"const": 1}},
            {"response_format": {"type": "json_schema", "json_schema": {"name": "response", "schema": {"const": 1}}}},
        ),
        ({"thinking_config": {"thinking_budget": 0}}, {"enable_thinking": False}),
        ({"thinking_config": {"thinking_budget": -1}}, {"enable_thinking": True}),
        ({"thinking_config": {"thinking_budget": 9}}, {"enable_thinking": True, "thinking_budget": 9}),
        ({"thinking_config": {"thinking_level": "LOW"}}, {"reasoning_effort": "low"}),
        ({"thinking_config": {"include_thoughts": True}}, {}),
    ],
)
def test_what_is_meant(config: Json, meant: Json) -> None:
    assert complaint(config) is None
    assert fields_of(config) == meant


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"response_mime_type": "text/x.enum"}, "response_mime_type: allowed mimetypes"),
        ({"response_schema": {"type": "STRING"}}, "response_schema: only allowed when"),
        ({"response_json_schema": {}}, "response_json_schema: only allowed when"),
        (
            JSON | {"response_schema": {"type": "STRING"}, "response_json_schema": {}},
            "must not be set when response_schema",
        ),
        (JSON | {"response_schema": {"type": "ARRAY"}}, "response_schema.items: missing field."),
        ({"logprobs": 2}, "Logprobs may only be set"),
        (
            {"thinking_config": {"thinking_budget": 1, "thinking_level": "LOW"}},
            "You can only set only one of thinking budget and thinking level.",
        ),
    ],
)
def test_what_is_refused(config: Json, said: str) -> None:
    assert said in (complaint(config) or "")


def test_thoughts_are_shown_on_request() -> None:
    assert shows_thoughts({"thinking_config": {"include_thoughts": True}})
    assert not shows_thoughts({"thinking_config": {}})
    assert not shows_thoughts({})
