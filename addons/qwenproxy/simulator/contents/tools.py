"""The tools of a request and the choice among them, as a chat has them, and what Google says against them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from qwenproxy.simulator.contents import schemas
from qwenproxy.wire.openai import Json

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")
NAME_RULE = (
    "Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), "
    "underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64."
)
SEARCHES = ("google_search", "google_search_retrieval")
CHOICES: Mapping[str, str] = {"AUTO": "auto", "VALIDATED": "auto", "NONE": "none", "ANY": "required"}


def complaint(request: Json) -> str | None:
    """What is wrong with the tools."""
    return next(_odd_functions(request), None) or next(_odd_choice(request), None)


def declarations(request: Json) -> list[Json]:
    """Every function that is declared."""
    return [declared for tool in request.get("tools", ()) for declared in tool.get("function_declarations", ())]


def _odd_functions(request: Json) -> Iterator[str]:
    seen: set[str] = set()
    for at, tool in enumerate(request.get("tools", ())):
        for hosted in set(tool) - {"function_declarations", *SEARCHES}:
            yield f"{hosted} is not enabled for this model."
        for number, declared in enumerate(tool.get("function_declarations", ())):
            yield from _odd_function(declared, f"* GenerateContentRequest.tools[{at}].function_declarations[{number}]")
            if (name := declared["name"]) in seen:
                yield f"Duplicate function declaration found: {name}"
            seen.add(name)


def _odd_function(declared: Json, place: str) -> Iterator[str]:
    if NAME.fullmatch(declared.get("name", "")) is None:
        yield f"{place}.name: {NAME_RULE}"
    if "parameters" in declared and "parameters_json_schema" in declared:
        yield f"{place}.parameters_json_schema: must not be set when parameters is set"
    if lines := list(
        schemas.complaints(declared["parameters"], f"{place}.parameters") if "parameters" in declared else ()
    ):
        yield "\n".join(lines)


def _odd_choice(request: Json) -> Iterator[str]:
    wanted = _wanted(request)
    names = [declared["name"] for declared in declarations(request)]
    allowed = wanted.get("allowed_function_names", [])
    if wanted.get("mode") == "ANY" and not names:
        yield "Function calling config is set without function_declarations."
    if allowed and wanted.get("mode") not in ("ANY", "VALIDATED"):
        yield "allowed_function_names should only be set when the function calling mode is ANY or VALIDATED."
    for name in allowed:
        if name not in names:
            yield f"allowed_function_names holds {name}, which is not among the function_declarations."


def _wanted(request: Json) -> Json:
    config = request.get("tool_config", {}).get("function_calling_config", {})
    return config if isinstance(config, dict) else {}


def fields_of(request: Json) -> Json:
    """The chat's fields about tools; of several allowed functions only those are offered."""
    wanted = _wanted(request)
    allowed = wanted.get("allowed_function_names", [])
    offered = [_function(declared) for declared in declarations(request) if not allowed or declared["name"] in allowed]
    fields: Json = {"tools": offered} if offered else {}
    if offered and wanted.get("mode") in CHOICES:
        fields["tool_choice"] = _choice(wanted["mode"], allowed)
    if any(set(SEARCHES) & set(tool) for tool in request.get("tools", ())):
        fields["enable_search"] = True
    return fields


def _choice(mode: str, allowed: list[str]) -> Any:
    if mode == "ANY" and len(allowed) == 1:
        return {"type": "function", "function": {"name": allowed[0]}}
    return CHOICES[mode]


def _function(declared: Json) -> Json:
    function: Json = {name: declared[name] for name in ("name", "description") if name in declared}
    if "parameters" in declared:
        function["parameters"] = schemas.json_schema(declared["parameters"])
    elif "parameters_json_schema" in declared:
        function["parameters"] = declared["parameters_json_schema"]
    return {"type": "function", "function": function}
