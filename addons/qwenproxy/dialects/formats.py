"""`response_format`, within what a model's row takes; what it does not take is asked for in words."""

from typing import Any

import orjson

from qwenproxy.dialects.draft import Draft
from qwenproxy.dialects.thinking import stop
from qwenproxy.wire.openai import Json

JSON_ONLY = "Answer with one JSON object and nothing else."
BY_SCHEMA = "Answer with one JSON value that fits this JSON Schema, and with nothing else:\n"


def settle(draft: Draft) -> None:
    """Writes `response_format`, or adds a sentence to the system message, or both."""
    wanted = draft.asked.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else None
    if kind == "json_object":
        _object(draft, JSON_ONLY)
    elif kind == "json_schema" and draft.row.json_schema and _enforced(draft):
        draft.chat["response_format"] = wanted
    elif kind == "json_schema":
        draft.note("response_format: the schema is asked for in the system message")
        draft.asides.append(BY_SCHEMA + _schema(wanted))
        _object(draft, "")
    elif kind is not None:
        draft.chat["response_format"] = wanted


def _enforced(draft: Draft) -> bool:
    """Whether the service enforces a format in this call, thinking turned off if it must be."""
    return not draft.thinks or draft.row.json_while_thinking or stop(draft, "response_format")


def _object(draft: Draft, sentence: str) -> None:
    if draft.row.json_object and _enforced(draft):
        draft.chat["response_format"] = {"type": "json_object"}
        if not draft.row.json_word or _mentions_json(draft):
            return
    if sentence:
        draft.note("response_format: JSON is asked for in the system message")
        draft.asides.append(sentence)


def _schema(wanted: Any) -> str:
    named = wanted.get("json_schema")
    return orjson.dumps(named.get("schema") if isinstance(named, dict) else {}).decode()


def _mentions_json(draft: Draft) -> bool:
    """Whether the messages or the sentences to come hold the word that the service looks for."""
    texts = [_text(message) for message in draft.chat.get("messages", ())]
    return any("json" in text.lower() for text in (*texts, *draft.asides))


def _text(message: Json) -> str:
    content = message.get("content") if message.get("role") in ("system", "user") else ""
    if isinstance(content, list):
        return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
