"""The messages of a request: OpenAI's roles and forms turned into Qwen's, and histories repaired that Qwen refuses."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from qwenproxy.dialects.pairing import pair
from qwenproxy.dialects.parts import convert, is_plain, joined, text
from qwenproxy.errors import INVALID_VALUE, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

KEPT = ("role", "content", "tool_calls", "tool_call_id", "reasoning_content", "partial", "cache_control")
"""Fields of a message that go upstream."""
UNSAID = frozenset({"function_call", "refusal", "annotations"})
"""Fields that are rewritten, or hold nothing that the model would read."""


class History(NamedTuple):
    """Messages as Qwen takes them, and notes on what was changed."""

    messages: list[Json]
    notes: tuple[str, ...]


def repair(messages: Sequence[Json], row: Row, *, keep_thinking: bool) -> History:
    """*messages* as the model takes them; *keep_thinking*: with the `reasoning_content` of earlier turns.

    Raises ProxyError for messages without any to answer, and for content that the model does not take.
    """
    notes: list[str] = []
    modern = _modern(messages)
    clean = [_clean(message, f"messages[{i}]", row, keep_thinking, notes) for i, message in enumerate(modern)]
    paired = pair(clean, notes)
    if all(message["role"] == "system" for message in paired):
        said = "holds nothing to answer" if messages else "is empty"
        raise ProxyError(INVALID_VALUE, f"'messages' {said}; add a user message.", param="messages")
    placed = _hoisted(_lifted(paired, notes), row, notes)
    flat = [_flat(message) for message in placed] if row.flat_text else placed
    return History(flat, tuple(dict.fromkeys(notes)))


def tell(messages: Sequence[Json], words: str, row: Row) -> list[Json]:
    """*messages* with a sentence more in the system message."""
    first, *others = messages
    if first["role"] == "system":
        return [{**first, "content": _appended(first.get("content"), words)}, *others]
    if row.system:
        return [{"role": "system", "content": words}, first, *others]
    return _folded(words, messages)


def _modern(messages: Sequence[Json]) -> list[Json]:
    """Today's roles: developer is system; functions and their calls are tools."""
    ids: dict[Any, str] = {}
    modern: list[Json] = []
    for place, message in enumerate(messages):
        call = message.get("function_call")
        match message.get("role"):
            case "developer":
                message = {**message, "role": "system"}
            case "function":
                made = ids.get(message.get("name"), f"call_{place}")
                message = {"role": "tool", "tool_call_id": made, "content": message.get("content")}
            case "assistant" if isinstance(call, dict) and not message.get("tool_calls"):
                ids[call.get("name")] = f"call_{place}"
                tool_call = {"id": f"call_{place}", "type": "function", "function": call}
                message = {**message, "tool_calls": [tool_call]}
        modern.append(message)
    return modern


def _clean(message: Json, at: str, row: Row, keep_thinking: bool, notes: list[str]) -> Json:
    """One message: known fields, converted content."""
    kept = {key: message[key] for key in KEPT if key in message}
    kept.setdefault("role", "user")
    notes += [f"messages: {key} left out" for key, value in message.items() if _is_said(key, value)]
    content = message.get("content")
    if isinstance(content, list):
        kept["content"] = convert(content, f"{at}.content", row)
    if kept["role"] == "assistant":
        return _assistant(kept, message, keep_thinking)
    kept.pop("tool_calls", None)
    if content is None:
        kept["content"] = ""
    return kept


def _is_said(key: str, value: Any) -> bool:
    return key not in KEPT and key not in UNSAID and value not in (None, "", [], {})


def _assistant(kept: Json, message: Json, keep_thinking: bool) -> Json:
    calls = kept.pop("tool_calls", None)
    if calls:
        kept["tool_calls"] = [_call(call) for call in calls]
    if not kept.get("content"):
        empty = None if calls and kept.get("content") is None else ""
        kept["content"] = message.get("refusal") or empty
    if not keep_thinking:
        kept.pop("reasoning_content", None)
    return kept


def _call(call: Json) -> Json:
    """A call whose arguments are JSON even where an app replays none."""
    function = call.get("function")
    if not isinstance(function, dict) or function.get("arguments"):
        return call
    return {**call, "function": {**function, "arguments": "{}"}}


def _lifted(messages: Sequence[Json], notes: list[str]) -> list[Json]:
    """Tool results as strings; what else they hold goes into a user message after the results."""
    lifted: list[Json] = []
    waiting: list[Json] = []
    for message in messages:
        if message["role"] != "tool":
            lifted += _shown(waiting)
            waiting = []
        elif isinstance(message.get("content"), list):
            message, others = _parted(message)
            waiting += others
        lifted.append(message)
    lifted += _shown(waiting)
    if len(lifted) > len(messages):
        notes.append("images of tool results moved into a user message")
    return lifted


def _shown(parts: list[Json]) -> list[Json]:
    return [{"role": "user", "content": parts}] if parts else []


def _parted(message: Json) -> tuple[Json, list[Json]]:
    """A tool result without its media, and these."""
    texts = [part for part in message["content"] if isinstance(part, dict) and part.get("type") == "text"]
    media = [part for part in message["content"] if part not in texts]
    words = joined(texts) or ("The result is in the next user message." if media else "")
    title = [text(f"From the result of the tool call {message.get('tool_call_id')}:")] if media else []
    return {**message, "content": words}, title + media


def _hoisted(messages: list[Json], row: Row, notes: list[str]) -> list[Json]:
    """One system message in front, or none for a model that takes none; order kept."""
    systems = [message for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not systems:
        return messages
    if not row.system:
        notes.append("system message moved into the first user message")
        return _folded("\n\n".join(joined(_parts(message)) for message in systems), others)
    if not row.system_first or (len(systems) == 1 and messages[0] is systems[0]):
        return messages
    notes.append("system messages merged in front")
    return [_merged(systems), *others]


def _merged(systems: Sequence[Json]) -> Json:
    """One system message of several: a string if all are text, else parts, so that cache marks stay where they are."""
    parts = [part for message in systems for part in _parts(message)]
    contents = [joined(_parts(message)) for message in systems]
    return {**systems[0], "content": "\n\n".join(contents) if is_plain(parts) else parts}


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return content if isinstance(content, list) else [text(str(content))]


def _folded(words: str, messages: Sequence[Json]) -> list[Json]:
    """*messages* with *words* at the start of the first user message."""
    place = next((i for i, message in enumerate(messages) if message["role"] == "user"), None)
    if place is None:
        return [{"role": "user", "content": words}, *messages]
    user = messages[place]
    content = user.get("content")
    full = [text(words), *content] if isinstance(content, list) else f"{words}\n\n{content}"
    return [*messages[:place], {**user, "content": full}, *messages[place + 1 :]]


def _appended(content: Any, words: str) -> Any:
    if isinstance(content, list):
        return [*content, text(words)]
    return f"{content}\n\n{words}" if content else words


def _flat(message: Mapping[str, Any]) -> Json:
    content = message.get("content")
    if isinstance(content, list) and is_plain(content):
        return {**message, "content": joined(content)}
    return dict(message)
