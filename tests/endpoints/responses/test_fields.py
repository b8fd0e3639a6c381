"""Every field of a request, and what becomes of it."""

from typing import Any, get_type_hints

import pytest
from openai.types.responses import response_create_params

from qwenproxy.endpoints.responses import fields
from qwenproxy.errors import UNKNOWN_PARAMETER, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.wire.openai import Json
from tests.endpoints.responses.asking import ask, draft

OURS = {"client_metadata"}
"""Codex sends it."""


def test_every_field_of_the_official_package_has_a_ruling() -> None:
    sdk = get_type_hints(response_create_params.ResponseCreateParamsBase)
    assert fields.TABLE.keys() == sdk.keys() | {"stream"} | OURS


SCHEMA = {"type": "object", "properties": {}}
FORMAT: Json = {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True, "description": None}

CASES: dict[str, tuple[Json, Json, list[str]]] = {
    "the longest answer": ({"max_output_tokens": 9}, {"max_completion_tokens": 9}, []),
    "sampling": ({"temperature": 0.0, "top_p": 0.5}, {"temperature": 0.0, "top_p": 0.5}, []),
    "one call at most": ({"parallel_tool_calls": False}, {"parallel_tool_calls": False}, []),
    "effort": ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}, []),
    "no effort": ({"reasoning": {"effort": None}}, {}, []),
    "further thoughts": ({"reasoning": {"mode": "pro", "context": "auto"}}, {}, ["reasoning.mode"]),
    "thoughts of tomorrow": ({"reasoning": {"depth\r\n": 1}}, {}, ["reasoning.unknown"]),
    "plain text": ({"text": {"format": {"type": "text"}, "verbosity": "low"}}, {"verbosity": "low"}, []),
    "JSON": ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}, []),
    "a schema": (
        {"text": {"format": FORMAT}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "n", "schema": SCHEMA, "strict": True},
            }
        },
        [],
    ),
    "log probabilities": (
        {"include": ["message.output_text.logprobs"], "top_logprobs": 3},
        {"logprobs": True, "top_logprobs": 3},
        [],
    ),
    "their number alone": ({"top_logprobs": 3}, {}, []),
    "what Codex includes": ({"include": ["reasoning.encrypted_content"]}, {}, ["include"]),
    "nothing included": ({"include": []}, {}, []),
    "a store": ({"store": True}, {}, ["store"]),
    "no store": ({"store": False, "truncation": "disabled", "background": False}, {}, []),
    "truncation": ({"truncation": "auto"}, {}, ["truncation"]),
    "hosted tools counted": ({"max_tool_calls": 3}, {}, ["max_tool_calls"]),
    "what the model's rulings know": (
        {"metadata": {"a": "b"}, "user": "u", "service_tier": "flex", "prompt_cache_key": "k"},
        {"metadata": {"a": "b"}, "user": "u", "service_tier": "flex", "prompt_cache_key": "k"},
        [],
    ),
    "Qwen's own": ({"enable_thinking": False, "top_k": 5}, {"enable_thinking": False, "top_k": 5}, []),
    "a chat completion's": (
        {"messages": [], "n": 2, "reasoning_effort": "low"},
        {},
        ["messages", "n", "reasoning_effort"],
    ),
    "nulls": (dict.fromkeys(("store", "tools", "background", "previous_response_id", "text", "reasoning")), {}, []),
    "obfuscation": ({"stream": True, "stream_options": {"include_obfuscation": True}}, {}, []),
    "client": ({"client_metadata": {"a": 1}}, {}, ["client_metadata"]),
}


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_of_it(name: str) -> None:
    asked, chat, dropped = CASES[name]
    call = ask(**asked)
    assert call.chat == {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]} | chat
    assert call.dropped == dropped


REFUSED: dict[str, Any] = {
    "previous_response_id": "resp_1",
    "conversation": {"id": "conv_1"},
    "background": True,
    "prompt": {"id": "pmpt_1"},
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_store_is_refused_by_name(name: str) -> None:
    with pytest.raises(ProxyError) as caught:
        fields.settle(draft(**{name: REFUSED[name]}))
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_PARAMETER, name)
    assert f"'{name}'" in caught.value.message


def test_a_chat_completions_field_is_refused_if_that_is_wanted() -> None:
    with pytest.raises(ProxyError) as caught:
        fields.settle(draft(refuse=True, n=2))
    assert (caught.value.failure, caught.value.param) == (UNKNOWN_PARAMETER, "n")
