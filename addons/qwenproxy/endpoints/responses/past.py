"""Earlier calls of the tools that an app carries out itself, and what they gave, in the words of functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from qwenproxy.wire.openai import Json


class Called(NamedTuple):
    """The tool that an item calls, and the arguments that the item has for it."""

    tool: str
    arguments: Callable[[Json], Any]


def last_call(messages: Sequence[Json]) -> str:
    """The id of the last call, for a result that does not say whose it is; "" if there was none."""
    return next((call["id"] for m in reversed(messages) for call in reversed(m.get("tool_calls", ()))), "")


def told(action: Json, names: Sequence[str]) -> Json:
    """What *action* says of *names*."""
    return {name: action[name] for name in names if action.get(name) is not None}


def _local_shell(item: Json) -> Json:
    return told(item["action"], ("command", "working_directory", "timeout_ms"))


def _shell(item: Json) -> Json:
    return told(item["action"], ("commands", "timeout_ms", "max_output_length"))


def _search(item: Json) -> Any:
    arguments = item["arguments"]
    return arguments if isinstance(arguments, dict) else {"query": str(arguments)}


def _text(item: Json) -> str:
    return str(item["output"])


def _shell_text(item: Json) -> str:
    """The output of shell commands, as JSON: all that a model needs is in it, and it knows the shape."""
    output = item["output"]
    return output if isinstance(output, str) else orjson.dumps(output).decode()


def _patch_text(item: Json) -> str:
    return "\n".join(text for text in (item.get("status"), item.get("output")) if text) or "completed"


def _found(item: Json) -> str:
    return orjson.dumps({"tools": [told(tool, ("name", "description")) for tool in item["tools"]]}).decode()


CALLS: Mapping[str, Called] = {
    "local_shell_call": Called("local_shell", _local_shell),
    "shell_call": Called("shell", _shell),
    "apply_patch_call": Called("apply_patch", lambda item: item["operation"]),
    "tool_search_call": Called("tool_search", _search),
}
"""The kinds of calls."""

RESULTS: Mapping[str, Callable[[Json], str]] = {
    "local_shell_call_output": _text,
    "shell_call_output": _shell_text,
    "apply_patch_call_output": _patch_text,
    "tool_search_output": _found,
}
"""The kinds of results."""

UNNAMED = frozenset({"local_shell_call_output", "tool_search_output"})
"""The kinds whose call goes by the item's own id, or by none."""
