"""`tool_choice`, in all its forms."""

from typing import Any

import pytest

from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_TOOL, Failure, ProxyError
from qwenproxy.wire.openai import Json
from tests.endpoints.responses.asking import ask, custom, function

TOOLS: list[Json] = [
    function("f"),
    custom("c"),
    {"type": "namespace", "name": "ns", "description": "", "tools": [function("g")]},
    {"type": "apply_patch"},
]
SEARCH: Json = {"type": "web_search"}
ALL = ["f", "c", "ns__g", "apply_patch"]


def named(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def allowed(*tools: Json, mode: str = "auto") -> Json:
    return {"type": "allowed_tools", "mode": mode, "tools": list(tools)}


CASES: dict[str, tuple[Any, list[str], Any]] = {
    "nothing said": (None, ALL, None),
    "auto": ("auto", ALL, "auto"),
    "none": ("none", ALL, "none"),
    "required": ("required", ALL, "required"),
    "a function": ({"type": "function", "name": "f"}, ALL, named("f")),
    "a function, nested": ({"type": "function", "function": {"name": "f"}}, ALL, named("f")),
    "a function of a namespace": ({"type": "function", "name": "g"}, ALL, named("ns__g")),
    "the same by both names": ({"type": "function", "name": "ns__g"}, ALL, named("ns__g")),
    "a custom tool": ({"type": "custom", "name": "c"}, ALL, named("c")),
    "a tool of the app": ({"type": "apply_patch"}, ALL, named("apply_patch")),
    "some": (allowed({"type": "function", "name": "f"}, {"type": "custom", "name": "c"}), ["f", "c"], "auto"),
    "some, demanded": (allowed({"type": "function", "name": "f"}, mode="required"), ["f"], "required"),
    "some, nested": (
        {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named("f")]}},
        ["f"],
        "auto",
    ),
    "a whole namespace": (allowed({"type": "namespace", "name": "ns"}), ["ns__g"], "auto"),
    "some that nobody has": (allowed({"type": "mcp", "server_label": "x"}), [], None),
}


@pytest.mark.parametrize("name", CASES)
def test_a_choice_is_as_chat_completions_have_it(name: str) -> None:
    choice, names, told = CASES[name]
    chat = ask(tools=TOOLS, tool_choice=choice).chat
    assert [tool["function"]["name"] for tool in chat.get("tools", ())] == names
    assert chat.get("tool_choice") == told


REFUSED: dict[str, tuple[list[Json], Any, Failure, str]] = {
    "a word": (TOOLS, "always", INVALID_VALUE, "tool_choice"),
    "a function that is not there": (TOOLS, {"type": "function", "name": "x"}, INVALID_VALUE, "tool_choice"),
    "a function for a custom tool": (TOOLS, {"type": "function", "name": "c"}, INVALID_VALUE, "tool_choice"),
    "a tool that is not there": (TOOLS, {"type": "shell"}, INVALID_VALUE, "tool_choice"),
    "any of none": ([], "required", INVALID_VALUE, "tool_choice"),
    "any of hosted ones": ([{"type": "mcp"}], "required", INVALID_VALUE, "tool_choice"),
    "any of some that nobody has": (TOOLS, allowed({"type": "mcp"}, mode="required"), INVALID_VALUE, "tool_choice"),
    "a hosted one": ([{"type": "file_search"}], {"type": "file_search"}, UNSUPPORTED_TOOL, "tool_choice.type"),
    "a search that is not offered": (TOOLS, {"type": "web_search"}, UNSUPPORTED_TOOL, "tool_choice.type"),
    "a search beside functions": ([*TOOLS, SEARCH], {"type": "web_search"}, UNSUPPORTED_TOOL, "tool_choice.type"),
    "nothing": (TOOLS, {}, UNSUPPORTED_TOOL, "tool_choice.type"),
    "some in a wrong mode": (TOOLS, allowed(mode="none"), INVALID_VALUE, "tool_choice.mode"),
    "some in no list": (TOOLS, {"type": "allowed_tools", "mode": "auto"}, INVALID_VALUE, "tool_choice.tools"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_choice_that_cannot_be_made_is_refused(name: str) -> None:
    tools, choice, failure, param = REFUSED[name]
    with pytest.raises(ProxyError) as caught:
        ask(tools=tools, tool_choice=choice)
    assert (caught.value.failure, caught.value.param) == (failure, param)


@pytest.mark.parametrize(
    ("tools", "choice", "fields", "dropped"),
    [
        ([SEARCH], None, {"enable_search": True}, []),
        ([SEARCH], "none", {}, []),
        ([SEARCH], "required", {"web_search_options": {}}, []),
        ([SEARCH], {"type": "web_search_preview"}, {"web_search_options": {}}, []),
        ([SEARCH, function("f")], None, {}, ["tools.web_search"]),
        ([SEARCH, function("f")], allowed({"type": "web_search"}), {"enable_search": True}, []),
        ([SEARCH, function("f")], allowed({"type": "function", "name": "f"}), {}, []),
    ],
)
def test_the_web_is_searched_where_nothing_else_can_be_called(
    tools: list[Json], choice: Any, fields: Json, dropped: list[str]
) -> None:
    call = ask(tools=tools, tool_choice=choice)
    found = {name: call.chat[name] for name in ("enable_search", "web_search_options") if name in call.chat}
    assert (found, call.dropped) == (fields, dropped)
