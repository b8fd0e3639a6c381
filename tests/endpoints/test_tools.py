"""Tools and calls of every kind, as the neutral core has them."""

from copy import deepcopy
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from qwenproxy.endpoints.tools import custom_names, to_core
from qwenproxy.endpoints.validation import validate
from qwenproxy.wire.openai import FunctionCall, FunctionTool, Json, ToolMessage
from tests.endpoints.requests import GOOD, HI, allowed, asking, custom, function

INPUT_ONLY = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
NOTHING = {"type": "object", "properties": {}}


def tool(name: str, parameters: Json = NOTHING, **fields: Any) -> Json:
    """A function tool as the core has it."""
    return function(name, parameters=parameters, **fields)


def test_the_core_has_neither_the_stream_nor_its_options() -> None:
    chat = to_core(asking(stream=True, stream_options={"include_usage": True}, temperature=None, enable_thinking=False))
    assert chat == asking(temperature=None, enable_thinking=False)


SCHEMAS = [
    ("left out", {}, NOTHING),
    ("null", {"parameters": None}, NOTHING),
    ("empty", {"parameters": {}}, NOTHING),
    ("without a type", {"parameters": {"properties": {"a": {}}}}, {"type": "object", "properties": {"a": {}}}),
    ("with another type", {"parameters": {"type": "array"}}, {"type": "array"}),
    ("without properties", {"parameters": {"$ref": "#/x"}}, {"$ref": "#/x"}),
    ("whole", {"parameters": NOTHING | {"additionalProperties": False}}, NOTHING | {"additionalProperties": False}),
]


@pytest.mark.parametrize(("given", "told"), [row[1:] for row in SCHEMAS], ids=[row[0] for row in SCHEMAS])
def test_a_schema_is_an_object_and_otherwise_as_it_was(given: Json, told: Json) -> None:
    chat = to_core(asking(tools=[function("f", description="d", strict=True, **given) | {"cache_control": {}}]))
    assert chat["tools"] == [tool("f", told, description="d", strict=True) | {"cache_control": {}}]


LARK = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /a+/"}}
REGEX = {"type": "grammar", "grammar": {"syntax": "regex", "definition": "a+"}}
CUSTOM: list[tuple[str, Json, str | None]] = [
    ("bare", {}, None),
    ("text", {"description": "Runs it.", "format": {"type": "text"}}, "Runs it."),
    ("nulls", {"description": None, "format": None}, None),
    ("lark", {"format": LARK}, "The input must match this Lark grammar:\nstart: /a+/"),
    (
        "regex",
        {"description": "Runs it.", "format": REGEX},
        "Runs it.\n\nThe input must match this regular expression:\na+",
    ),
]


@pytest.mark.parametrize(("given", "description"), [row[1:] for row in CUSTOM], ids=[row[0] for row in CUSTOM])
def test_a_custom_tool_is_a_function_of_one_string(given: Json, description: str | None) -> None:
    asked = asking(tools=[custom("run", **given), function("f")])
    told = {} if description is None else {"description": description}
    assert to_core(asked)["tools"] == [tool("run", INPUT_ONLY, **told), tool("f")]
    assert custom_names(asked) == {"run"}


TOOLS = [function("f"), custom("c"), function("g")]
CHOICES: list[tuple[Any, list[str], Any]] = [
    (None, ["f", "c", "g"], None),
    ("none", ["f", "c", "g"], "none"),
    ("auto", ["f", "c", "g"], "auto"),
    ("required", ["f", "c", "g"], "required"),
    (function("g"), ["f", "c", "g"], function("g")),
    (custom("c"), ["f", "c", "g"], function("c")),
    (allowed(function("g"), custom("c")), ["c", "g"], "auto"),
    (allowed(function("f"), mode="required"), ["f"], "required"),
]


