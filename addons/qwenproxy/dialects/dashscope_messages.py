"""Messages in DashScope's native form: plain text for text generation, parts named by their key for multimodal.

Source: dashscope-sdk-python 1.27 (aigc/*), qwen-code's converter for this protocol, and the vendor's API reference,
read 2026-11.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qwenproxy.dialects.parts import is_plain, joined
from qwenproxy.wire.openai import Json

MEDIA_TYPES: Mapping[str, str] = {"mp3": "audio/mpeg", "pcm": "audio/L16"}
"""Formats of sound whose media type is not their name."""
UNTYPED = "data:;base64,"
PDF = "data:application/pdf;base64,"
PICTURES = ("image", "video")


def messages(chat: Json, *, multimodal: bool) -> list[Json]:
    """The messages of the ruled request *chat*.  Tool results get the name of their function, which old models ask for.

    `min_pixels` and `max_pixels`, which hold for the whole request elsewhere, are written at each picture.
    """
    pixels: Json = {name: chat[name] for name in ("min_pixels", "max_pixels") if name in chat}
    names = _names(chat["messages"])
    return [_message(message, names, pixels, multimodal=multimodal) for message in chat["messages"]]


def _names(messages: Sequence[Json]) -> Mapping[Any, Any]:
    """The functions that were called, by the ids of the calls."""
    calls = (call for message in messages for call in message.get("tool_calls") or ())
    return {call.get("id"): (call.get("function") or {}).get("name") for call in calls}


def _message(message: Json, names: Mapping[Any, Any], pixels: Json, *, multimodal: bool) -> Json:
    content, is_result = message.get("content"), message["role"] == "tool"
    in_parts = multimodal and not is_result  # results are strings everywhere
    told: Json = {**message, "content": _parts(message, pixels) if in_parts else _text(content, pixels)}
    if is_result and (name := names.get(message.get("tool_call_id"))):
        told["name"] = name
    return told


def _text(content: Any, pixels: Json) -> Any:
    """Content of text generation: a string; parts only where a mark for the cache must stand in its place."""
    if not isinstance(content, list):
        return content or ""
    if is_plain(content):
        return joined(content)
    if all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        return content
    return [_part(part, pixels) for part in content]


def _parts(message: Json, pixels: Json) -> list[Any]:
    """Content of multimodal generation: always parts; none for a turn of calls alone."""
    content = message.get("content")
    if isinstance(content, list):
        return [_part(part, pixels) for part in content]
    return [{"text": content or ""}] if content or message["role"] != "assistant" else []


def _part(part: Any, pixels: Json) -> Any:
    """A part named by its key; settings that stand beside its content stay beside it."""
    if not isinstance(part, dict) or part.get("type") not in PARTS:
        return part
    kind = part["type"]
    key, convert = PARTS[kind]
    beside = {name: value for name, value in part.items() if name not in ("type", kind)}
    content = convert(part.get(kind))
    told = content if isinstance(content, dict) else {key: content}
    return {**told, **(pixels if key in PICTURES else {}), **beside}


def _as_is(value: Any) -> Any:
    return value


def _image(value: Any) -> Any:
    return value.get("url") if isinstance(value, dict) else value


def _video(value: Any) -> Any:
    """Its address, with what is said of it: how many frames a second, for one."""
    if not isinstance(value, dict):
        return value
    return {"video": value.get("url"), **{name: said for name, said in value.items() if name != "url"}}


def _audio(value: Any) -> Any:
    """An address, or data whose type the format tells."""
    if not isinstance(value, dict):
        return value
    data, form = value.get("data"), value.get("format")
    if not isinstance(data, str) or not isinstance(form, str) or not data.startswith(UNTYPED):
        return data
    return f"data:{MEDIA_TYPES.get(form, f'audio/{form}')};base64,{data.removeprefix(UNTYPED)}"


def _file(value: Any) -> Any:
    """An address, or the PDF itself."""
    if not isinstance(value, dict):
        return value
    data = value.get("file_data")
    if not isinstance(data, str):
        return value.get("file_url")
    return data if data.startswith("data:") else PDF + data


PARTS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "text": ("text", _as_is),
    "image_url": ("image", _image),
    "input_audio": ("audio", _audio),
    "video_url": ("video", _video),
    "video": ("video", _as_is),
    "file": ("file", _file),
}
"""The kind of a part -> its key here, and its content."""
