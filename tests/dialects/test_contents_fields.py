"""Every field of a request in the contents format: said, needless, or not to be said for a reason."""

from typing import Any

import pytest

from qwenproxy.dialects.contents_fields import (
    NEEDLESS,
    NUMBERS,
    OTHERS,
    REASONS,
    Unsaid,
    generation_config,
    param,
    tools,
)
from qwenproxy.dialects.rulings import TABLE, rule
from qwenproxy.errors import UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ABLE, AWAKE, PLAIN, RESTLESS, ask, choice, function

SETTLED = {"stream", "stream_options", "functions", "function_call", "thinking", "web_search_options"}
"""Never in a ruled request: said otherwise there, or by the call itself."""
DROPPED = {name for name, ruling in TABLE.items() if ruling.kind == "dropped"}
OLDER = Row(schema_as_is=False)


def test_every_field_of_the_rulings_has_its_place() -> None:
    places = [set(NUMBERS), set(OTHERS), set(NEEDLESS), set(REASONS), SETTLED, DROPPED]
    assert set().union(*places) == set(TABLE)
    assert sum(map(len, places)) == len(TABLE), "and only one"


def test_what_cannot_be_said_has_a_reason() -> None:
    unsaid = Unsaid()
    assert set(unsaid) == set(REASONS)
    assert len(unsaid) == len(REASONS)
    assert all(unsaid.values())


@pytest.mark.parametrize("name", [*NUMBERS, *OTHERS, *NEEDLESS])
def test_what_can_be_said_is_said(name: str) -> None:
    assert name not in Unsaid()


def test_fields_that_nobody_knows_are_dropped_by_name() -> None:
    """A self-hosted server's own extras have no place here."""
    row = Row(extras=True)
    ruled = rule(ask(guided_regex="x", repetition_penalty=1.1, top_k=3), row, refuse=False, unsaid=Unsaid())
    assert ruled.dropped == ("guided_regex", "repetition_penalty")
    assert "guided_regex" not in ruled.chat
    assert ruled.chat["top_k"] == 3


def test_fields_that_cannot_be_said_are_refused_where_that_is_set() -> None:
    with pytest.raises(ProxyError) as refused:
        rule(ask(repetition_penalty=1.1), Row(), refuse=True, unsaid=Unsaid())
    assert refused.value.failure is UNSUPPORTED_PARAMETER
    assert REASONS["repetition_penalty"] in refused.value.message


def test_marks_for_a_cache_that_the_format_has_not_are_named_and_none_are_added() -> None:
    said = [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]
    marked = ask(messages=[{"role": "user", "content": said}])
    assert rule(marked, Row(), refuse=True, unsaid=Unsaid(), cache_markers=True).dropped == ("cache_control",)
    plain = rule(ask(), Row(), refuse=True, unsaid=Unsaid(), cache_markers=True)
    assert (plain.dropped, plain.chat["messages"]) == ((), ask()["messages"])


def test_one_call_at_a_time_is_no_reason_to_refuse() -> None:
    asked = ask(tools=[function()], parallel_tool_calls=False)
    ruled = rule(asked, Row(), refuse=True, unsaid=Unsaid())
    assert ruled.single_call


CONFIGS: list[tuple[str, Json, Json]] = [
    ("nothing", {}, {}),
    (
        "sampling",
        {"temperature": 0.3, "top_p": 0.9, "top_k": 20, "seed": 7, "presence_penalty": 0, "frequency_penalty": 1},
        {"temperature": 0.3, "topP": 0.9, "topK": 20, "seed": 7, "presencePenalty": 0, "frequencyPenalty": 1},
    ),
    ("null", {"top_k": None}, {}),
    ("length", {"max_tokens": 512}, {"maxOutputTokens": 512}),
    ("length, thoughts counted", {"max_completion_tokens": 512}, {"maxOutputTokens": 512}),
    ("choices", {"n": 3}, {"candidateCount": 3}),
    ("an end", {"stop": "END"}, {"stopSequences": ["END"]}),
    ("ends", {"stop": ["a", "b"]}, {"stopSequences": ["a", "b"]}),
    ("log probabilities", {"logprobs": True, "top_logprobs": 2}, {"responseLogprobs": True, "logprobs": 2}),
    ("closer looks", {"vl_high_resolution_images": True}, {"mediaResolution": "MEDIA_RESOLUTION_HIGH"}),
    ("no closer looks", {"vl_high_resolution_images": False}, {}),
    ("text", {"response_format": {"type": "text"}}, {}),
    ("JSON", {"response_format": {"type": "json_object"}}, {"responseMimeType": "application/json"}),
]


@pytest.mark.parametrize(("chat", "config"), [row[1:] for row in CONFIGS], ids=[row[0] for row in CONFIGS])
def test_a_field_has_its_name_in_the_generation_config(chat: Json, config: Json) -> None:
    assert generation_config(chat, PLAIN) == config


FORMAT: Json = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array", "items": {}}}}


