"""OpenAI's chat completion: the request an app sends, and the neutral core that endpoints and dialects share.

The core stays JSON (dicts under OpenAI's own names), checked once where it enters; a streamed answer is a list of the
three kinds of `ChatEvent`.  Source: the `openai` package's types and OpenAI's OpenAPI document.
"""

from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, TypedDict

from pydantic import FailFast, Field, with_config

from qwenproxy.errors import ProxyError

type Json = dict[str, Any]


class Head(NamedTuple):
    """What an answer cannot know by itself: its id, its model's name as the app asked for it, its time (Unix s)."""

    id: str
    model: str
    created: int


class Delta(NamedTuple):
    """One piece of one choice: OpenAI's `choices[]` entry of a chunk.

    `choice` is its index; `delta` holds only what is new: `role`, `content`, `refusal`, `reasoning_content`,
    `tool_calls`, `annotations`.
    """

    choice: int
    delta: Json
    finish_reason: str | None = None
    logprobs: Json | None = None


class Usage(NamedTuple):
    """The totals of an answer, in OpenAI's `usage` shape; comes at most once, after every finish."""

    usage: Json


type ChatEvent = Delta | Usage | ProxyError
"""What a dialect makes of an upstream answer, whole or streamed.

Order kept by every dialect: for each choice a first delta with the role, then pieces, then exactly one delta with a
`finish_reason`; then at most one `Usage`; then the end.  Or, at any place, one `ProxyError`, and nothing after it.
Tool calls in deltas: `id`, `type` and `function.name` once, in the first delta of an index; indexes dense from 0.
"""


