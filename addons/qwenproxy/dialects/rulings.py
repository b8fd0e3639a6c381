"""One ruling for every field of a chat request: OpenAI's and Qwen's own.  The table is also what the docs print.

Sources: `openai` 3.54's chat completion request; Qwen's chat API reference and what its service was seen to refuse,
2026-11-22.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qwenproxy.dialects import caching, clamps, formats, history, thinking, tools
from qwenproxy.dialects.draft import Draft, Ruled
from qwenproxy.errors import UNKNOWN_PARAMETER, UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

type Kind = Literal["kept", "renamed", "clamped", "rewritten", "emulated", "dropped", "refused"]
type Apply = Callable[[Draft, str, Any], None]

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of one field, and why.  `apply` settles it alone; where fields depend on others a stage does."""

    kind: Kind
    reason: str
    apply: Apply


def rule(
    chat: Json, row: Row, *, refuse: bool, unsaid: Mapping[str, str] = NOTHING, cache_markers: bool = False
) -> Ruled:
    """*chat* as the model of *row* takes it; *refuse* what cannot be honoured, instead of leaving it out.

    *unsaid*: fields that the dialect cannot say, marks for the cache among them, and why.  *cache_markers*: mark it for
    the upstream's cache.

    Raises ProxyError for what is refused, and for messages that no model can answer.
    """
    draft = Draft(chat, row, refuse)
    for name, value in chat.items():
        ruling = TABLE.get(name, UNKNOWN)
        if value is not None or name not in OPENAI:  # in OpenAI's fields null says "as if left out"; Qwen's may take it
            ruling.apply(draft, name, value)
    for stage in STAGES:
        stage(draft)
    for name in [name for name in draft.chat if name in unsaid]:
        _unsaid(draft, name, unsaid[name])
    if caching.FIELD in unsaid:
        if caching.is_marked(draft.chat):
            draft.leave_out(caching.FIELD)
    elif cache_markers and row.cache:
        draft.chat = caching.marked(draft.chat)
    return draft.ruled()


def _keep(draft: Draft, name: str, value: Any) -> None:
    draft.chat[name] = value


def _staged(draft: Draft, name: str, value: Any) -> None:
    """Left to a stage, which sees the whole request."""


def _hint(draft: Draft, name: str, value: Any) -> None:
    draft.leave_out(name)


def _foreign(draft: Draft, name: str, value: Any) -> None:
    if value:
        draft.drop(name, "it means nothing to Qwen's models")


def _verbosity(draft: Draft, name: str, value: Any) -> None:
    if value != "medium":
        draft.drop(name, "Qwen's models have no such setting")


def _moderation(draft: Draft, name: str, value: Any) -> None:
    policy = value.get("policy") if isinstance(value, dict) else None
    sides = policy.values() if isinstance(policy, dict) else ()
    if any(isinstance(side, dict) and side.get("mode") == "block" for side in sides):
        message = "The parameter 'moderation' is not supported: nothing here could block an answer."
        raise ProxyError(UNSUPPORTED_PARAMETER, message, param=name)
    draft.leave_out(name)


def _spoken(draft: Draft, name: str, value: Any) -> None:
    """Audio output: of models that speak; an app that wants to hear must not be given text."""
    if draft.row.audio_output:
        draft.chat[name] = value
    elif _is_to_be_heard(name, value):
        raise _mute(name, "the model gives no audio")


def _is_to_be_heard(name: str, value: Any) -> bool:
    return name == "audio" or (name == "modalities" and isinstance(value, list) and "audio" in value)


def _mute(name: str, why: str) -> ProxyError:
    message = f"The parameter '{name}' is not supported: {why}; ask for text."
    return ProxyError(UNSUPPORTED_PARAMETER, message, param=name)


def _unsaid(draft: Draft, name: str, why: str) -> None:
    """Leaves out what the dialect cannot say; an app that wants to hear must not be given text here either."""
    value = draft.chat.pop(name)
    if _is_to_be_heard(name, value):
        raise _mute(name, why)
    if name == "modalities":
        draft.leave_out(name)  # text alone, which the answer will be
    else:
        draft.drop(name, why)


def _search(draft: Draft, name: str, value: Any) -> None:
    if draft.row.search:
        draft.chat[name] = value
    elif value:
        draft.drop(name, "the upstream does not search the web")


def _web_search(draft: Draft) -> None:
    """OpenAI's search models look things up before every answer."""
    wanted, own = draft.asked.get("web_search_options"), draft.asked.get("search_options")
    if wanted is None:
        return
    if not draft.row.search:
        draft.drop("web_search_options", "the upstream does not search the web")
        return
    draft.chat["enable_search"] = True
    draft.chat["search_options"] = {"forced_search": True, **(own if isinstance(own, dict) else {})}
    for part in wanted if isinstance(wanted, dict) else ():
        draft.leave_out(f"web_search_options.{part}")


def _template(draft: Draft, name: str, value: Any) -> None:
    """`enable_thinking` in it is asked for with the other ways to think."""
    others = (
        {key: said for key, said in value.items() if key != "enable_thinking"} if isinstance(value, dict) else value
    )
    if others:
        draft.chat[name] = others


def _unknown(draft: Draft, name: str, value: Any) -> None:
    if draft.row.extras:
        draft.chat[name] = value
    else:
        draft.drop(name, "neither OpenAI nor Qwen has it", UNKNOWN_PARAMETER)


