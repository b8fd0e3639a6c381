"""The body of a chat completion request: read, and checked against `ChatRequest`, once.

A wrong body is a 400 in OpenAI's shape that names the field in OpenAI's notation (`messages[0].content[1].type`).
"""

from collections.abc import Callable, Sequence
from typing import Any, Never

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from qwenproxy import depth
from qwenproxy.errors import INVALID_REQUEST, INVALID_TYPE, INVALID_VALUE, MISSING_PARAMETER, Failure, ProxyError
from qwenproxy.wire.openai import ChatRequest, Json

SHOWN = 60
"""Characters of a wrong value that its error shows."""

CHECKER = TypeAdapter(ChatRequest)

WORDING: dict[str, tuple[Failure, str]] = {
    "missing": (MISSING_PARAMETER, ""),
    "union_tag_not_found": (MISSING_PARAMETER, ""),
    "string_type": (INVALID_TYPE, "a string"),
    "int_type": (INVALID_TYPE, "an integer"),
    "float_type": (INVALID_TYPE, "a number"),
    "bool_type": (INVALID_TYPE, "a boolean"),
    "list_type": (INVALID_TYPE, "an array"),
    "dict_type": (INVALID_TYPE, "an object"),
    "model_attributes_type": (INVALID_TYPE, "an object"),
    "literal_error": (INVALID_VALUE, "{expected}"),
    "union_tag_invalid": (INVALID_VALUE, "one of {expected_tags}"),
    "greater_than_equal": (INVALID_VALUE, "at least {ge:g}"),
    "less_than_equal": (INVALID_VALUE, "at most {le:g}"),
    "string_too_short": (INVALID_VALUE, "{min_length} or more characters long"),
    "too_short": (INVALID_VALUE, "an array of {min_length} or more items"),
    "too_long": (INVALID_VALUE, "an array of {max_length} items at most"),
    "string_pattern_mismatch": (INVALID_VALUE, "1 to 64 letters, digits, underscores or dashes"),
}
"""pydantic's error types -> the failure, and what the value must be.  `ChatRequest` gives rise to no others."""

OTHER = (INVALID_VALUE, "valid")

TYPES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def validate(body: bytes) -> Json:
    """The request in *body*, as it was sent.  Raises ProxyError."""
    # orjson first: unlike pydantic's own reader it takes no NaN, no number that JSON writers refuse, and keeps the
    # order of the keys, on which the upstream's prompt cache depends.
    asked: Json = parse(body)
    check(asked)
    return asked


def check(asked: Any) -> None:
    """Checks what is a chat completion request already.  Raises ProxyError."""
    conform(asked, CHECKER)
    for each in CHECKS:
        each(asked)


def conform(asked: Any, checker: TypeAdapter[Any]) -> None:
    """Sees whether *asked* is of *checker*'s type.  Raises ProxyError, which names the field."""
    try:
        checker.validate_python(asked)
    except ValidationError as e:
        raise _explained(asked, e.errors(include_url=False)) from None


def parse(body: bytes) -> Any:
    """The JSON in *body*.  Raises ProxyError for what is none, or is nested too deep to be written again."""
    try:
        return depth.loads(body)
    except depth.TooDeep:
        message = f"The request body is nested more than {depth.DEEPEST} levels deep."
        raise ProxyError(INVALID_REQUEST, message) from None
    except ValueError as e:
        raise ProxyError(INVALID_REQUEST, f"The request body is not valid JSON: {e}.") from None


def _explained(asked: Any, details: Sequence[ErrorDetails]) -> ProxyError:
    """The first fault of *asked*; of the branches of a union, the one that was followed deepest."""
    faults = [Fault(asked, detail) for detail in details]
    place = faults[0].path
    faults = [fault for fault in faults if fault.path[: len(place)] == place]
    deepest = max(faults, key=lambda fault: len(fault.path))
    faults = [fault for fault in faults if fault.path == deepest.path]
    telling = next((fault for fault in faults if fault.failure is not INVALID_TYPE), None)
    if telling is not None:
        return telling.error(telling.wanted)
    return deepest.error(" or ".join(dict.fromkeys(fault.wanted for fault in faults)))


