"""Tools and the choice among them."""

from typing import Any

import pytest

from qwenproxy.simulator.contents.tools import complaint, fields_of
from qwenproxy.wire.openai import Json

LOOK: Json = {
    "name": "look",
    "description": "Looks",
    "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}},
}
SEE: Json = {"name": "see", "parameters_json_schema": {"type": "object", "additionalProperties": False}}


def asking(*declared: Json, **config: Any) -> Json:
    choice = {"tool_config": {"function_calling_config": config}} if config else {}
    return {"tools": [{"function_declarations": list(declared)}], **choice}


def test_functions_of_both_kinds() -> None:
    assert fields_of(asking(LOOK, SEE)) == {
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "look",
                    "description": "Looks",
                    "parameters": {"type": "object", "properties": {"a": {"type": "string"}}},
                },
            },
            {
                "type": "function",
                "function": {"name": "see", "parameters": {"type": "object", "additionalProperties": False}},
            },
        ]
    }


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "VALIDATED"}, "auto"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        (
            {"mode": "ANY", "allowed_function_names": ["see"]},
            {"type": "function", "function": {"name": "see"}},
        ),
        ({"mode": "ANY", "allowed_function_names": ["see", "look"]}, "required"),
        ({"mode": "MODE_UNSPECIFIED"}, None),
    ],
)
def test_the_choice(config: Json, choice: object) -> None:
    assert complaint(asking(LOOK, SEE, **config)) is None
    assert fields_of(asking(LOOK, SEE, **config)).get("tool_choice") == choice


def test_only_what_is_allowed_is_offered() -> None:
    fields = fields_of(asking(LOOK, SEE, mode="VALIDATED", allowed_function_names=["see"]))
    assert [tool["function"]["name"] for tool in fields["tools"]] == ["see"]


def test_a_search() -> None:
    assert fields_of({"tools": [{"google_search": {}}]}) == {"enable_search": True}
    assert complaint({"tools": [{"google_search": {}}]}) is None


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (
            asking({"name": "1x"}),
            "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name",
        ),
        (asking({}), "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name"),
        (asking(LOOK, LOOK), "Duplicate function declaration found: look"),
        (
            asking({"name": "a", "parameters": {"type": "OBJECT"}}),
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties: should be non-empty",
        ),
        (
            asking(LOOK | SEE),
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters_json_schema: must not be set",
        ),
        (asking(mode="ANY"), "Function calling config is set without function_declarations."),
        (
            asking(LOOK, mode="AUTO", allowed_function_names=["look"]),
            "allowed_function_names should only be set when the function calling mode is ANY or VALIDATED.",
        ),
        (
            asking(LOOK, mode="ANY", allowed_function_names=["see"]),
            "allowed_function_names holds see, which is not among the function_declarations.",
        ),
        ({"tools": [{"code_execution": {}}]}, "code_execution is not enabled for this model."),
    ],
)
def test_what_is_refused(request_: Json, said: str) -> None:
    assert (complaint(request_) or "").startswith(said)


def test_nothing_is_asked_for() -> None:
    assert complaint({}) is None
    assert fields_of({}) == {}
