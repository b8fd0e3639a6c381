"""What an MCP server says, as the model reads it; what it says of its tools, as tools."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from mcp import types

from qwenproxy.tools import names
from qwenproxy.tools.mcp_config import Server
from qwenproxy.tools.schema import Schema
from qwenproxy.tools.tool import Tool, ToolError
from qwenproxy.wire.openai import Json

LONGEST_DESCRIPTION = 8_192
"""Characters; it goes along with every request."""

type Ask = Callable[[str, Json], Awaitable[types.CallToolResult]]


def text_of(result: types.CallToolResult) -> str:
    """The text of *result*, and what there is that is no text.  Raises ToolError if the tool says it failed."""
    text = "\n".join(part_text(part) for part in result.content)
    if not result.content and result.structured_content is not None:
        text = orjson.dumps(result.structured_content, default=str).decode()
    if result.is_error:
        raise ToolError(text or "the tool failed and does not say why")
    return text


def part_text(part: Any) -> str:
    """One part of a result."""
    match part:
        case types.TextContent():
            return part.text
        case types.ImageContent() | types.AudioContent():
            return f"[{part.mime_type}, {len(part.data) * 3 // 4} bytes, not shown]"
        case types.ResourceLink():
            return f"[{part.name}: {part.uri}]"
        case types.EmbeddedResource(resource=types.TextResourceContents() as resource):
            return resource.text
        case types.EmbeddedResource(resource=resource):
            return f"[{resource.uri}, {resource.mime_type or 'binary'}, not shown]"
    return f"[{type(part).__name__}, not shown]"


def tool(server: Server, said: types.Tool, ask: Ask) -> Tool:
    """The tool that *server* says it has.  Raises ValueError if its schema is of no use.

    What says of itself neither that it only reads nor that it destroys nothing, destroys (as the protocol has it), and
    needs a confirmation, unless the server's entry gives it beforehand.
    """
    hints = said.annotations or types.ToolAnnotations()
    read_only = hints.read_only_hint is True
    harmless = read_only or hints.destructive_hint is False
    approved = "*" in server.approved or said.name in server.approved

    async def call(arguments: Json) -> str:
        return text_of(await ask(said.name, arguments))

    return Tool(
        name=names.spaced(server.space, said.name),
        description=(said.description or said.title or "")[:LONGEST_DESCRIPTION],
        parameters=Schema(said.input_schema),
        call=call,
        source=server.source,
        read_only=read_only,
        needs_confirmation=not (harmless or approved),
    )
