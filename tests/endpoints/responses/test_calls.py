"""Calls, each in the shape in which the app knows its tool."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses.calls import KINDS, Called, parsed
from qwenproxy.endpoints.responses.stage import Piece, Stage
from qwenproxy.endpoints.responses.tools import OWN, Form
from qwenproxy.wire.openai import Json


def call(form: Form, *pieces: str, status: str = "completed") -> tuple[Json, list[str]]:
    """The item of a call whose arguments come in *pieces*, without its id; and the events."""
    stage = Stage("")
    item = KINDS[form.kind](stage, Called("call_1", form))
    item.open()
    for piece in pieces:
        item.feed(Piece(piece))
    item.close(status)
    (found,) = stage.output
    assert found.pop("id").endswith("_00000000")
    return found, [event["type"].removeprefix("response.") for event in stage.drain()]


def test_every_tool_of_the_app_has_a_shape() -> None:
    assert KINDS.keys() == OWN.keys() | {"function", "custom"}


def test_a_function() -> None:
    item, events = call(Form("function", "f", "ns"), "", '{"a"', ": 1}")
    assert item == {
        "type": "function_call",
        "status": "completed",
        "arguments": '{"a": 1}',
        "call_id": "call_1",
        "name": "f",
        "namespace": "ns",
    }
    deltas = ["function_call_arguments.delta"] * 2
    assert events == ["output_item.added", *deltas, "function_call_arguments.done", "output_item.done"]


def test_a_function_without_arguments_is_given_an_object() -> None:
    assert call(Form("function", "f"))[0]["arguments"] == "{}"
    assert call(Form("function", "f"), status="incomplete")[0]["arguments"] == ""


def test_a_custom_tool() -> None:
    item, events = call(Form("custom", "c"), '{"inp', 'ut": "a\\', 'nb"}')
    assert item == {"type": "custom_tool_call", "input": "a\nb", "call_id": "call_1", "name": "c"}
    deltas = ["custom_tool_call_input.delta"] * 2
    assert events == ["output_item.added", *deltas, "custom_tool_call_input.done", "output_item.done"]


OWN_CASES: list[tuple[str, str, Json]] = [
    (
        "local_shell",
        '{"command": ["ls"], "working_directory": "/", "timeout_ms": 5}',
        {
            "type": "local_shell_call",
            "action": {"type": "exec", "command": ["ls"], "env": {}, "working_directory": "/", "timeout_ms": 5},
        },
    ),
    (
        "local_shell",
        '{"command": "ls | wc", "timeout_ms": "5"}',
        {"type": "local_shell_call", "action": {"type": "exec", "command": ["bash", "-lc", "ls | wc"], "env": {}}},
    ),
    ("shell", '{"commands": ["ls"]}', {"type": "shell_call", "action": {"commands": ["ls"]}}),
    (
        "shell",
        '{"commands": "ls", "max_output_length": 9, "timeout_ms": true}',
        {"type": "shell_call", "action": {"commands": ["ls"], "max_output_length": 9}},
    ),
    (
        "apply_patch",
        '{"type": "update_file", "path": "a", "diff": "+x", "why": ""}',
        {"type": "apply_patch_call", "operation": {"type": "update_file", "path": "a", "diff": "+x"}},
    ),
    (
        "apply_patch",
        '{"type": "delete_file", "path": "a", "diff": ""}',
        {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
    ),
    (
        "tool_search",
        '{"query": "x"}',
        {"type": "tool_search_call", "arguments": {"query": "x"}, "execution": "client"},
    ),
]


@pytest.mark.parametrize(("kind", "arguments", "item"), OWN_CASES)
def test_a_tool_of_the_app(kind: str, arguments: str, item: Json) -> None:
    found, events = call(Form(kind, kind), arguments[:7], arguments[7:])
    assert found == {"call_id": "call_1", "status": "completed"} | item
    assert (events[0], events[-1]) == ("output_item.added", "output_item.done")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("local_shell", '{"command": []}'),
        ("local_shell", '{"command": [1]}'),
        ("shell", "{}"),
        ("shell", "no JSON"),
        ("apply_patch", '{"type": "rename", "path": "a"}'),
        ("apply_patch", '{"type": "create_file", "path": "a"}'),
        ("apply_patch", '{"type": "delete_file", "path": ""}'),
    ],
)
def test_arguments_that_do_not_fit_are_told_as_they_are(kind: str, arguments: str) -> None:
    found, _ = call(Form(kind, kind), arguments)
    assert (found["type"], found["name"], found["arguments"]) == ("function_call", kind, arguments)


def test_a_call_that_was_cut_off_is_told_as_it_is() -> None:
    found, _ = call(Form("tool_search", "tool_search"), '{"query": "x', status="incomplete")
    assert (found["type"], found["status"]) == ("function_call", "incomplete")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [("", None), ("{", None), ("{}", {}), (' {"a": 1} ', {"a": 1}), ("[]", None), ('{"a": "}', None), ('"{}"', None)],
)
def test_arguments_are_whole_once_they_are_an_object(arguments: str, told: Any) -> None:
    assert parsed(arguments) == told
    for kind in ("function", "custom", "shell"):
        item = KINDS[kind](Stage(""), Called("c", Form(kind, kind)))
        item.open()
        item.feed(Piece(arguments))
        assert item.ready() == (told is not None)
