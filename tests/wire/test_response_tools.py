"""The shapes of the tools of a Responses request."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from qwenproxy.wire.response_tools import Tool

CHECKER: TypeAdapter[Any] = TypeAdapter(Tool)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function", "name": "f", "parameters": None, "strict": None},
        {"type": "function", "function": {"name": "f"}},
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        {"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "custom", "name": "c"}]},
        {"type": "tool_search", "execution": "client"},
        {"type": "of tomorrow", "name": 5},
    ],
)
def test_a_tool_is_taken(tool: Any) -> None:
    CHECKER.validate_python(tool)


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "function"},
        {"type": "function", "function": {}},
        {"type": "custom", "name": ""},
        {
            "type": "namespace",
            "name": "n",
            "tools": [{"type": "namespace", "name": "m", "tools": {}}, {"type": "function"}],
        },
        {"name": "f"},
        None,
    ],
)
def test_a_wrong_tool_is_not(tool: Any) -> None:
    with pytest.raises(ValidationError):
        CHECKER.validate_python(tool)
