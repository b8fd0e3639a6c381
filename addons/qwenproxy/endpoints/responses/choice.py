"""`tool_choice` in all its forms -> what the model may call, and whether it has to."""

from collections.abc import Iterator

from qwenproxy.endpoints.responses.draft import Draft
from qwenproxy.endpoints.responses.tools import OWN, Toolbox
from qwenproxy.endpoints.validation import shown
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_TOOL, Failure, ProxyError
from qwenproxy.wire.openai import Json

MODES = ("none", "auto", "required")


def settle(draft: Draft, toolbox: Toolbox) -> None:
    """Writes `tools`, `tool_choice` and the search of the web.  Raises ProxyError for a choice that nothing fits."""
    names = list(toolbox.functions)
    choice = draft.asked.get("tool_choice")
    if isinstance(choice, dict):
        names, choice = _chosen(choice, toolbox)
    elif choice is not None and choice not in MODES:
        raise _refused(INVALID_VALUE, "tool_choice", f"must be one of 'none', 'auto', 'required', not {shown(choice)}")
    if choice == "required" and not names and not toolbox.searches:
        raise _refused(INVALID_VALUE, "tool_choice", "is 'required', but there are no tools that could be called here")
    _search(draft, toolbox, names, choice)
    if names:
        draft.chat["tools"] = [toolbox.functions[name] for name in names]
        if choice is not None:
            draft.chat["tool_choice"] = choice


def _chosen(choice: Json, toolbox: Toolbox) -> tuple[list[str], str | Json]:
    """The functions that *choice* leaves, and the choice among them."""
    names = list(toolbox.functions)
    kind = str(choice.get("type"))
    if kind == "allowed_tools":
        return _allowed(choice, toolbox)
    if kind in ("function", "custom") or kind in OWN:
        found = next(_meant(choice, toolbox), None)
        if found is None:
            raise _refused(
                INVALID_VALUE, "tool_choice", f"names {shown(_name(choice))}, which is not among the 'tools'"
            )
        return names, {"type": "function", "function": {"name": found}}
    if toolbox.searches and kind.startswith("web_search"):
        return names, "search"
    raise _refused(UNSUPPORTED_TOOL, "tool_choice.type", f"is {shown(kind)}, which nobody here carries out")


def _allowed(choice: Json, toolbox: Toolbox) -> tuple[list[str], str | Json]:
    inner = choice.get("allowed_tools")  # as chat completions have it
    choice = inner if isinstance(inner, dict) else choice
    tools, mode = choice.get("tools"), choice.get("mode")
    if mode not in ("auto", "required"):
        raise _refused(INVALID_VALUE, "tool_choice.mode", f"must be 'auto' or 'required', not {shown(mode)}")
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        raise _refused(INVALID_VALUE, "tool_choice.tools", "must be an array of objects")
    meant = {name for tool in tools for name in _meant(tool, toolbox)}
    searching = any(str(tool.get("type")).startswith("web_search") for tool in tools)
    toolbox.searches = toolbox.searches and searching
    return [name for name in toolbox.functions if name in meant], mode


def _meant(tool: Json, toolbox: Toolbox) -> Iterator[str]:
    """The functions that *tool*, as a choice names it, stands for."""
    kind, name = str(tool.get("type")), _name(tool)
    if kind == "namespace":
        yield from (found for found, form in toolbox.forms.items() if form.namespace == name)
    elif (found := toolbox.find(kind, name)) is not None:
        yield found


def _name(tool: Json) -> str:
    """The name in a choice, flat or within `function` or `custom`; that of a kind if it has none."""
    inner = tool.get(str(tool.get("type")))
    name = (inner if isinstance(inner, dict) else tool).get("name")
    return name if isinstance(name, str) else str(tool.get("type"))


def _search(draft: Draft, toolbox: Toolbox, names: list[str], choice: str | Json | None) -> None:
    """The upstream searches by itself, where nothing else can be called: it does not leave the choice to the model."""
    if not toolbox.searches or choice == "none":
        return
    if choice in ("search", "required") and not names:
        draft.chat["web_search_options"] = {}
    elif not names:
        draft.chat["enable_search"] = True
    elif choice == "search":
        raise _refused(
            UNSUPPORTED_TOOL, "tool_choice.type", "demands a search, which cannot be had together with functions"
        )
    else:
        draft.drop("tools.web_search", "tools", "a search cannot be had together with functions", UNSUPPORTED_TOOL)


def _refused(failure: Failure, param: str, reason: str) -> ProxyError:
    return ProxyError(failure, f"'{param}' {reason}.", param=param)