def _messages(draft: Draft) -> None:
    keep = draft.row.keeps_thinking or draft.asked.get("preserve_thinking") is True
    repaired = history.repair(draft.asked.get("messages") or [], draft.row, keep_thinking=keep)
    draft.chat["messages"] = repaired.messages
    draft.changed += repaired.notes


def _asides(draft: Draft) -> None:
    if draft.asides:
        draft.chat["messages"] = history.tell(draft.chat["messages"], "\n\n".join(draft.asides), draft.row)


STAGES: tuple[Callable[[Draft], None], ...] = (
    _messages,
    _web_search,
    thinking.settle,
    tools.settle,
    formats.settle,
    clamps.answer_length,
    clamps.choices,
    _asides,
)

OPENAI: Mapping[str, Ruling] = {
    "messages": Ruling("rewritten", "roles and parts in Qwen's forms; histories that Qwen refuses repaired", _staged),
    "model": Ruling("rewritten", "the upstream's own name, by alias or default", _keep),
    "stream": Ruling("rewritten", "streamed upstream also where a whole answer would be refused or cut off", _staged),
    "stream_options": Ruling("rewritten", "usage is always asked for, and passed on if the app asked", _staged),
    "max_tokens": Ruling("clamped", "each model has its own limit; with max_completion_tokens the smaller", _staged),
    "max_completion_tokens": Ruling("renamed", "max_tokens, except for models that take it", _staged),
    "temperature": Ruling("clamped", "must be below 2", clamps.temperature),
    "top_p": Ruling("clamped", "must be above 0", clamps.top_p),
    "presence_penalty": Ruling("kept", "the same", _keep),
    "frequency_penalty": Ruling("kept", "taken, though most models give little on it", _keep),
    "seed": Ruling("clamped", "31 bits", clamps.seed),
    "stop": Ruling("clamped", "without empty strings", clamps.stop),
    "n": Ruling("emulated", "several calls, where the model takes no n in one", _staged),
    "logprobs": Ruling("kept", "by the models that give them, else dropped", clamps.logprobs),
    "top_logprobs": Ruling("clamped", "5 at most; dropped with logprobs", clamps.logprobs),
    "logit_bias": Ruling("dropped", "its token ids are those of another vocabulary", _foreign),
    "tools": Ruling("rewritten", "functions with object schemas; reserved names replaced, and put back", _staged),
    "tool_choice": Ruling("rewritten", "thinking turned off, or auto, where a model takes no forced choice", _staged),
    "parallel_tool_calls": Ruling("kept", "and false is enforced on the answer", _staged),
    "functions": Ruling("rewritten", "tools, by the endpoint", _staged),
    "function_call": Ruling("rewritten", "tool_choice, by the endpoint", _staged),
    "response_format": Ruling("emulated", "in words, where the model takes no JSON mode or no schema", _staged),
    "reasoning_effort": Ruling("rewritten", "the model's own efforts, or enable_thinking and thinking_budget", _staged),
    "verbosity": Ruling("dropped", "no such setting", _verbosity),
    "modalities": Ruling("refused", "audio, except by models that speak", _spoken),
    "audio": Ruling("refused", "except by models that speak", _spoken),
    "prediction": Ruling("dropped", "only makes answers faster", _hint),
    "web_search_options": Ruling("rewritten", "enable_search and search_options", _staged),
    "moderation": Ruling("dropped", "not done; refused if it should block", _moderation),
    "store": Ruling("dropped", "chat completions are not stored", _hint),
    "metadata": Ruling("dropped", "belongs to stored answers", _hint),
    "service_tier": Ruling("dropped", "there is one", _hint),
    "user": Ruling("dropped", "Qwen does not ask who it is", _hint),
    "safety_identifier": Ruling("dropped", "Qwen does not ask who it is", _hint),
    "prompt_cache_key": Ruling("dropped", "Qwen's cache works without", _hint),
    "prompt_cache_options": Ruling("dropped", "Qwen's cache works without", _hint),
    "prompt_cache_retention": Ruling("dropped", "Qwen's cache works without", _hint),
}
"""OpenAI's own fields, every one of them."""

QWEN: Mapping[str, Ruling] = {
    **dict.fromkeys(("top_k", "repetition_penalty"), Ruling("kept", "sampling", _keep)),
    "enable_thinking": Ruling("rewritten", "where the model can be told", _staged),
    "thinking": Ruling("rewritten", "enable_thinking and thinking_budget", _staged),
    "thinking_budget": Ruling("clamped", "to the model's longest; never sent with reasoning_effort", _staged),
    "preserve_thinking": Ruling("kept", "and the reasoning_content of the history with it", _keep),
    "chat_template_kwargs": Ruling("rewritten", "enable_thinking in it as the field of that name", _template),
    **dict.fromkeys(("enable_search", "search_options"), Ruling("kept", "web search", _search)),
    "tool_stream": Ruling("kept", "true for streams, if the app does not say", _keep),
    "translation_options": Ruling("kept", "translation models", _keep),
    "enable_code_interpreter": Ruling("kept", "the service's own tool", _keep),
    **dict.fromkeys(
        ("vl_high_resolution_images", "vl_enable_image_hw_output", "min_pixels", "max_pixels"),
        Ruling("kept", "how closely images are looked at", _keep),
    ),
    **dict.fromkeys(("asr_options", "ocr_options"), Ruling("kept", "speech and text recognition", _keep)),
}
"""Qwen's own fields, which apps send as extras."""

TABLE: Mapping[str, Ruling] = {**OPENAI, **QWEN}
UNKNOWN = Ruling("dropped", "neither OpenAI's nor Qwen's", _unknown)
