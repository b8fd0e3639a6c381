"""Tools of every kind, as functions."""

from typing import Any, get_args, get_type_hints

import pytest
from openai.types.responses.tool_param import ToolParam

from qwenproxy.endpoints.responses import tools
from qwenproxy.endpoints.responses.tools import Form, Toolbox, flat_name
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_TOOL, ProxyError
from qwenproxy.wire.openai import Json
from tests.endpoints.responses.asking import NOTHING, ask, custom, draft, function

HOSTED = {
    "file_search",
    "computer",
    "computer_use_preview",
    "mcp",
    "code_interpreter",
    "programmatic_tool_calling",
    "image_generation",
}


def toolbox(*offered: Json, refuse: bool = False) -> Toolbox:
    found = Toolbox()
    found.add([("tools", offered)], draft(refuse=refuse))
    return found


def test_every_kind_of_tool_is_known() -> None:
    found: set[str] = set()
    for shape in get_args(ToolParam):
        (kind,) = [get_args(hint) for hint in get_args(get_type_hints(shape, include_extras=True)["type"])] or [()]
        found |= set(kind)
    assert found == tools.MAKERS.keys() | HOSTED | {"namespace"}


GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /a/"}
INPUT: Json = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}

CASES: dict[str, tuple[Json, Json, Form]] = {
    "a function": (
        function("f", description="d", strict=True),
        {"name": "f", "description": "d", "parameters": NOTHING, "strict": True},
        Form("function", "f"),
    ),
    "a function that takes nothing": (
        {"type": "function", "name": "f", "parameters": None, "strict": None},
        {"name": "f", "parameters": NOTHING},
        Form("function", "f"),
    ),
    "a function as chat completions have it": (
        {"type": "function", "function": {"name": "f", "parameters": NOTHING}},
        {"name": "f", "parameters": NOTHING},
        Form("function", "f"),
    ),
    "a custom tool": (
        custom("c", description="d"),
        {"name": "c", "description": "d", "parameters": INPUT},
        Form("custom", "c"),
    ),
    "a custom tool with a grammar": (
        custom("c", format=GRAMMAR),
        {"name": "c", "description": "The input must match this Lark grammar:\nstart: /a/", "parameters": INPUT},
        Form("custom", "c"),
    ),
    "a function of a namespace": (
        {"type": "namespace", "name": "crm", "description": "", "tools": [function("f")]},
        {"name": "crm__f", "parameters": NOTHING, "strict": False},
        Form("function", "f", "crm"),
    ),
    "the namespace that is none": (
        {"type": "namespace", "name": "functions", "description": "", "tools": [custom("c")]},
        {"name": "c", "parameters": INPUT},
        Form("custom", "c"),
    ),
    "a local shell": (
        {"type": "local_shell"},
        tools.OWN["local_shell"] | {"name": "local_shell"},
        Form("local_shell", "local_shell"),
    ),
    "a shell here": (
        {"type": "shell", "environment": {"type": "local"}},
        tools.OWN["shell"] | {"name": "shell"},
        Form("shell", "shell"),
    ),
    "patches": (
        {"type": "apply_patch"},
        tools.OWN["apply_patch"] | {"name": "apply_patch"},
        Form("apply_patch", "apply_patch"),
    ),
    "a search for tools": (
        {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": NOTHING},
        {"name": "tool_search", "description": "Finds.", "parameters": NOTHING},
        Form("tool_search", "tool_search"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_tool_is_a_function(name: str) -> None:
    tool, told, form = CASES[name]
    found = toolbox(tool)
    assert list(found.functions.values()) == [{"type": "function", "function": told}]
    assert found.forms == {told["name"]: form}
    assert found.name_of(form) == told["name"]


@pytest.mark.parametrize(
    "tool",
    [
        *({"type": kind} for kind in sorted(HOSTED)),
        {"type": "tool_search"},
        {"type": "shell", "environment": {"type": "container_auto"}},
        {"type": "of tomorrow\r\n"},
        {"type": "namespace", "name": "n", "description": "", "tools": [{"type": "mcp"}]},
    ],
    ids=lambda tool: str(tool["type"]).strip(),
)
def test_hosted_tools_are_dropped_and_named_or_refused(tool: Json) -> None:
    found = draft()
    Toolbox().add([("tools", [tool])], found)
    (dropped,) = found.dropped
    assert dropped.isprintable()
    assert dropped.startswith("tools.")
    with pytest.raises(ProxyError) as caught:
        toolbox(tool, refuse=True)
    assert caught.value.failure == UNSUPPORTED_TOOL
    assert (caught.value.param or "").endswith("].type")


def test_names_that_a_chat_model_does_not_take_are_changed_and_put_back() -> None:
    forms = [
        Form("function", "a.b"),
        Form("function", "x" * 65),
        Form("function", "f" * 40, "n" * 40),
        Form("custom", "é"),
    ]
    names = [flat_name(form) for form in forms]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 64 and not tools.UNFIT.search(name) for name in names)
    assert flat_name(forms[0]) == names[0]
    assert toolbox(function("a.b")).forms[names[0]] == forms[0]


@pytest.mark.parametrize(
    ("offered", "param"),
    [
        ([function("f"), function("f")], "tools[1].name"),
        ([function("f"), custom("f")], "tools[1].name"),
        (
            [{"type": "namespace", "name": "a", "description": "", "tools": [function("b")]}, function("a__b")],
            "tools[1].name",
        ),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(offered: list[Any], param: str) -> None:
    with pytest.raises(ProxyError) as caught:
        toolbox(*offered)
    assert (caught.value.failure, caught.value.param) == (INVALID_VALUE, param)


def test_a_function_keeps_its_name_beside_a_tool_of_the_same_one() -> None:
    found = toolbox({"type": "shell"}, function("shell"), function("shell_"))
    assert found.forms == {
        "shell": Form("function", "shell"),
        "shell_": Form("function", "shell_"),
        "shell__": Form("shell", "shell"),
    }
    assert found.name_of(Form("shell", "shell")) == "shell__"


def test_a_search_of_the_web_is_no_function() -> None:
    found = toolbox({"type": "web_search", "external_web_access": False})
    assert (found.searches, found.functions) == (True, {})


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ({"type": "function"}, "tools[0].name"),
        ({"type": "function", "name": ""}, "tools[0].name"),
        ({"type": "function", "name": "f", "parameters": []}, "tools[0].parameters"),
        ({"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "x"}}, "tools[0].format.syntax"),
        ({"type": "namespace", "name": "n"}, "tools[0].tools"),
        ({"type": "namespace", "name": "n", "tools": [{"type": "function"}]}, "tools[0].tools[0].name"),
        ({}, "tools[0].type"),
        ("f", "tools[0]"),
    ],
)
def test_a_wrong_tool_is_named(tool: Any, param: str) -> None:
    with pytest.raises(ProxyError) as caught:
        ask(tools=[tool])
    assert caught.value.param == param
