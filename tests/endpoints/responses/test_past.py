"""Calls of an app's own tools, as functions' calls."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses import past
from qwenproxy.wire.openai import Json

OPERATION = {"type": "delete_file", "path": "a"}
OUTPUT = [{"stdout": "a", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}]


@pytest.mark.parametrize(
    ("item", "tool", "arguments"),
    [
        (
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}, "timeout_ms": 5}},
            "local_shell",
            {"command": ["ls"], "timeout_ms": 5},
        ),
        (
            {"type": "shell_call", "action": {"commands": ["ls"], "max_output_length": None}},
            "shell",
            {"commands": ["ls"]},
        ),
        ({"type": "apply_patch_call", "operation": OPERATION}, "apply_patch", OPERATION),
        ({"type": "tool_search_call", "arguments": {"query": "x"}}, "tool_search", {"query": "x"}),
        ({"type": "tool_search_call", "arguments": "x"}, "tool_search", {"query": "x"}),
    ],
)
def test_an_items_arguments(item: Json, tool: str, arguments: Any) -> None:
    called = past.CALLS[item["type"]]
    assert (called.tool, called.arguments(item)) == (tool, arguments)


@pytest.mark.parametrize(
    ("item", "text"),
    [
        ({"type": "local_shell_call_output", "output": "a"}, "a"),
        ({"type": "shell_call_output", "output": "a"}, "a"),
        (
            {"type": "shell_call_output", "output": OUTPUT},
            '[{"stdout":"a","stderr":"","outcome":{"type":"exit","exit_code":0}}]',
        ),
        ({"type": "apply_patch_call_output", "status": "failed", "output": "no such file"}, "failed\nno such file"),
        ({"type": "apply_patch_call_output", "output": None}, "completed"),
        (
            {"type": "tool_search_output", "tools": [{"type": "function", "name": "f", "parameters": {}}]},
            '{"tools":[{"name":"f"}]}',
        ),
    ],
)
def test_what_an_item_gave(item: Json, text: str) -> None:
    assert past.RESULTS[item["type"]](item) == text


def test_a_result_without_a_call_id_is_the_last_calls() -> None:
    messages: list[Json] = [
        {"role": "user"},
        {"role": "assistant", "tool_calls": [{"id": "a"}, {"id": "b"}]},
        {"role": "user"},
    ]
    assert past.last_call(messages) == "b"
    assert past.last_call([]) == ""
