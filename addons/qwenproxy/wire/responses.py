"""OpenAI's Responses API: the request an app sends.  Source: the `openai` package's types (3.54).

What only the endpoint can judge (an item or a tool of a kind that nobody knew) is left open here, as `Json`.
"""

from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

from pydantic import Discriminator, Field, Tag, with_config

from qwenproxy.wire.openai import InputAudio, Items, Json, TokenLimit
from qwenproxy.wire.response_tools import Tool

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Verbosity = Literal["low", "medium", "high"]


class TextPart(TypedDict):
    type: Literal["input_text", "output_text", "text", "summary_text", "reasoning_text"]
    text: str


class RefusalPart(TypedDict):
    type: Literal["refusal"]
    refusal: str


class ImagePart(TypedDict):
    type: Literal["input_image"]
    image_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    detail: NotRequired[Literal["auto", "low", "high", "original"] | None]


class FilePart(TypedDict):
    type: Literal["input_file"]
    file_data: NotRequired[str | None]
    file_url: NotRequired[str | None]
    file_id: NotRequired[str | None]
    filename: NotRequired[str | None]


class AudioPart(TypedDict):
    type: Literal["input_audio"]
    input_audio: InputAudio


Part = Annotated[TextPart | RefusalPart | ImagePart | FilePart | AudioPart, Field(discriminator="type")]
Content = str | Items[Part]


class Message(TypedDict):
    role: Literal["user", "assistant", "system", "developer"]
    content: Content


class FunctionCall(TypedDict):
    call_id: str
    name: str
    arguments: str
    namespace: NotRequired[str | None]


class CallOutput(TypedDict):
    """Of a function or a custom tool."""

    call_id: str
    output: Content


class CustomToolCall(TypedDict):
    call_id: str
    name: str
    input: str
    namespace: NotRequired[str | None]


class LocalShellAction(TypedDict):
    command: Items[str]


class LocalShellCall(TypedDict):
    call_id: str
    action: LocalShellAction


class LocalShellCallOutput(TypedDict):
    id: NotRequired[str]  # of the call
    call_id: NotRequired[str]  # as some apps have it
    output: str


class ShellAction(TypedDict):
    commands: Items[str]


class ShellCall(TypedDict):
    call_id: str
    action: ShellAction


class ShellCallOutput(TypedDict):
    call_id: str
    output: str | Items[Json]


class ApplyPatchCall(TypedDict):
    call_id: str
    operation: Json


class ApplyPatchCallOutput(TypedDict):
    call_id: str
    status: NotRequired[str | None]
    output: NotRequired[str | None]


class ToolSearchCall(TypedDict):
    arguments: Any
    call_id: NotRequired[str | None]


class ToolSearchOutput(TypedDict):
    tools: Items[Tool]
    call_id: NotRequired[str | None]


class Thought(TypedDict):
    text: str


class Reasoning(TypedDict):
    summary: NotRequired[Items[Thought] | None]
    content: NotRequired[Items[Thought] | None]
    encrypted_content: NotRequired[str | None]


class AdditionalTools(TypedDict):
    tools: Items[Tool]


class ReasoningOptions(TypedDict, total=False):
    effort: Effort | None
    summary: Literal["auto", "concise", "detailed", "none"] | None
    generate_summary: Literal["auto", "concise", "detailed"] | None


class PlainFormat(TypedDict):
    type: Literal["text", "json_object"]


class SchemaFormat(TypedDict):
    type: Literal["json_schema"]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    schema: Json
    description: NotRequired[str | None]
    strict: NotRequired[bool | None]


class TextOptions(TypedDict, total=False):
    format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")] | None
    verbosity: Verbosity | None


class ContextManagement(TypedDict):
    type: str
    compact_threshold: NotRequired[Annotated[int, Field(ge=1)] | None]


class ConfigurationUpdate(TypedDict):
    reasoning: NotRequired[ReasoningOptions | None]
    text: NotRequired[TextOptions | None]


KINDS = frozenset(
    {
        "message",
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "shell_call",
        "shell_call_output",
        "apply_patch_call",
        "apply_patch_call_output",
        "tool_search_call",
        "tool_search_output",
        "reasoning",
        "additional_tools",
        "configuration_update",
    }
)
"""The kinds of input items that are read; any other is some object."""


def kind_of(item: Any) -> str:
    """The kind of an input item: a message may come without its `type`, a reference with null."""
    if not isinstance(item, dict):
        return "message"
    kind = item.get("type")
    if kind is None:
        return "message" if "role" in item or "id" not in item else "item_reference"
    return str(kind)


def _tag(item: Any) -> str:
    kind = kind_of(item)
    return kind if kind in KINDS else "other"


Item = Annotated[
    Annotated[Message, Tag("message")]
    | Annotated[FunctionCall, Tag("function_call")]
    | Annotated[CallOutput, Tag("function_call_output")]
    | Annotated[CustomToolCall, Tag("custom_tool_call")]
    | Annotated[CallOutput, Tag("custom_tool_call_output")]
    | Annotated[LocalShellCall, Tag("local_shell_call")]
    | Annotated[LocalShellCallOutput, Tag("local_shell_call_output")]
    | Annotated[ShellCall, Tag("shell_call")]
    | Annotated[ShellCallOutput, Tag("shell_call_output")]
    | Annotated[ApplyPatchCall, Tag("apply_patch_call")]
    | Annotated[ApplyPatchCallOutput, Tag("apply_patch_call_output")]
    | Annotated[ToolSearchCall, Tag("tool_search_call")]
    | Annotated[ToolSearchOutput, Tag("tool_search_output")]
    | Annotated[Reasoning, Tag("reasoning")]
    | Annotated[AdditionalTools, Tag("additional_tools")]
    | Annotated[ConfigurationUpdate, Tag("configuration_update")]
    | Annotated[Json, Tag("other")],
    Discriminator(_tag),
]


@with_config(extra="allow", strict=True)
class ResponseRequest(TypedDict, total=False):
    """The body of POST /v1/responses.  A null at this level is the same as nothing; other fields are allowed."""

    model: Required[Annotated[str, Field(min_length=1)]]
    input: Required[str | Items[Item]]
    access_programs: Json | None
    background: bool | None
    background_options: Json | None
    context_management: Items[ContextManagement] | None
    conversation: str | Json | None
    image: Json | None
    include: Items[str] | None
    instructions: str | None
    max_output_tokens: TokenLimit | None
    max_tool_calls: Annotated[int, Field(ge=1)] | None
    metadata: Json | None
    moderation: Json | None
    parallel_tool_calls: bool | None
    previous_response_id: str | None
    prompt: Json | None
    prompt_cache_key: str | None
    prompt_cache_options: Json | None
    prompt_cache_retention: str | None
    reasoning: ReasoningOptions | None
    safety_identifier: str | None
    service_tier: str | None
    store: bool | None
    stream: bool | None
    stream_options: Json | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    text: TextOptions | None
    tool_choice: str | Json | None
    tools: Items[Tool] | None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None
    top_p: Annotated[float, Field(ge=0, le=1)] | None
    truncation: Literal["auto", "disabled"] | None
    user: str | None
