"""Rules for messages: each says what is wrong with a request, or None."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from qwenproxy.simulator.ask import Ask, dicts, url_of
from qwenproxy.simulator.pictures import picture_of
from qwenproxy.wire.openai import Json

ROLES = ("system", "assistant", "user", "tool", "function")
"""The roles that the gateway lets through; the models do not take the last one."""

ADDRESSES = ("http://", "https://", "data:", "oss://")
MEDIA = {"image_url": "vision", "input_audio": "audio", "video_url": "video", "video": "video", "file": "files"}
"""Kinds of parts, and the field of a model's row that says whether it takes them."""

BLIND = ("deepseek-*", "glm-*")
"""Models that take pictures and never look at them (measured 2026-09); the others refuse what they cannot see."""

IMAGE_BYTES, IMAGE_SIDE = 10 * 1024 * 1024, 10
FLAT = "input content must be a string"


def a_list(ask: Ask) -> str | None:
    value = ask.chat.get("messages")
    if not isinstance(value, list):
        return "'messages' is a required property" if value is None else "messages is not of type 'array'"
    return None if value and len(ask.messages) == len(value) else "[] is too short - 'messages'"


def roles(ask: Ask) -> str | None:
    for at, message in enumerate(ask.messages):
        if message.get("role") not in ROLES:
            return f"{message.get('role')} is not one of {list(ROLES)} - 'messages.['{at}].role'"
    return None


def function_role(ask: Ask) -> str | None:
    return "The role function is not supported, use tool instead." if list(_of(ask, "function")) else None


def portal(ask: Ask) -> str | None:
    """The login's own host: one system message, in front, in parts, the last of them marked for the cache (B.4)."""
    if not ask.portal:
        return None
    at = [at for at, message in enumerate(ask.messages) if message.get("role") == "system"]
    parts = dicts(ask.messages[0].get("content")) if at == [0] else []
    return None if parts and "cache_control" in parts[-1] else "bad request"


def somebody_speaks(ask: Ask) -> str | None:
    if any(message.get("role") != "system" for message in ask.messages):
        return None
    return (
        'The messages list should not contain only one message with role "system". '
        "Please include at least one other role in the messages."
    )


def system_first(ask: Ask) -> str | None:
    """The rows that say so take one system message, in front."""
    at = [at for at, message in enumerate(ask.messages) if message.get("role") == "system"]
    return None if not ask.row.system_first or at in ([], [0]) else "System message must be at the beginning."


def content(ask: Ask) -> str | None:
    """There is some, unless the model called tools instead."""
    for at, message in enumerate(ask.messages):
        value = message.get("content")
        if value is None and message.get("role") == "assistant" and message.get("tool_calls"):
            continue
        if not isinstance(value, str | list):
            return f"content is required, a string or a list - 'messages.['{at}].content'"
        if isinstance(value, list) and not _known(value):
            return "Unexpected item type in content."
    return None


def _known(parts: list[object]) -> bool:
    return len(dicts(parts)) == len(parts) and all(part.get("type") in ("text", *MEDIA) for part in dicts(parts))


def flat_text(ask: Ask) -> str | None:
    """Models that take strings only; parts that are marked for the cache are let through."""
    if not ask.row.flat_text:
        return None
    return FLAT if any(_in_parts(message) for message in ask.messages) else None


def _in_parts(message: Json) -> bool:
    value = message.get("content")
    return isinstance(value, list) and not any("cache_control" in part for part in dicts(value))


def tool_content(ask: Ask) -> str | None:
    return None if all(isinstance(message.get("content"), str) for message in _of(ask, "tool")) else FLAT


def media(ask: Ask) -> str | None:
    """Only what the model sees or hears, and only under an address."""
    for part in ask.parts:
        kind = str(part.get("type"))
        if kind in MEDIA and not getattr(ask.row, MEDIA[kind]) and not _blind(ask.model, kind):
            return "Unexpected item type in content."
    if not all(url.startswith(ADDRESSES) for url in ask.images):
        return "The provided URL does not appear to be valid. Ensure it is correctly formatted."
    sounds = (part.get("input_audio") for part in ask.parts if part.get("type") == "input_audio")
    fine = all(isinstance(sound, dict) and str(sound.get("data")).startswith(ADDRESSES) for sound in sounds)
    return None if fine else "The audio should be a URL or a data URL."


def _blind(model: str, kind: str) -> bool:
    return kind == "image_url" and any(fnmatchcase(model, pattern) for pattern in BLIND)


def pictures(ask: Ask) -> str | None:
    """Pictures within the request: readable, not too large, and more than ten pixels on both sides."""
    for part in ask.parts:
        if part.get("type") == "image_url" and (complaint := _picture(url_of(part, "image_url"))) is not None:
            return complaint
    return None


def _picture(url: str) -> str | None:
    try:
        picture = picture_of(url)
    except ValueError:
        return "The image is not a valid base64 data URL."
    if picture.bytes > IMAGE_BYTES:
        return "Exceeded limit on max bytes per data-uri item : 10485760"
    if picture.width is None or picture.height is None or min(picture.width, picture.height) > IMAGE_SIDE:
        return None
    sizes = f"[height:{picture.height} or width:{picture.width} must be larger than {IMAGE_SIDE}]"
    return f"The image length and width do not meet the model restrictions. {sizes}"


def calls_answered(ask: Ask) -> str | None:
    """Every tool call has its result before anybody else speaks."""
    open_calls: set[str] = set()
    for at, message in enumerate(ask.messages):
        if message.get("role") == "tool":
            open_calls.discard(str(message.get("tool_call_id")))
        elif open_calls:
            return _unanswered(at)
        else:
            open_calls = {str(call.get("id")) for call in dicts(message.get("tool_calls"))}
    return _unanswered(len(ask.messages)) if open_calls else None


def _unanswered(at: int) -> str:
    return (
        'An assistant message with "tool_calls" must be followed by tool messages responding to each "tool_call_id". '
        f"The following tool_call_ids did not have response messages: message[{at}].role"
    )


def results_called_for(ask: Ask) -> str | None:
    """Every tool result answers a call made just before."""
    called: set[str] = set()
    for message in ask.messages:
        if message.get("role") != "tool":
            called = {str(call.get("id")) for call in dicts(message.get("tool_calls"))}
        elif str(message.get("tool_call_id")) not in called:
            return 'messages with role "tool" must be a response to a preceeding message with "tool_calls".'
    return None


def _of(ask: Ask, role: str) -> Iterator[Json]:
    return (message for message in ask.messages if message.get("role") == role)
