"""The native face's requests, read as OpenAI-like ones, and what this face itself says against them (qwen-wire C.3).

The parameters keep their names; `result_format` and `incremental_output`, which only this face has, stay among them.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from qwenproxy.simulator.ask import Ask, dicts
from qwenproxy.simulator.refusals import Refused, invalid
from qwenproxy.wire.openai import Json

MISSING = "Required parameter(s) missing or invalid, please check the request parameters."

TEXT_BY_DEFAULT = (
    "qwen-max*",
    "qwen-plus*",
    "qwen-turbo*",
    "qwen-flash*",
    "qwen-long*",
    "qwen-coder-*",
    "qwen-math-*",
    "qwen-mt-*",
    "qwen2*",
    "qwen1*",
    "deepseek-*",
)
"""Models of text generation that answer in `output.text` unless they are told otherwise."""

INCREMENTS_ONLY = ("qwen3.5-*",)
"""Models that refuse streams of the whole answer so far, even when they do not think."""


def chat_of(body: Json, *, multimodal: bool, stream: bool) -> Json:
    """The chat request in *body*.  Raises Refused for a body without `input`, or with `parameters` of another kind."""
    given, parameters = body.get("input"), body.get("parameters")
    if not isinstance(given, dict) or not isinstance(parameters, dict | None):
        raise Refused(invalid(MISSING))
    messages = given.get("messages", _spoken(given))
    if multimodal and isinstance(messages, list):
        messages = [_message(message) if isinstance(message, dict) else message for message in messages]
    return {**(parameters or {}), "model": body.get("model"), "messages": messages, "stream": stream}


def _spoken(given: Json) -> list[Json] | None:
    """The messages of the old way to ask: a prompt, and the pairs that were said before it."""
    if not isinstance(given.get("prompt"), str):
        return None
    pairs = [(pair.get("user"), pair.get("bot")) for pair in dicts(given.get("history"))]
    turns = [turn for user, bot in pairs for turn in (("user", user), ("assistant", bot))]
    return [{"role": role, "content": text} for role, text in (*turns, ("user", given["prompt"]))]


def _message(message: Json) -> Json:
    parts = message.get("content")
    if not isinstance(parts, list):
        return message
    return {**message, "content": [_part(part) if isinstance(part, dict) else part for part in parts]}


def _part(part: Json) -> Json:
    """A part, which is named by its key; one that has a type instead is none that this face knows."""
    kind = next((kind for kind in PARTS if kind in part), None)
    if kind is None or "type" in part:
        return {"type": None}
    mark = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    return PARTS[kind](part[kind]) | mark


def _video(value: Any) -> Json:
    """One by its address, or its frames."""
    if isinstance(value, list):
        return {"type": "video", "video": value}
    return {"type": "video_url", "video_url": {"url": value}}


PARTS: Mapping[str, Callable[[Any], Json]] = {
    "text": lambda value: {"type": "text", "text": value},
    "image": lambda value: {"type": "image_url", "image_url": {"url": value}},
    "audio": lambda value: {"type": "input_audio", "input_audio": {"data": value}},
    "video": _video,
    "file": lambda value: {"type": "file", "file": {"file_url": value}},
}
"""The key that names a part -> the OpenAI-like part of its value."""


def is_incremental(ask: Ask) -> bool:
    return ask.chat.get("incremental_output") is True


def speaks_text(ask: Ask) -> bool:
    """Whether the answer is `output.text`, not `output.choices`; only text generation has it."""
    by_default = any(fnmatchcase(ask.model, pattern) for pattern in TEXT_BY_DEFAULT)
    wanted = ask.chat.get("result_format") or ("text" if by_default else "message")
    return wanted == "text" and not ask.row.multimodal


def complaint(ask: Ask) -> str | None:
    """What is wrong with the parameters that only this face has."""
    return next((said for check in CHECKS if (said := check(ask)) is not None), None)


def _result_format(ask: Ask) -> str | None:
    fine = ask.chat.get("result_format") in (None, "text", "message")
    return None if fine else 'The result_format parameter should be "text" or "message".'


def _tools(ask: Ask) -> str | None:
    if not ask.chat.get("tools") or not speaks_text(ask):
        return None
    return 'The result_format parameter must be "message" when tools are set.'


def _thoughts(ask: Ask) -> str | None:
    if not ask.thinks or not speaks_text(ask):
        return None
    return 'The result_format parameter must be "message" when enable_thinking is true.'


def _thinking_stream(ask: Ask) -> str | None:
    if not ask.stream or is_incremental(ask) or not ask.thinks:
        return None
    return 'The incremental_output parameter must be "true" when enable_thinking is true.'


def _increments(ask: Ask) -> str | None:
    if not ask.stream or is_incremental(ask):
        return None
    refused = ask.row.thinks_only_streaming or any(fnmatchcase(ask.model, pattern) for pattern in INCREMENTS_ONLY)
    return "The incremental_output parameter of this model cannot be set to False." if refused else None


CHECKS: tuple[Callable[[Ask], str | None], ...] = (_result_format, _tools, _thoughts, _thinking_stream, _increments)
