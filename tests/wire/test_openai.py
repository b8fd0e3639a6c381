"""The request shapes against the `openai` package's own."""

from typing import Any, get_type_hints

import pytest
from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionCustomToolParam,
    ChatCompletionFunctionMessageParam,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageCustomToolCallParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionStreamOptionsParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
    completion_create_params,
)
from openai.types.shared_params import FunctionDefinition
from openai.types.shared_params.response_format_json_schema import JSONSchema
from pydantic import TypeAdapter

from qwenproxy.wire import openai

OUR_OWN = {"reasoning_content"}
"""Fields of other vendors that have a shape of ours."""


def fields(shape: Any) -> set[str]:
    return set(get_type_hints(shape))


def test_every_field_of_a_request_has_a_shape() -> None:
    sdk = fields(completion_create_params.CompletionCreateParamsBase) | {"stream"}
    assert fields(openai.ChatRequest) == sdk


@pytest.mark.parametrize(
    ("ours", "sdk"),
    [
        (openai.SystemMessage, ChatCompletionSystemMessageParam),
        (openai.UserMessage, ChatCompletionUserMessageParam),
        (openai.AssistantMessage, ChatCompletionAssistantMessageParam),
        (openai.ToolMessage, ChatCompletionToolMessageParam),
        (openai.FunctionMessage, ChatCompletionFunctionMessageParam),
        (openai.FunctionCall, ChatCompletionMessageFunctionToolCallParam),
        (openai.CustomCall, ChatCompletionMessageCustomToolCallParam),
        (openai.FunctionTool, ChatCompletionFunctionToolParam),
        (openai.CustomTool, ChatCompletionCustomToolParam),
        (openai.FunctionDefinition, FunctionDefinition),
        (openai.JsonSchema, JSONSchema),
        (openai.StreamOptions, ChatCompletionStreamOptionsParam),
    ],
)
def test_a_shape_has_the_fields_of_its_sdk_type(ours: type, sdk: type) -> None:
    assert fields(ours) - OUR_OWN == fields(sdk)


def test_unknown_fields_are_kept_at_every_level() -> None:
    request = {
        "model": "qwen3.7-plus",
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {}}], "x": 1}],
        "tools": [{"type": "function", "function": {"name": "f", "x": 1}, "x": 1}],
        "enable_thinking": True,
    }
    assert TypeAdapter(openai.ChatRequest).validate_python(request) == request