@pytest.mark.parametrize(("choice", "names", "told"), CHOICES)
def test_a_choice_is_among_functions(choice: Any, names: list[str], told: Any) -> None:
    chat = to_core(asking(tools=TOOLS, tool_choice=choice))
    assert [tool["function"]["name"] for tool in chat["tools"]] == names
    assert chat.get("tool_choice") == told


@pytest.mark.parametrize("tools", [{}, {"tools": None}, {"tools": []}, {"functions": []}])
def test_without_tools_there_is_no_choice_either(tools: Json) -> None:
    assert to_core(asking(tool_choice="auto", function_call="none", **tools)) == asking()


FORMER = [(None, None), ("none", "none"), ("auto", "auto"), ({"name": "f"}, function("f"))]


@pytest.mark.parametrize(("call", "choice"), FORMER)
def test_the_former_functions_are_tools(call: Any, choice: Any) -> None:
    chat = to_core(asking(functions=[{"name": "f", "parameters": NOTHING}, {"name": "g"}], function_call=call))
    expected = asking(tools=[tool("f"), tool("g")])
    assert chat == (expected if choice is None else expected | {"tool_choice": choice})


def test_former_calls_and_their_results_are_joined_by_an_id() -> None:
    def called(name: str) -> Json:
        return {"role": "assistant", "content": None, "function_call": {"name": name, "arguments": "{}"}}

    messages = to_core(
        asking(
            HI,
            called("f"),
            {"role": "function", "name": "f", "content": "1"},
            called("g"),
            {"role": "function", "name": "g", "content": None},
            called("f"),
            {"role": "function", "name": "f", "content": "3"},
        )
    )["messages"]
    ids = [message["tool_calls"][0]["id"] for message in messages[1::2]]
    assert messages[0] == HI
    assert messages[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": ids[0], **function("f", arguments="{}")}],
    }
    assert messages[2::2] == [
        {"role": "tool", "tool_call_id": ids[0], "content": "1"},
        {"role": "tool", "tool_call_id": ids[1], "content": ""},
        {"role": "tool", "tool_call_id": ids[2], "content": "3"},
    ]
    assert len(set(ids)) == 3


def test_a_former_result_without_its_call_has_an_id_of_its_own() -> None:
    messages = to_core(asking({"role": "function", "name": "f", "content": "1"}, HI))["messages"]
    assert messages[0]["role"] == "tool"
    assert messages[0]["tool_call_id"]


def test_an_earlier_custom_call_is_a_call_of_its_function() -> None:
    call = {"id": "a", **custom("run", input='say "hi"\n')}
    other = {"id": "b", **function("f", arguments="{}")}
    answer = {"role": "assistant", "content": "", "reasoning_content": "Hm.", "tool_calls": [call, other]}
    arguments = r'{"input":"say \"hi\"\n"}'
    assert to_core(asking(HI, answer))["messages"][1] == answer | {
        "tool_calls": [{"id": "a", **function("run", arguments=arguments)}, other]
    }


@pytest.mark.parametrize("none", [{"tool_calls": None}, {"tool_calls": []}, {"function_call": None}])
def test_no_calls_are_no_field(none: Json) -> None:
    answer = {"role": "assistant", "content": "x", "refusal": None}
    assert to_core(asking(answer | none))["messages"] == [answer]


@pytest.mark.parametrize("asked", GOOD.values(), ids=GOOD)
def test_every_core_is_a_request_of_function_tools_only(asked: Json) -> None:
    before = deepcopy(asked)
    chat = to_core(asked)
    assert asked == before
    assert validate(orjson.dumps(chat)) == chat
    TypeAdapter(list[FunctionTool]).validate_python(chat.get("tools", []))
    for message in chat["messages"]:
        TypeAdapter(list[FunctionCall]).validate_python(message.get("tool_calls", []))
        assert message["role"] != "function"
        if message["role"] == "tool":
            TypeAdapter(ToolMessage).validate_python(message)
    assert not {"functions", "function_call", "stream", "stream_options"} & chat.keys()
