"""Function tools, the choice among them, and names that are not allowed upstream."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.dialects.rulings import rule
from qwenproxy.errors import UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.models import Row
from qwenproxy.naming import resolve
from qwenproxy.plans import PLANS, row_on
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ABLE, AWAKE, PLAIN, RESTLESS, ask, choice, function, ruled, system_text

CITY: Json = {"type": "object", "properties": {"city": {"type": "string"}}}

SCHEMAS: list[tuple[str, Any, Json]] = [
    ("properties without required", CITY, CITY),
    ("null", None, {"type": "object", "properties": {}}),
    ("empty", {}, {"type": "object", "properties": {}}),
    ("without a type", {"properties": CITY["properties"]}, CITY),
    ("a reference", {"$ref": "#/$defs/A", "$defs": {"A": CITY}}, {"$ref": "#/$defs/A", "$defs": {"A": CITY}}),
    ("a choice", {"anyOf": [CITY]}, {"anyOf": [CITY]}),
]


@pytest.mark.parametrize(("schema", "sent"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS])
def test_parameters_are_an_object_schema(schema: Any, sent: Json) -> None:
    tools = ruled(tools=[function(parameters=schema)]).chat["tools"]
    assert tools[0]["function"]["parameters"] == sent


def test_a_tool_without_parameters_gets_an_empty_object() -> None:
    tools = ruled(tools=[{"type": "function", "function": {"name": "now"}}]).chat["tools"]
    assert tools == [
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}
    ]


def test_strict_is_passed_on_unless_it_is_null() -> None:
    tools = ruled(tools=[function("a", strict=True), function("b", strict=None)]).chat["tools"]
    assert [tool["function"].get("strict", "left out") for tool in tools] == [True, "left out"]


def test_marks_for_the_cache_stay_on_tools() -> None:
    tool = {**function(), "cache_control": {"type": "ephemeral"}}
    assert ruled(tools=[tool]).chat["tools"] == [tool]


def test_a_model_that_calls_no_functions_is_offered_none() -> None:
    outcome = ruled(replace(PLAIN, tools=False), tools=[function()], tool_choice="required", parallel_tool_calls=False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(outcome.chat)
    assert outcome.dropped == ("tools",)
    assert not outcome.single_call


def test_no_tools_are_not_an_empty_list() -> None:
    chat = ruled(tools=[], tool_choice="auto", parallel_tool_calls=False).chat
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(chat)


def test_what_is_no_function_is_left_out_and_named() -> None:
    outcome = ruled(tools=[{"type": "web_search"}, function()])
    assert outcome.chat["tools"] == [function()]
    assert outcome.dropped == ("tools[0]",)


@pytest.mark.parametrize("plan", PLANS, ids=[plan.name for plan in PLANS])
def test_the_coder_gets_its_tool_unharmed_on_every_plan(plan: Any) -> None:
    model = resolve("qwen-coder-plus", {}, plan, "", False)
    chat = ask(model=model, tools=[function("write_file", parameters=CITY, description="Writes.")])
    outcome = rule(chat, row_on(model, plan), refuse=True)
    assert outcome.chat == chat
    assert not outcome.dropped
    assert not outcome.changed


@pytest.mark.parametrize(("said", "single"), [(True, False), (False, True), (None, False)], ids=str)
def test_the_wish_for_single_calls_is_passed_on_and_told(said: bool | None, single: bool) -> None:
    outcome = ruled(tools=[function()], parallel_tool_calls=said)
    assert outcome.chat.get("parallel_tool_calls") == said
    assert outcome.single_call == single


FORCEFUL = replace(AWAKE, forced_choice_while_thinking=True)
NO_REQUIRED = replace(ABLE, required_choice=False)
NO_NAMED = replace(ABLE, named_choice=False)
NEITHER = replace(ABLE, required_choice=False, named_choice=False)
ONE, TWO = [function("look")], [function("look"), function("see")]

ALLOWED: Json = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [choice("see")]}}
ALLOWED_ONE: Json = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [choice("look")]}}

CHOICES: list[tuple[str, Row, list[Json], Any, Any]] = [
    ("none", ABLE, TWO, "none", "none"),
    ("auto", ABLE, TWO, "auto", "auto"),
    ("none while thinking", AWAKE, TWO, "none", "none"),
    ("required, several", ABLE, TWO, "required", "required"),
    ("required, one", ABLE, ONE, "required", choice("look")),
    ("required, one, none named", NO_NAMED, ONE, "required", "required"),
    ("required refused, one", NO_REQUIRED, ONE, "required", choice("look")),
    ("named", ABLE, TWO, choice("see"), choice("see")),
    ("named in the Responses form", ABLE, TWO, {"type": "function", "name": "see"}, choice("see")),
    ("named refused, one", NO_NAMED, ONE, choice("look"), "required"),
    ("allowed tools, auto", ABLE, TWO, ALLOWED, "auto"),
    ("allowed tools, required", ABLE, ONE, ALLOWED_ONE, choice("look")),
    ("forced while thinking", FORCEFUL, TWO, "required", "required"),
    ("unknown", ABLE, TWO, {"type": "file_search"}, None),
]


@pytest.mark.parametrize(
    ("row", "tools", "asked", "sent"), [row[1:] for row in CHOICES], ids=[row[0] for row in CHOICES]
)
def test_a_choice_is_said_in_a_form_that_the_model_takes(row: Row, tools: list[Json], asked: Any, sent: Any) -> None:
    outcome = ruled(row, refuse=True, tools=tools, tool_choice=asked)
    assert outcome.chat.get("tool_choice") == sent
    assert not outcome.changed
    assert not system_text(outcome.chat)


ANY, SEE = "Answer by calling one of the tools.", "Answer by calling the tool see."

UNFORCED: list[tuple[str, Row, list[Json], Any, str]] = [
    ("required refused, several", NO_REQUIRED, TWO, "required", ANY),
    ("named refused, several", NO_NAMED, TWO, choice("see"), SEE),
    ("nothing forced is taken", NEITHER, ONE, "required", ANY),
    ("required, always thinking", RESTLESS, TWO, "required", ANY),
    ("named, always thinking", RESTLESS, TWO, choice("see"), SEE),
]


@pytest.mark.parametrize(
    ("row", "tools", "asked", "words"), [row[1:] for row in UNFORCED], ids=[row[0] for row in UNFORCED]
)
def test_a_choice_that_cannot_be_forced_is_asked_for_in_words(
    row: Row, tools: list[Json], asked: Any, words: str
) -> None:
    outcome = ruled(row, tools=tools, tool_choice=asked)
    assert outcome.chat["tool_choice"] == "auto"
    assert system_text(outcome.chat) == words
    assert outcome.changed == ("tool_choice: the model chooses by itself, and is only told to call one",)


@pytest.mark.parametrize(("row", "tools", "asked"), [row[1:4] for row in UNFORCED], ids=[row[0] for row in UNFORCED])
def test_a_choice_that_cannot_be_forced_can_be_refused(row: Row, tools: list[Json], asked: Any) -> None:
    with pytest.raises(ProxyError) as raised:
        ruled(row, refuse=True, tools=tools, tool_choice=asked)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_PARAMETER, "tool_choice")


def test_thinking_is_turned_off_for_a_forced_choice() -> None:
    outcome = ruled(AWAKE, tools=ONE, tool_choice="required", thinking_budget=100)
    assert outcome.chat["enable_thinking"] is False
    assert "thinking_budget" not in outcome.chat
    assert not outcome.stream
    assert "thinking turned off: tool_choice" in outcome.changed


def _call(name: str, made: str = "c1") -> Json:
    return {"id": made, "type": "function", "function": {"name": name, "arguments": "{}"}}


def test_a_reserved_name_is_replaced_everywhere_and_told() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [_call("search"), _call("look", "c2")]},
        {"role": "tool", "tool_call_id": "c1", "content": "x"},
        {"role": "tool", "tool_call_id": "c2", "content": "y"},
    ]
    tools = [function("search"), function("search_")]
    outcome = ruled(messages=messages, tools=tools, tool_choice=choice("search"))
    assert outcome.tool_names == {"search__": "search"}
    assert [tool["function"]["name"] for tool in outcome.chat["tools"]] == ["search__", "search_"]
    assert outcome.chat["tool_choice"] == choice("search__")
    calls = outcome.chat["messages"][1]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["search__", "look"]
    assert outcome.changed == ("tool search -> search__",)


def test_a_required_tool_with_a_reserved_name_is_named_by_its_new_name() -> None:
    outcome = ruled(tools=[function("search")], tool_choice="required")
    assert outcome.chat["tool_choice"] == choice("search_")


def test_no_name_is_replaced_where_none_is_reserved() -> None:
    outcome = ruled(replace(PLAIN, reserved_names=frozenset()), tools=[function("search")])
    assert outcome.chat["tools"] == [function("search")]
    assert outcome.tool_names == {}
