"""Marks for Qwen's context cache: all that stands before one is kept for five minutes, and costs a tenth when it comes
again (a quarter more the first time).

At most four marks; less than 1,024 tokens before one are not kept.  Source: vendor docs (context cache), 2026-11-22.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from qwenproxy.dialects.parts import text
from qwenproxy.wire.openai import Json

FIELD = "cache_control"
MARK: Json = {FIELD: {"type": "ephemeral"}}


def marked(chat: Json) -> Json:
    """*chat* with marks at the end of its system message and of its last user message.

    If the app has set marks of its own, it knows better, and nothing is added.
    """
    messages: Sequence[Json] = chat["messages"]
    if is_marked(chat):
        return chat
    last = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)
    wanted = [
        _marked(message) if at == last or message["role"] == "system" else message
        for at, message in enumerate(messages)
    ]
    return {**chat, "messages": wanted}


def is_marked(chat: Json) -> bool:
    """Whether the app has set marks of its own."""
    return any(FIELD in holder for holder in _holders(chat))


def _holders(chat: Json) -> Iterable[Json]:
    """Whatever can hold a mark: messages, their parts, tools."""
    for message in chat["messages"]:
        yield message
        content = message.get("content")
        yield from (part for part in content if isinstance(part, dict)) if isinstance(content, list) else ()
    yield from chat.get("tools") or ()


def _marked(message: Json) -> Json:
    """*message* with a mark on its last part; as it is if it says nothing."""
    content: Any = message.get("content")
    parts = [text(content)] if isinstance(content, str) and content else content
    if not isinstance(parts, list) or not parts or not isinstance(parts[-1], dict):
        return message
    return {**message, "content": [*parts[:-1], {**parts[-1], **MARK}]}