def test_a_schema_is_sent_as_it_is_or_in_the_formats_own_words() -> None:
    schema = FORMAT["json_schema"]["schema"]
    sent = {"responseMimeType": "application/json"}
    assert generation_config({"response_format": FORMAT}, Row()) == {**sent, "responseJsonSchema": schema}
    assert generation_config({"response_format": FORMAT}, OLDER) == {
        **sent,
        "responseSchema": {"type": "ARRAY", "items": {"type": "STRING"}},
    }


def test_a_format_without_a_schema_is_json() -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "a"}}
    assert generation_config({"response_format": wanted}, Row()) == {"responseMimeType": "application/json"}


SHOWN: Json = {"includeThoughts": True}
THINKING: list[tuple[str, Json, Row, Json | None]] = [
    ("nothing said to a model that cannot", {}, PLAIN, None),
    ("nothing said to a model that does not", {}, ABLE, None),
    ("nothing said to a model that does", {}, AWAKE, SHOWN),
    ("nothing said to a model that must", {}, RESTLESS, SHOWN),
    ("on", {"enable_thinking": True}, ABLE, {**SHOWN, "thinkingBudget": -1}),
    ("off", {"enable_thinking": False}, AWAKE, {"includeThoughts": False, "thinkingBudget": 0}),
    ("a budget", {"enable_thinking": True, "thinking_budget": 2048}, ABLE, {**SHOWN, "thinkingBudget": 2048}),
    ("an effort", {"enable_thinking": True, "reasoning_effort": "low"}, AWAKE, {**SHOWN, "thinkingLevel": "LOW"}),
    ("a middling effort", {"reasoning_effort": "medium"}, AWAKE, {**SHOWN, "thinkingLevel": "MEDIUM"}),
    ("a great effort", {"reasoning_effort": "xhigh"}, AWAKE, {**SHOWN, "thinkingLevel": "HIGH"}),
]


@pytest.mark.parametrize(("chat", "row", "config"), [row[1:] for row in THINKING], ids=[row[0] for row in THINKING])
def test_thinking_is_asked_for_and_shown(chat: Json, row: Row, config: Json | None) -> None:
    assert generation_config(chat, row).get("thinkingConfig") == config


SCHEMA: Json = {"type": "object", "properties": {"a": {"type": ["string", "null"]}}, "additionalProperties": False}


def declared(row: Row, **more: Any) -> Any:
    return tools({"tools": [function(**more)]}, row)["tools"][0]["functionDeclarations"][0]


def test_functions_are_declared_with_json_schema() -> None:
    told = declared(Row(), parameters=SCHEMA, description="d", strict=True)
    assert told == {"name": "look", "description": "d", "parametersJsonSchema": SCHEMA}


def test_functions_are_declared_in_the_formats_own_words_where_that_is_all_it_takes() -> None:
    told = declared(OLDER, parameters=SCHEMA, description=None)
    own = {"type": "OBJECT", "properties": {"a": {"type": "STRING", "nullable": True}}}
    assert told == {"name": "look", "parameters": own}


def test_a_function_without_parameters_has_none_there() -> None:
    """An OBJECT without properties is refused."""
    assert declared(OLDER) == {"name": "look"}


CHOICES: list[tuple[Any, Json | None]] = [
    (None, None),
    ("auto", {"mode": "AUTO"}),
    ("none", {"mode": "NONE"}),
    ("required", {"mode": "ANY"}),
    (choice("look"), {"mode": "ANY", "allowedFunctionNames": ["look"]}),
]


@pytest.mark.parametrize(("value", "config"), CHOICES, ids=lambda value: str(value)[:20])
def test_the_choice_among_tools_is_a_mode(value: Any, config: Json | None) -> None:
    said = tools({"tools": [function()], "tool_choice": value}, Row())
    assert said.get("toolConfig") == ({"functionCallingConfig": config} if config else None)


def test_without_tools_nothing_is_said_of_them() -> None:
    assert tools({"tool_choice": "auto"}, Row()) == {}


FIELDS: list[tuple[str | None, str | None]] = [
    (None, None),
    ("contents[2].parts[0]", "messages"),
    ("system_instruction", "messages"),
    ("tools[0].function_declarations[5].parameters", "tools"),
    ("tool_config.function_calling_config", "tool_choice"),
    ("generation_config.max_output_tokens", "max_tokens"),
    ("generationConfig.topP", "top_p"),
    ("GenerateContentRequest.generation_config.temperature", "temperature"),
    ("generation_config.response_schema", "response_format"),
    ("generation_config.thinking_config.thinking_budget", "reasoning_effort"),
    ("tool_choice", "tool_choice"),
    ("max_tokens", "max_tokens"),
    ("something", "something"),
]


@pytest.mark.parametrize(("field", "name"), FIELDS, ids=lambda value: str(value))
def test_the_field_at_fault_is_named_as_the_app_knows_it(field: str | None, name: str | None) -> None:
    assert param(field) == name
