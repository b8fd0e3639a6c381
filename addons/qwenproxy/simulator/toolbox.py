"""Rules for tools and the choice among them: each says what is wrong with a request, or None."""

import re

from qwenproxy.simulator.ask import Ask, dicts

NOT_FORCED = 'tool_choice is one of the strings that should be ["none", "auto"]'
NOT_NAMED = "The tool_choice parameter does not support being set to an object"
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def some(ask: Ask) -> str | None:
    """A list with something in it, if there is one."""
    value = ask.chat.get("tools")
    if value is None or (isinstance(value, list) and value):
        return None
    return "[] is too short - 'tools'" if value == [] else "tools is not of type 'array'"


def functions(ask: Ask) -> str | None:
    """Functions only: a tool of any other type has no `function`."""
    tools = ask.chat.get("tools") or []
    wrong = (at for at, tool in enumerate(tools) if not dicts([tool]) or not isinstance(tool.get("function"), dict))
    at = next(wrong, None)
    return None if at is None else f"'function' is a required property, expected an object - 'tools.{at}'"


def choice(ask: Ask) -> str | None:
    value = ask.chat.get("tool_choice")
    if value is None or value in ("auto", "none", "required"):
        return None
    named = isinstance(value, dict) and isinstance(value.get("function"), dict)
    return None if named else NOT_FORCED


def names(ask: Ask) -> str | None:
    for tool in ask.tools:
        name = tool.get("name")
        if not isinstance(name, str) or NAME.fullmatch(name) is None:
            return f"The function name {name!r} should be 1 to 64 letters, digits, underscores and dashes."
        if name in ask.row.reserved_names:
            return f"Tool names are not allowed to be [{name}]"
    return None


def schemas(ask: Ask) -> str | None:
    for tool in ask.tools:
        parameters = tool.get("parameters")
        if parameters is not None and not (isinstance(parameters, dict) and parameters.get("type") == "object"):
            return f"The parameters of the function {tool.get('name')} should be a schema of type object."
    return None


def required_choice(ask: Ask) -> str | None:
    if ask.row.required_choice or ask.chat.get("tool_choice") != "required":
        return None
    return NOT_FORCED


def named_choice(ask: Ask) -> str | None:
    return NOT_NAMED if ask.forced and not ask.row.named_choice else None


def forced_choice_while_thinking(ask: Ask) -> str | None:
    if ask.forced is None or not ask.thinks or ask.row.forced_choice_while_thinking:
        return None
    return "The tool_choice parameter does not support being set to required or object in thinking mode"


def forced_choice_is_there(ask: Ask) -> str | None:
    if not ask.forced or ask.forced in [tool.get("name") for tool in ask.tools]:
        return None
    return f"The tool_choice names {ask.forced!r}, which is not among the tools."