class Fault:
    """One of pydantic's complaints, in OpenAI's words."""

    def __init__(self, asked: Any, detail: ErrorDetails) -> None:
        self.failure, wording = WORDING.get(detail["type"], OTHER)
        self.path = path_of(asked, detail["loc"], missing=detail["type"] == "missing")
        self.value = detail["input"]
        context = detail.get("ctx", {})
        if tag := context.get("discriminator", "").strip("'"):
            self.path.append(tag)
            self.value = self.value.get(tag)
        self.wanted = wording.format_map(context)
        if "{expected" in wording and not isinstance(self.value, str):
            self.failure = INVALID_TYPE

    def error(self, wanted: str) -> ProxyError:
        param = notation(self.path)
        name = f"'{param}'" if param else "The request body"
        if self.failure is MISSING_PARAMETER:
            message = f"{name} is required, but missing."
        elif self.failure is INVALID_TYPE:
            message = f"{name} must be {wanted}, not {TYPES[type(self.value)]}."
        else:
            message = f"{name} must be {wanted}, not {shown(self.value)}."
        return ProxyError(self.failure, message, param=param or None)


def path_of(asked: Any, loc: Sequence[str | int], *, missing: bool) -> list[str | int]:
    """The steps of *loc* that lead through *asked*, without pydantic's names for the branches of unions.

    *missing*: the last step is a field that is not there.
    """
    path: list[str | int] = []
    value, told_apart = asked, True
    for place, step in enumerate(loc, 1):
        last = place == len(loc)
        if isinstance(value, dict) and not (told_apart or last) and step in (value.get("type"), value.get("role")):
            told_apart = True  # a branch is called as the field has it that tells the branches apart, if any does
            continue
        if isinstance(value, dict) and (step in value or (missing and last)):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
        else:
            continue
        path.append(step)
        told_apart = False
    return path


def notation(path: Sequence[str | int]) -> str:
    """OpenAI's way to write a path: `tools[0].function.name`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def shown(value: Any) -> str:
    """*value* in an error's words, cut short."""
    if isinstance(value, list):
        return f"one of {len(value)}"
    if isinstance(value, str) and len(value) > SHOWN:
        return f"{value[:SHOWN]!r} and so on"
    return repr(value)


def refuse(param: str, reason: str) -> Never:
    raise ProxyError(INVALID_VALUE, f"'{param}' {reason}.", param=param)


def check_stream_options(asked: Json) -> None:
    if asked.get("stream_options") is not None and not asked.get("stream"):
        refuse("stream_options", "is only allowed when 'stream' is true")


def check_logprobs(asked: Json) -> None:
    if asked.get("top_logprobs") is not None and not asked.get("logprobs"):
        refuse("top_logprobs", "is only allowed when 'logprobs' is true")


def check_tools(asked: Json) -> None:
    """Names are unique, and a choice is among what is offered."""
    tools = asked.get("tools") or []
    if tools and asked.get("functions"):
        refuse("functions", "is the former name of 'tools': send one of them")
    offered = {(tool["type"], tool[tool["type"]]["name"]) for tool in tools}
    check_unique([(f"tools[{i}].{tool['type']}.name", tool[tool["type"]]["name"]) for i, tool in enumerate(tools)])
    choice = asked.get("tool_choice")
    if choice == "required" and not tools:
        refuse("tool_choice", "is 'required', but there are no 'tools'")
    if isinstance(choice, dict):
        for param, kind, name in named_by(choice):
            if (kind, name) not in offered:
                refuse(param, f"is {shown(name)}, which is not among the 'tools'")


def check_functions(asked: Json) -> None:
    """The same for the deprecated `functions`."""
    functions = asked.get("functions") or []
    check_unique([(f"functions[{i}].name", function["name"]) for i, function in enumerate(functions)])
    choice = asked.get("function_call")
    if isinstance(choice, dict) and not any(function["name"] == choice["name"] for function in functions):
        refuse("function_call.name", f"is {shown(choice['name'])}, which is not among the 'functions'")


def check_unique(names: Sequence[tuple[str, str]]) -> None:
    seen: set[str] = set()
    for param, name in names:
        if name in seen:
            refuse(param, f"is {shown(name)} for a second time; names must be unique")
        seen.add(name)


def named_by(choice: Json) -> list[tuple[str, str, str]]:
    """What *choice* names: for each tool where it is named, its type and its name."""
    if choice["type"] != "allowed_tools":
        return [(f"tool_choice.{choice['type']}.name", choice["type"], choice[choice["type"]]["name"])]
    return [
        (f"tool_choice.allowed_tools.tools[{i}].{tool['type']}.name", tool["type"], tool[tool["type"]]["name"])
        for i, tool in enumerate(choice["allowed_tools"]["tools"])
    ]


CHECKS: tuple[Callable[[Json], None], ...] = (check_stream_options, check_logprobs, check_tools, check_functions)
"""What involves more than one field; each raises ProxyError."""
