"""The tools of OpenAI's Responses API that have a shape to check.  Source: the `openai` package's types (3.54)."""

from typing import Annotated, Any, Literal, NotRequired, TypedDict

from pydantic import Discriminator, Field, Tag

from qwenproxy.wire.openai import Items, Json


class FunctionTool(TypedDict):
    name: Annotated[str, Field(min_length=1)]
    description: NotRequired[str | None]
    parameters: NotRequired[Json | None]
    strict: NotRequired[bool | None]


class NestedTool(TypedDict):
    """A function tool as chat completions have it, which the SDK lets through."""

    function: FunctionTool


class CustomFormat(TypedDict):
    type: Literal["text", "grammar"]
    syntax: NotRequired[Literal["lark", "regex"]]
    definition: NotRequired[str]


class CustomTool(TypedDict):
    name: Annotated[str, Field(min_length=1)]
    description: NotRequired[str | None]
    format: NotRequired[CustomFormat | None]


class ToolSearchTool(TypedDict):
    execution: NotRequired[Literal["server", "client"] | None]
    description: NotRequired[str | None]
    parameters: NotRequired[Json | None]


class OtherTool(TypedDict):
    type: str


def _tool_tag(tool: Any) -> str:
    kind = tool.get("type") if isinstance(tool, dict) else None
    if kind == "function" and isinstance(tool.get("function"), dict):
        return "nested"
    return kind if kind in ("function", "custom", "tool_search") else "other"


Grouped = Annotated[
    Annotated[FunctionTool, Tag("function")]
    | Annotated[NestedTool, Tag("nested")]
    | Annotated[CustomTool, Tag("custom")]
    | Annotated[ToolSearchTool, Tag("tool_search")]
    | Annotated[OtherTool, Tag("other")],
    Discriminator(_tool_tag),
]


class NamespaceTool(TypedDict):
    name: Annotated[str, Field(min_length=1)]
    tools: Items[Grouped]


def _group_tag(tool: Any) -> str:
    return "namespace" if isinstance(tool, dict) and tool.get("type") == "namespace" else "single"


Tool = Annotated[
    Annotated[NamespaceTool, Tag("namespace")] | Annotated[Grouped, Tag("single")], Discriminator(_group_tag)
]
