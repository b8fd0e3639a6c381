"""One ruling for every field of a legacy completion request.  The table is also what the docs print.

Source: `openai` 3.54's `CompletionCreateParams`, 2026-11-22.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qwenproxy.errors import INVALID_VALUE, UNKNOWN_PARAMETER, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.wire.openai import Json

type Kind = Literal["kept", "rewritten", "emulated", "dropped", "refused"]

SHORT = 16
"""OpenAI's own default of `max_tokens`."""

THINKING = ("enable_thinking", "thinking", "thinking_budget", "reasoning_effort", "chat_template_kwargs")
"""Extra fields by which an app may decide on thinking itself."""

CHATS_ONLY = frozenset(
    {"messages", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "modalities", "audio"}
)


@dataclass(slots=True)
class Draft:
    """`asked` is the app's request, `chat` what becomes of it."""

    asked: Json
    refuse: bool
    """Refuse what cannot be honoured, instead of leaving it out."""
    chat: Json = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)


type Apply = Callable[[Draft, str, Any], None]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one field, and why."""

    kind: Kind
    reason: str
    apply: Apply


def settle(draft: Draft) -> None:
    """Writes what the fields of `draft.asked` say.  Raises ProxyError for what is refused."""
    for name, value in draft.asked.items():
        if value is not None:
            TABLE.get(name, UNKNOWN).apply(draft, name, value)
    draft.chat.setdefault("max_tokens", SHORT)
    if not any(name in draft.chat for name in THINKING):
        draft.chat["reasoning_effort"] = "minimal"  # an answer of this kind has no place for thinking


def _keep(draft: Draft, name: str, value: Any) -> None:
    draft.chat[name] = value


def _elsewhere(draft: Draft, name: str, value: Any) -> None:
    """Read where the answer is written, or the messages are made."""


def _logprobs(draft: Draft, name: str, value: Any) -> None:
    draft.chat["logprobs"] = True
    if value:
        draft.chat["top_logprobs"] = value


def _echo(draft: Draft, name: str, value: Any) -> None:
    if value and draft.asked.get("logprobs") is not None:
        message = "'echo' with 'logprobs' is not supported: Qwen gives no log probabilities of a prompt."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _suffix(draft: Draft, name: str, value: Any) -> None:
    if value and draft.asked.get("echo"):
        raise ProxyError(INVALID_VALUE, "'suffix' and 'echo' exclude each other.", param=name)


def _best(draft: Draft, name: str, value: Any) -> None:
    """Of several answers the best: without the probabilities of each, nobody here could tell which."""
    wanted = draft.asked.get("n") or 1
    if value < wanted:
        raise ProxyError(INVALID_VALUE, f"'best_of' must be at least 'n', which is {wanted}.", param=name)
    if value == wanted:
        return
    if draft.asked.get("stream"):
        raise ProxyError(INVALID_VALUE, "'best_of' above 'n' cannot be streamed.", param=name)
    if draft.refuse:
        message = "'best_of' is not supported: answers are not ranked here; ask for as many as 'n' says."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)
    draft.dropped.append(name)


def _stream_options(draft: Draft, name: str, value: Any) -> None:
    if not draft.asked.get("stream"):
        raise ProxyError(INVALID_VALUE, "'stream_options' is only allowed when 'stream' is true.", param=name)


def _unknown(draft: Draft, name: str, value: Any) -> None:
    if name in CHATS_ONLY:
        message = f"'{name}' is a field of chat completions: POST it to /v1/chat/completions."
        raise ProxyError(UNKNOWN_PARAMETER, message, param=name)
    draft.chat[name] = value


AS_IN_CHAT = Ruling("kept", "as in a chat completion", _keep)

TABLE: Mapping[str, Ruling] = {
    "model": Ruling("rewritten", "the upstream's own name, by alias or default", _keep),
    "prompt": Ruling(
        "rewritten", "a user message; token ids become text; several prompts are several calls", _elsewhere
    ),
    "suffix": Ruling("rewritten", "the model's own template, for models that fill gaps; refused for others", _suffix),
    "max_tokens": Ruling("kept", f"{SHORT} if the app says nothing, as with OpenAI", _keep),
    "n": AS_IN_CHAT,
    "best_of": Ruling("dropped", "answers are not ranked; the same as n changes nothing", _best),
    "echo": Ruling("emulated", "the prompt in front of the answer; refused with logprobs", _echo),
    "logprobs": Ruling("rewritten", "logprobs and top_logprobs, and back into the legacy shape", _logprobs),
    "stop": AS_IN_CHAT,
    "stream": Ruling("kept", "chunks of text", _elsewhere),
    "stream_options": Ruling("kept", "usage, if the app asks for it", _stream_options),
    "temperature": AS_IN_CHAT,
    "top_p": AS_IN_CHAT,
    "presence_penalty": AS_IN_CHAT,
    "frequency_penalty": AS_IN_CHAT,
    "seed": AS_IN_CHAT,
    "logit_bias": Ruling("dropped", "as in a chat completion", _keep),
    "user": Ruling("dropped", "as in a chat completion", _keep),
}
"""Every field."""

UNKNOWN = Ruling("kept", "Qwen's own fields, by the model's rulings; those of chat completions refused", _unknown)
