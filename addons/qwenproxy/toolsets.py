"""Which tools a request offers, and which of them are ours: the app's own and the proxy's side by side.

| the app's request            | what becomes of it                                                                   |
|------------------------------|--------------------------------------------------------------------------------------|
| no tools, or `auto`          | ours are offered beside the app's                                                    |
| a tool with the name of ours | the app's is offered, ours is not                                                    |
| `tool_choice: none`          | ours are not offered: the app wants words                                            |
| `tool_choice` names a tool   | ours are not offered: that one is to be called, and nothing else                     |
| `tool_choice: required`      | ours may be called first; the choice stays until one of the app's is called, and in  |
|                              | the last round only the app's are offered                                            |
| `allowed_tools`              | as `auto` or `required`, among the allowed ones and ours                             |
| `parallel_tool_calls: false` | of several calls in a message only the first counts, whosever it is                  |
| `n` above 1                  | ours are not offered: each choice would have to go on by itself                      |
| a JSON mode                  | what is said beside calls of ours does not reach the app, and what begins like JSON  |
|                              | is the answer: calls of ours behind it are not run                                   |
| an answer to be gone on with | ours are not offered: calls cannot stand within it (`partial`, Qwen's own)           |
| a limit is reached           | one last round: without ours beside the app's, or with `tool_choice: none`           |
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from qwenproxy.wire.openai import Json


class Toolset(NamedTuple):
    """The request with our tools in it, and their names; none are, for the reason in *note*, if there is one."""

    chat: Json
    ours: frozenset[str]
    note: str = ""


def joined(chat: Json, functions: Sequence[Json]) -> Toolset:
    """*chat* with our tools, *functions*, beside the app's."""
    apps = offered(chat)
    added = [tool for tool in functions if name_of(tool) not in apps]
    if not added:
        return Toolset(chat, frozenset())
    note = next((why for stands_against, why in OBSTACLES if stands_against(chat)), "")
    if note:
        return Toolset(chat, frozenset(), f"tools: the proxy's own are not offered with {note}")
    tools = [*(chat.get("tools") or ()), *added]
    return Toolset(chat | {"tools": tools}, frozenset(map(name_of, added)))


def without(chat: Json, ours: frozenset[str]) -> Json:
    """*chat* without the tools *ours*, and without what can be said of tools only where there are some."""
    if not ours:
        return chat
    tools = [tool for tool in chat.get("tools") or () if name_of(tool) not in ours]
    if tools:
        return chat | {"tools": tools}
    return {name: value for name, value in chat.items() if name not in ("tools", "tool_choice")}


def concluding(chat: Json, ours: frozenset[str]) -> Json:
    """*chat* for the last round: none of *ours* may be called any more.

    They stay where the app has none, as the history speaks of them.
    """
    rest = without(chat, ours)
    return rest if rest.get("tools") else chat | {"tool_choice": "none"}


def offered(chat: Json) -> frozenset[str]:
    """The names of the functions that *chat* offers."""
    return frozenset(name_of(tool) for tool in chat.get("tools") or ())


def forced(chat: Json) -> frozenset[str]:
    """The names of the functions one of which the answer to *chat* has to call; none if it is free."""
    choice = chat.get("tool_choice")
    if isinstance(choice, dict):
        return frozenset([choice["function"]["name"]])
    return offered(chat) if choice == "required" else frozenset()


def wants_json(chat: Json) -> bool:
    """Whether the answer has to be JSON."""
    wanted = chat.get("response_format")
    return isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema")


def name_of(tool: Json) -> str:
    name: str = tool["function"]["name"]
    return name


def is_partial(chat: Json) -> bool:
    """Whether the last message is the beginning of the answer."""
    return chat["messages"][-1].get("partial") is True


OBSTACLES: Sequence[tuple[Callable[[Json], bool], str]] = (
    (lambda chat: (chat.get("n") or 1) > 1, "n above 1"),
    (lambda chat: chat.get("tool_choice") == "none", "tool_choice none"),
    (lambda chat: isinstance(chat.get("tool_choice"), dict), "a tool_choice that names a tool"),
    (is_partial, "an answer to be gone on with"),
)
"""What stands against offering ours, and how it is told."""
