"""One ruling for every field of a Responses request.  The table is also what the docs print.

Source: `openai` 3.54's `ResponseCreateParams`, 2026-11-22.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qwenproxy.endpoints.responses.draft import Draft
from qwenproxy.errors import UNKNOWN_PARAMETER, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.wire.openai import ChatRequest

type Kind = Literal["kept", "renamed", "rewritten", "dropped", "refused"]

LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one field, and why."""

    kind: Kind
    reason: str
    apply: Callable[[Draft, str, Any], None]


def settle(draft: Draft) -> None:
    """Writes what the fields of `draft.asked` say.  Raises ProxyError for what is refused."""
    for name, value in draft.asked.items():
        if value is not None:
            TABLE.get(name, UNKNOWN).apply(draft, name, value)


def _keep(draft: Draft, name: str, value: Any) -> None:
    draft.chat[name] = value


def _elsewhere(draft: Draft, name: str, value: Any) -> None:
    """Read by the part of the endpoint that it concerns."""


def _hint(draft: Draft, name: str, value: Any) -> None:
    draft.leave_out(name)


def _store(draft: Draft, name: str, value: Any) -> None:
    if not draft.stored:
        _wanted(draft, name, value)


def _wanted(draft: Draft, name: str, value: Any) -> None:
    if value is not False and value != "disabled":
        draft.leave_out(name)


def _limit(draft: Draft, name: str, value: Any) -> None:
    draft.chat["max_completion_tokens"] = value


def _reasoning(draft: Draft, name: str, value: Any) -> None:
    if value.get("effort") is not None:
        draft.chat["reasoning_effort"] = value["effort"]
    for part, told in value.items():
        if part not in ("effort", "summary", "generate_summary") and told not in (None, "auto", "standard"):
            draft.leave_out(f"reasoning.{part}" if part in ("context", "mode") else "reasoning.unknown")


def _text(draft: Draft, name: str, value: Any) -> None:
    if value.get("verbosity") is not None:
        draft.chat["verbosity"] = value["verbosity"]
    shape = value.get("format")
    if shape is None or shape["type"] == "text":
        return
    if shape["type"] == "json_schema":
        inner = {part: told for part, told in shape.items() if part != "type" and told is not None}
        shape = {"type": "json_schema", "json_schema": inner}
    draft.chat["response_format"] = shape


def _include(draft: Draft, name: str, value: Any) -> None:
    if LOGPROBS in value:
        draft.chat["logprobs"] = True
        if draft.asked.get("top_logprobs"):
            draft.chat["top_logprobs"] = draft.asked["top_logprobs"]
    given = {LOGPROBS} if draft.seal is None else {LOGPROBS, SEALED}
    if not given.issuperset(value):
        draft.leave_out(name)


def _compacting(draft: Draft, name: str, value: Any) -> None:
    """Compaction is for the exchange; there is no other management."""
    for place, entry in enumerate(value):
        if entry["type"] != "compaction":
            draft.drop(name, f"{name}[{place}].type", f"it knows of no {entry['type'][:60]!r}")


def _stored(draft: Draft, name: str, value: Any) -> None:
    if draft.stored:
        return
    message = f"'{name}' is not supported: nothing is stored here; send the whole conversation as 'input'."
    raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _background(draft: Draft, name: str, value: Any) -> None:
    if value and not draft.stored:
        message = f"'{name}' is not supported: an answer is given at once, whole or streamed."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _prompt(draft: Draft, name: str, value: Any) -> None:
    message = f"'{name}' is not supported: prompt templates are kept at OpenAI; send the prompt itself as 'input'."
    raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _unknown(draft: Draft, name: str, value: Any) -> None:
    """Qwen's own fields are for the model's rulings; those of chat completions mean nothing here."""
    if name in ChatRequest.__annotations__:
        draft.drop(name, name, "it is a field of chat completions, not of responses", UNKNOWN_PARAMETER)
    else:
        draft.chat[name] = value


STORED = Ruling("rewritten", "its items come before the input; refused where nothing is stored", _stored)
PASSED_ON = Ruling("dropped", "as in a chat completion", _keep)

TABLE: Mapping[str, Ruling] = {
    "model": Ruling("rewritten", "the upstream's own name, by alias or default", _keep),
    "input": Ruling("rewritten", "messages; a ruling for each kind of item", _elsewhere),
    "instructions": Ruling("rewritten", "a system message in front", _elsewhere),
    "tools": Ruling("rewritten", "functions; tools that OpenAI hosts are dropped", _elsewhere),
    "tool_choice": Ruling("rewritten", "a choice among functions; refused if it demands a hosted tool", _elsewhere),
    "parallel_tool_calls": Ruling("kept", "and false is enforced on the answer", _keep),
    "max_tool_calls": Ruling("dropped", "counts hosted tools only", _hint),
    "stream": Ruling("kept", "the events of the Responses API", _elsewhere),
    "stream_options": Ruling("dropped", "nothing is obfuscated", _elsewhere),
    "max_output_tokens": Ruling("renamed", "max_completion_tokens: thinking counts", _limit),
    "temperature": Ruling("kept", "as in a chat completion", _keep),
    "top_p": Ruling("kept", "as in a chat completion", _keep),
    "top_logprobs": Ruling("kept", f"if include names {LOGPROBS}", _elsewhere),
    "text": Ruling("rewritten", "response_format and verbosity", _text),
    "reasoning": Ruling("rewritten", "reasoning_effort; a summary shows the thinking", _reasoning),
    "include": Ruling(
        "rewritten", "log probabilities, sealed thinking; the rest is of tools that OpenAI hosts", _include
    ),
    "truncation": Ruling("dropped", "the model's own limit holds", _wanted),
    "metadata": Ruling("dropped", "is said back", _keep),
    "moderation": PASSED_ON,
    "service_tier": PASSED_ON,
    "user": PASSED_ON,
    "safety_identifier": PASSED_ON,
    "prompt_cache_key": PASSED_ON,
    "prompt_cache_options": PASSED_ON,
    "prompt_cache_retention": PASSED_ON,
    "access_programs": Ruling("dropped", "is for OpenAI's own models", _hint),
    "image": Ruling("dropped", "images are sent as they are", _hint),
    "context_management": Ruling("rewritten", "beyond the threshold, the conversation is summed up first", _compacting),
    "client_metadata": Ruling("dropped", "is for OpenAI's own records", _hint),
    "store": Ruling("kept", "true by default; dropped where nothing is stored", _store),
    "previous_response_id": STORED,
    "conversation": STORED,
    "background": Ruling("kept", "refused where nothing is stored", _background),
    "background_options": Ruling("dropped", "belongs to background", _hint),
    "prompt": Ruling("refused", "templates are kept at OpenAI", _prompt),
}
"""Every field, and what Codex adds."""

UNKNOWN = Ruling("kept", "Qwen's own fields, by the model's rulings; those of chat completions dropped", _unknown)
