"""What an MCP server says, as the model reads it."""

from typing import Any

import pytest
from mcp import types

from qwenproxy.tools.mcp_config import Program, Server
from qwenproxy.tools.mcp_content import LONGEST_DESCRIPTION, text_of, tool
from qwenproxy.tools.tool import ToolError

PARTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "text": ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "a\nb"),
    "an image": ([{"type": "image", "data": "QUJD", "mimeType": "image/png"}], "[image/png, 3 bytes, not shown]"),
    "sound": ([{"type": "audio", "data": "QUJD", "mimeType": "audio/wav"}], "[audio/wav, 3 bytes, not shown]"),
    "a link": ([{"type": "resource_link", "name": "n", "uri": "file:///a"}], "[n: file:///a]"),
    "a text within": ([{"type": "resource", "resource": {"uri": "file:///a", "text": "t"}}], "t"),
    "a file within": (
        [{"type": "resource", "resource": {"uri": "file:///a", "blob": "QUJD"}}],
        "[file:///a, binary, not shown]",
    ),
    "nothing": ([], ""),
}


@pytest.mark.parametrize(("content", "text"), PARTS.values(), ids=PARTS)
def test_a_result_is_text(content: list[dict[str, Any]], text: str) -> None:
    assert text_of(types.CallToolResult.model_validate({"content": content})) == text


def test_structure_counts_where_there_is_no_text() -> None:
    assert text_of(types.CallToolResult(content=[], structured_content={"a": 1})) == '{"a":1}'


@pytest.mark.parametrize(("text", "said"), [("broken", "broken"), ("", "does not say why")])
def test_what_a_tool_calls_an_error_is_one(text: str, said: str) -> None:
    with pytest.raises(ToolError, match=said):
        text_of(types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True))


HINTS: dict[str, tuple[dict[str, bool] | None, frozenset[str], bool, bool]] = {
    "it only reads": ({"readOnlyHint": True}, frozenset(), True, False),
    "it only reads, and destroys": ({"readOnlyHint": True, "destructiveHint": True}, frozenset(), True, False),
    "it destroys nothing": ({"readOnlyHint": False, "destructiveHint": False}, frozenset(), False, False),
    "it destroys": ({"destructiveHint": True}, frozenset(), False, True),
    "it does not say": (None, frozenset(), False, True),
    "it destroys, and is approved": ({"destructiveHint": True}, frozenset({"it"}), False, False),
    "another is approved": (None, frozenset({"other"}), False, True),
    "all are trusted": (None, frozenset({"*"}), False, False),
}


@pytest.mark.parametrize(("hints", "approved", "read_only", "confirmed"), HINTS.values(), ids=HINTS)
def test_hints_decide_what_needs_a_person(
    hints: dict[str, bool] | None, approved: frozenset[str], read_only: bool, confirmed: bool
) -> None:
    said = types.Tool.model_validate({"name": "it", "inputSchema": {"type": "object"}, "annotations": hints})
    found = tool(Server("s", Program("x"), approved), said, never)
    assert (found.name, found.read_only, found.needs_confirmation) == ("s__it", read_only, confirmed)


async def never(name: str, arguments: object) -> types.CallToolResult:
    raise AssertionError


async def test_a_call_goes_out_under_the_servers_own_name() -> None:
    async def answer(name: str, arguments: object) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=f"{name} {arguments}")])

    said = types.Tool(name="get.it", input_schema={"type": "object"}, description="x" * 100_000)
    found = tool(Server("s", Program("x")), said, answer)
    assert found.name == "s__get_it"
    assert await found.call({"a": 1}) == "get.it {'a': 1}"
    assert len(found.description) == LONGEST_DESCRIPTION


def test_a_schema_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="its schema"):
        tool(Server("s", Program("x")), types.Tool(name="it", input_schema={"type": "array"}), never)
