"""Function tools and the choice among them, within what a model's row takes."""

from collections.abc import Mapping
from typing import Any

from qwenproxy.dialects.draft import Draft
from qwenproxy.dialects.thinking import stop
from qwenproxy.wire.openai import Json

NO_PARAMETERS: Json = {"type": "object", "properties": {}}
SHAPES = ("type", "$ref", "anyOf", "oneOf", "allOf")
"""Keywords one of which says what a schema describes."""


def settle(draft: Draft) -> None:
    """Writes `tools`, `tool_choice` and `parallel_tool_calls`; without tools, none of them."""
    tools = [tool for tool in _plain(draft) if tool is not None]
    if tools and not draft.row.tools:
        draft.drop("tools", "the model calls no functions")
    if not tools or not draft.row.tools:
        return
    _rename(draft, tools)
    draft.chat["tools"] = tools
    parallel = draft.asked.get("parallel_tool_calls")
    if isinstance(parallel, bool):
        draft.chat["parallel_tool_calls"] = parallel
        draft.single_call = not parallel
    _choose(draft, _choice(draft.asked.get("tool_choice")))


def _plain(draft: Draft) -> list[Json | None]:
    return [_function_tool(draft, place, tool) for place, tool in enumerate(draft.asked.get("tools") or ())]


def _function_tool(draft: Draft, place: int, tool: Json) -> Json | None:
    """A tool with an object schema; None for what is no function, which the service refuses."""
    function = tool.get("function")
    if not isinstance(function, dict):
        draft.drop(f"tools[{place}]", "only functions can be offered to the model")
        return None
    kept = {key: value for key, value in function.items() if key != "strict" or value is not None}
    return {**tool, "function": {**kept, "parameters": _schema(function.get("parameters"))}}


def _schema(parameters: Any) -> Json:
    if not isinstance(parameters, dict) or not parameters:
        return dict(NO_PARAMETERS)
    return parameters if any(key in parameters for key in SHAPES) else {"type": "object", **parameters}


def _rename(draft: Draft, tools: list[Json]) -> None:
    """Gives functions with a reserved name another one, in the tools and in the history."""
    taken = {tool["function"].get("name") for tool in tools}
    for name in sorted(taken & draft.row.reserved_names):
        other = f"{name}_"
        while other in taken:
            other += "_"
        draft.tool_names[other] = name
        draft.note(f"tool {name} -> {other}")
    if not draft.tool_names:
        return
    upstream = {name: other for other, name in draft.tool_names.items()}
    tools[:] = [_named(tool, upstream) for tool in tools]
    draft.chat["messages"] = [_renamed(message, upstream) for message in draft.chat.get("messages", ())]


def _renamed(message: Json, names: Mapping[str, str]) -> Json:
    calls = message.get("tool_calls")
    return {**message, "tool_calls": [_named(call, names) for call in calls]} if calls else message


def _named(holder: Json, names: Mapping[str, str]) -> Json:
    """A tool, a call or a choice whose function has its name in *names*."""
    function = holder.get("function")
    if not isinstance(function, dict) or function.get("name") not in names:
        return holder
    return {**holder, "function": {**function, "name": names[function["name"]]}}


def _choice(value: Any) -> str | Json | None:
    """`tool_choice` as a word or as a named function, whichever of OpenAI's forms it has."""
    if not isinstance(value, dict):
        return value if value in ("none", "auto", "required") else None
    if value.get("type") == "allowed_tools":
        allowed = value.get("allowed_tools")
        return _choice((allowed if isinstance(allowed, dict) else value).get("mode"))
    function = value.get("function")
    name = (function if isinstance(function, dict) else value).get("name")
    return _function(name) if isinstance(name, str) else None


def _function(name: str) -> Json:
    return {"type": "function", "function": {"name": name}}


def _choose(draft: Draft, choice: str | Json | None) -> None:
    if choice is None:
        return
    if choice not in ("none", "auto"):
        choice = _forced(draft, choice)
    upstream = {name: other for other, name in draft.tool_names.items()}
    draft.chat["tool_choice"] = _named(choice, upstream) if isinstance(choice, dict) else choice


def _forced(draft: Draft, choice: str | Json) -> str | Json:
    """A forced choice in a form that the model takes; "auto" and a sentence in the system message if there is none."""
    row, tools = draft.row, draft.chat["tools"]
    if choice == "required" and len(tools) == 1 and row.named_choice:
        choice = _function(tools[0]["function"]["name"])
    elif isinstance(choice, dict) and not row.named_choice and len(tools) == 1:
        choice = "required"
    taken = row.named_choice if isinstance(choice, dict) else row.required_choice
    if taken and (row.forced_choice_while_thinking or stop(draft, "tool_choice")):
        return choice
    draft.weaken("tool_choice", "the model chooses by itself, and is only told to call one")
    draft.asides.append(_order(choice))
    return "auto"


def _order(choice: str | Json) -> str:
    if isinstance(choice, dict):
        return f"Answer by calling the tool {choice['function']['name']}."
    return "Answer by calling one of the tools."
