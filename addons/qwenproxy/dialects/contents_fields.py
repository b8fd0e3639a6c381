"""The fields of a ruled chat request in the contents format, every one of them: said, needless, or not to be said."""

from collections.abc import Iterator, Mapping
from typing import Any

from qwenproxy.dialects.contents_schemas import to_schema
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

JSON_TYPE = "application/json"
DYNAMIC = -1
"""The `thinkingBudget` that leaves the length to the model."""
LEVELS: Mapping[str, str] = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}
DEEPEST = "HIGH"
"""`thinkingLevel` knows none above."""

NUMBERS: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
"""Fields that have another name only, in `generationConfig`."""
OTHERS = (
    "model",
    "messages",
    "tools",
    "tool_choice",
    "stop",
    "response_format",
    "enable_thinking",
    "thinking_budget",
    "reasoning_effort",
    "vl_high_resolution_images",
)
NEEDLESS: Mapping[str, str] = {
    "parallel_tool_calls": "enforced on the answer",
    "preserve_thinking": "the history carries its thoughts as parts",
}
"""Fields without an equal whose wish is granted all the same."""

OWN = "a setting of Qwen's own, and this format has none like it"
REASONS: Mapping[str, str] = {
    "repetition_penalty": "this format has presencePenalty and frequencyPenalty only",
    "chat_template_kwargs": "templates are the server's own affair in this format",
    "tool_stream": "calls come whole in this format",
    "enable_search": "in this format searching is the server's own tool, and Qwen's has no name in it",
    "search_options": "in this format searching is the server's own tool, and Qwen's has no name in it",
    "enable_code_interpreter": "in this format running code is the server's own tool, and Qwen's has no name in it",
    "audio": "answers in this format are read as text",
    "modalities": "answers in this format are read as text",
    **dict.fromkeys(("translation_options", "asr_options", "ocr_options"), OWN),
    **dict.fromkeys(("min_pixels", "max_pixels", "vl_enable_image_hw_output"), OWN),
}


class Unsaid(Mapping[str, str]):
    """What the format cannot say, and why: the fields of `REASONS`, and whatever nobody here knows."""

    def __getitem__(self, name: str) -> str:
        if name in NUMBERS or name in OTHERS or name in NEEDLESS:
            raise KeyError(name)
        return REASONS.get(name, "this format has no such field")

    def __iter__(self) -> Iterator[str]:
        return iter(REASONS)

    def __len__(self) -> int:
        return len(REASONS)


def generation_config(chat: Json, row: Row) -> Json:
    """`generationConfig`."""
    config = {NUMBERS[name]: value for name, value in chat.items() if name in NUMBERS and value is not None}
    stop = chat.get("stop")
    if stop:
        config["stopSequences"] = stop if isinstance(stop, list) else [stop]
    if chat.get("vl_high_resolution_images"):
        config["mediaResolution"] = "MEDIA_RESOLUTION_HIGH"
    return {**config, **_format(chat.get("response_format"), row), **_thinking(chat, row)}


def _format(wanted: Any, row: Row) -> Json:
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind not in ("json_object", "json_schema"):
        return {}
    named = wanted.get("json_schema")
    schema = named.get("schema") if isinstance(named, dict) else None
    if not isinstance(schema, dict):
        return {"responseMimeType": JSON_TYPE}
    key, written = ("responseJsonSchema", schema) if row.schema_as_is else ("responseSchema", to_schema(schema))
    return {"responseMimeType": JSON_TYPE, key: written}


def _thinking(chat: Json, row: Row) -> Json:
    """`thinkingConfig`: whether and how long; thoughts are shown wherever there are any."""
    on, budget, effort = (chat.get(name) for name in ("enable_thinking", "thinking_budget", "reasoning_effort"))
    if on is False:
        return {"thinkingConfig": {"includeThoughts": False, "thinkingBudget": 0}}
    said: Json = {"includeThoughts": True}
    if budget is not None:
        said["thinkingBudget"] = budget
    elif effort is not None:
        said["thinkingLevel"] = LEVELS.get(effort, DEEPEST)
    elif on is True:
        said["thinkingBudget"] = DYNAMIC
    elif row.thinking not in ("on", "always"):
        return {}
    return {"thinkingConfig": said}


def tools(chat: Json, row: Row) -> Json:
    """`tools` and `toolConfig`; nothing without functions."""
    offered = chat.get("tools")
    if not offered:
        return {}
    said: Json = {"tools": [{"functionDeclarations": [_declaration(tool["function"], row) for tool in offered]}]}
    choice = _choice(chat.get("tool_choice"))
    return {**said, "toolConfig": {"functionCallingConfig": choice}} if choice else said


def _declaration(function: Json, row: Row) -> Json:
    said = {key: function[key] for key in ("name", "description") if function.get(key)}
    schema = function.get("parameters")
    if row.schema_as_is:
        return {**said, "parametersJsonSchema": schema} if schema else said
    return {**said, "parameters": to_schema(schema)} if _describes(schema) else said


def _describes(schema: Any) -> bool:
    """Whether a function's *schema* has any parameters; those of none are left out."""
    return isinstance(schema, dict) and any(schema.get(keyword) for keyword in DESCRIBING)


DESCRIBING = ("properties", "additionalProperties", "anyOf", "oneOf", "allOf", "$ref")

MODES: Mapping[str, str] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def _choice(value: Any) -> Json:
    if isinstance(value, dict):
        return {"mode": "ANY", "allowedFunctionNames": [value["function"]["name"]]}
    return {"mode": MODES[value]} if value in MODES else {}


PARAMS: tuple[tuple[str, str], ...] = (
    ("systeminstruction", "messages"),
    ("contents", "messages"),
    ("toolconfig", "tool_choice"),
    ("tools", "tools"),
    ("response", "response_format"),
    ("thinkingconfig", "reasoning_effort"),
    ("maxoutputtokens", "max_tokens"),
    ("stopsequences", "stop"),
    ("candidatecount", "n"),
    ("topp", "top_p"),
    ("topk", "top_k"),
    ("temperature", "temperature"),
    ("seed", "seed"),
    ("presencepenalty", "presence_penalty"),
    ("frequencypenalty", "frequency_penalty"),
)
"""How the fields that a refusal names begin, in lower case without underscores -> OpenAI's field."""


def param(field: str | None) -> str | None:
    """OpenAI's name for the *field* at fault, "generation_config.top_p" or "tools[0].function_declarations[1]"."""
    if not field:
        return None
    plain = field.replace("_", "").lower()
    for prefix in ("generatecontentrequest.", "request.", "generationconfig."):
        plain = plain.removeprefix(prefix)
    return next((name for start, name in PARAMS if plain.startswith(start)), field)
