"""What an app says about tools -> the neutral core, which knows function tools only.

Custom tools become functions of one string, the deprecated `functions` and `function_call` tools and a choice, and
`allowed_tools` a shorter list; calls in the history likewise.  How the answer is said back is in `calls`.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from qwenproxy.wire.openai import Json

INPUT = "input"
"""The one parameter of a function that stands for a custom tool."""

SYNTAX = {"lark": "Lark grammar", "regex": "regular expression"}

REWRITTEN = frozenset({"stream", "stream_options", "messages", "tools", "tool_choice", "functions", "function_call"})
CALLS = frozenset({"tool_calls", "function_call"})


def to_core(asked: Json) -> Json:
    """The chat request for the checked request *asked*, without `stream` and `stream_options`."""
    chat = {name: value for name, value in asked.items() if name not in REWRITTEN}
    chat["messages"] = history(asked["messages"])
    tools = asked.get("tools") or [{"type": "function", "function": f} for f in asked.get("functions") or ()]
    choice = asked.get("tool_choice") if asked.get("tools") else former_choice(asked.get("function_call"))
    if not tools:
        return chat
    if isinstance(choice, dict):
        tools, choice = chosen(tools, choice)
    chat["tools"] = [function_tool(tool) for tool in tools]
    if choice is not None:
        chat["tool_choice"] = choice
    return chat


def custom_names(asked: Json) -> frozenset[str]:
    """The names of the custom tools that *asked* offers."""
    return frozenset(tool["custom"]["name"] for tool in asked.get("tools") or () if tool["type"] == "custom")


def former_choice(call: Any) -> Any:
    """The deprecated `function_call` as a `tool_choice`."""
    return {"type": "function", "function": call} if isinstance(call, dict) else call


def chosen(tools: Sequence[Json], choice: Json) -> tuple[Sequence[Json], Any]:
    """The tools that *choice* leaves, and the choice among them."""
    if choice["type"] == "allowed_tools":
        allowed = choice["allowed_tools"]
        names = {name_of(tool) for tool in allowed["tools"]}
        return [tool for tool in tools if name_of(tool) in names], allowed["mode"]
    return tools, {"type": "function", "function": {"name": name_of(choice)}}


def name_of(tool: Json) -> str:
    name: str = tool[tool["type"]]["name"]
    return name


def function_tool(tool: Json) -> Json:
    """*tool* as a function tool whose schema is an object's; all else in it stays."""
    if tool["type"] == "custom":
        return {"type": "function", "function": function_of(tool["custom"])}
    function = tool["function"]
    schema = function.get("parameters")
    if not schema:
        return tool | {"function": function | {"parameters": {"type": "object", "properties": {}}}}
    if "properties" in schema and "type" not in schema:
        return tool | {"function": function | {"parameters": {"type": "object"} | schema}}
    return tool


def function_of(custom: Json) -> Json:
    """The function that stands for the custom tool *custom*; a grammar is told in its description."""
    told = [custom["description"]] if custom.get("description") else []
    if grammar := (custom.get("format") or {}).get("grammar"):
        told.append(f"The {INPUT} must match this {SYNTAX[grammar['syntax']]}:\n{grammar['definition']}")
    function: Json = {"name": custom["name"]}
    if told:
        function["description"] = "\n\n".join(told)
    schema = {"type": "object", "properties": {INPUT: {"type": "string"}}, "required": [INPUT]}
    return function | {"parameters": schema}


def history(messages: list[Json]) -> list[Json]:
    """*messages* with function calls only, and their results by id."""
    waiting: dict[str, str] = {}
    return [message_of(message, place, waiting) for place, message in enumerate(messages)]


def message_of(message: Json, place: int, waiting: dict[str, str]) -> Json:
    """*message*, the one at *place*; *waiting* has the ids of deprecated calls that wait for their result, by name."""
    if message["role"] == "function":
        name = message["name"]
        kept = {field: value for field, value in message.items() if field != "name"}
        content = message["content"] or ""
        return kept | {"role": "tool", "tool_call_id": waiting.pop(name, call_id(place)), "content": content}
    if message["role"] == "assistant" and not CALLS.isdisjoint(message):
        return caller(message, place, waiting)
    return message


def caller(message: Json, place: int, waiting: dict[str, str]) -> Json:
    """An earlier answer with calls, as `message_of`."""
    calls = [function_call(call) for call in message.get("tool_calls") or ()]
    if (former := message.get("function_call")) is not None:
        waiting[former["name"]] = call_id(place)
        calls.append({"id": call_id(place), "type": "function", "function": former})
    kept = {field: value for field, value in message.items() if field not in CALLS}
    return kept | {"tool_calls": calls} if calls else kept


def function_call(call: Json) -> Json:
    """An earlier call, of a custom tool or a function, as a function's."""
    if call["type"] != "custom":
        return call
    arguments = orjson.dumps({INPUT: call["custom"]["input"]}).decode()
    function = {"name": call["custom"]["name"], "arguments": arguments}
    return {"id": call["id"], "type": "function", "function": function}


def call_id(place: int) -> str:
    """An id for the deprecated call in the message at *place*: the same each time that the history is sent."""
    return f"call_{place:024d}"