type Items[T] = Annotated[list[T], FailFast()]
"""A list that is read up to its first fault: a million faults cost no more than one."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Penalty = Annotated[float, Field(ge=-2, le=2)]
TokenLimit = Annotated[int, Field(ge=1)]


class TextPart(TypedDict):
    type: Literal["text"]
    text: str


class RefusalPart(TypedDict):
    type: Literal["refusal"]
    refusal: str


class ImageUrl(TypedDict):
    url: str
    detail: NotRequired[Literal["auto", "low", "high", "original"]]


class ImagePart(TypedDict):
    type: Literal["image_url"]
    image_url: ImageUrl


class InputAudio(TypedDict):
    data: str
    format: str


class AudioPart(TypedDict):
    type: Literal["input_audio"]
    input_audio: InputAudio


class FilePart(TypedDict):
    type: Literal["file"]
    file: Json


class VideoPart(TypedDict):
    type: Literal["video_url", "video"]  # Qwen's own: by its address, or by its frames


UserPart = Annotated[TextPart | ImagePart | AudioPart | FilePart | VideoPart, Field(discriminator="type")]
AssistantPart = Annotated[TextPart | RefusalPart, Field(discriminator="type")]


class SystemMessage(TypedDict):
    role: Literal["system", "developer"]
    content: str | Items[TextPart]
    name: NotRequired[str]


class UserMessage(TypedDict):
    role: Literal["user"]
    content: str | Items[UserPart]
    name: NotRequired[str]


class Called(TypedDict):
    name: str
    arguments: str


class FunctionCall(TypedDict):
    id: str
    type: Literal["function"]
    function: Called


class CalledCustom(TypedDict):
    name: str
    input: str


class CustomCall(TypedDict):
    id: str
    type: Literal["custom"]
    custom: CalledCustom


ToolCall = Annotated[FunctionCall | CustomCall, Field(discriminator="type")]


class AssistantMessage(TypedDict, total=False):
    role: Required[Literal["assistant"]]
    content: str | Items[AssistantPart] | None
    refusal: str | None
    name: str
    audio: Json | None
    tool_calls: Items[ToolCall] | None  # null, as a dumped SDK object has it
    function_call: Called | None
    reasoning_content: str | None


class ToolMessage(TypedDict):
    role: Literal["tool"]
    content: str | Items[TextPart]
    tool_call_id: str


class FunctionMessage(TypedDict):
    role: Literal["function"]  # deprecated: what a function of `functions` gave
    content: str | None
    name: str


Message = Annotated[
    SystemMessage | UserMessage | AssistantMessage | ToolMessage | FunctionMessage, Field(discriminator="role")
]


class FunctionDefinition(TypedDict):
    name: Name
    description: NotRequired[str | None]
    parameters: NotRequired[Json | None]
    strict: NotRequired[bool | None]


class FunctionTool(TypedDict):
    type: Literal["function"]
    function: FunctionDefinition


class TextFormat(TypedDict):
    type: Literal["text"]


class Grammar(TypedDict):
    definition: str
    syntax: Literal["lark", "regex"]


class GrammarFormat(TypedDict):
    type: Literal["grammar"]
    grammar: Grammar


class CustomDefinition(TypedDict):
    name: Name
    description: NotRequired[str | None]
    format: NotRequired[Annotated[TextFormat | GrammarFormat, Field(discriminator="type")] | None]


class CustomTool(TypedDict):
    type: Literal["custom"]
    custom: CustomDefinition


Tool = Annotated[FunctionTool | CustomTool, Field(discriminator="type")]


class Named(TypedDict):
    name: str


class NamedFunction(TypedDict):
    type: Literal["function"]
    function: Named


class NamedCustom(TypedDict):
    type: Literal["custom"]
    custom: Named


class Allowed(TypedDict):
    mode: Literal["auto", "required"]
    tools: Annotated[Items[Annotated[NamedFunction | NamedCustom, Field(discriminator="type")]], Field(min_length=1)]


class AllowedTools(TypedDict):
    type: Literal["allowed_tools"]
    allowed_tools: Allowed


ToolChoice = Annotated[NamedFunction | NamedCustom | AllowedTools, Field(discriminator="type")]


class PlainFormat(TypedDict):
    type: Literal["text", "json_object"]


class JsonSchema(TypedDict):
    name: Name
    description: NotRequired[str | None]
    schema: NotRequired[Json | None]
    strict: NotRequired[bool | None]


class JsonSchemaFormat(TypedDict):
    type: Literal["json_schema"]
    json_schema: JsonSchema


class StreamOptions(TypedDict, total=False):
    include_usage: bool | None
    include_obfuscation: bool | None


@with_config(extra="allow", strict=True)
class ChatRequest(TypedDict, total=False):
    """The body of POST /v1/chat/completions: all that OpenAI knows.  A null at this level is the same as nothing.

    The configuration holds for the shapes within too: fields that OpenAI does not know are allowed, Qwen's own among
    them, and no value stands for one of another type.
    """

    model: Required[Annotated[str, Field(min_length=1)]]
    messages: Required[Annotated[Items[Message], Field(min_length=1)]]
    audio: Json | None
    frequency_penalty: Penalty | None
    function_call: Literal["none", "auto"] | Named | None
    functions: Items[FunctionDefinition] | None
    logit_bias: Json | None
    logprobs: bool | None
    max_completion_tokens: TokenLimit | None
    max_tokens: TokenLimit | None
    metadata: Json | None
    modalities: Items[Literal["text", "audio"]] | None
    moderation: Json | None
    n: Annotated[int, Field(ge=1, le=128)] | None
    parallel_tool_calls: bool | None
    prediction: Json | None
    presence_penalty: Penalty | None
    prompt_cache_key: str | None
    prompt_cache_options: Json | None
    prompt_cache_retention: str | None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    response_format: Annotated[PlainFormat | JsonSchemaFormat, Field(discriminator="type")] | None
    safety_identifier: str | None
    seed: int | None
    service_tier: str | None
    stop: str | Annotated[Items[str], Field(max_length=4)] | None
    store: bool | None
    stream: bool | None
    stream_options: StreamOptions | None
    temperature: Annotated[float, Field(ge=0, le=2)] | None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None
    tools: Items[Tool] | None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None
    top_p: Annotated[float, Field(ge=0, le=1)] | None
    user: str | None
    verbosity: Literal["low", "medium", "high"] | None
    web_search_options: Json | None
