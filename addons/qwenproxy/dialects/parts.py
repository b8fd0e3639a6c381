"""Content parts of messages, from OpenAI's forms to the ones that Qwen takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qwenproxy.errors import UNSUPPORTED_VALUE, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

URL_STARTS = ("data:", "http://", "https://", "oss://", "file://")
PDF = "data:application/pdf"


def convert(parts: Sequence[Any], at: str, row: Row) -> list[Any]:
    """*parts* as Qwen takes them; *at* is their place in the request, for errors.

    Raises ProxyError for a part that the model does not take.
    """
    return [_converted(part, f"{at}[{place}]", row) for place, part in enumerate(parts)]


def text(words: str) -> Json:
    """A text part."""
    return {"type": "text", "text": words}


def is_plain(parts: Sequence[Any]) -> bool:
    """Whether all parts are text and none marks a place for the upstream's cache, so that they may become a string."""
    return all(isinstance(part, dict) and part.get("type") == "text" and "cache_control" not in part for part in parts)


def joined(parts: Sequence[Json]) -> str:
    """The text of text parts as one string."""
    return "\n".join(str(part.get("text", "")) for part in parts)


def _converted(part: Any, at: str, row: Row) -> Any:
    if not isinstance(part, dict):
        return part
    kind = str(part.get("type"))
    need = NEEDS.get(kind)
    if need is not None and not getattr(row, need[0]):
        raise ProxyError(UNSUPPORTED_VALUE, f"The model takes no {need[1]}; choose a model that does.", param=at)
    kept = {key: value for key, value in part.items() if key != "prompt_cache_breakpoint"}
    return CONVERSIONS[kind](kept, at) if kind in CONVERSIONS else kept


NEEDS: Mapping[str, tuple[str, str]] = {
    "image_url": ("vision", "images"),
    "input_audio": ("audio", "audio"),
    "video_url": ("video", "videos"),
    "video": ("video", "videos"),
    "file": ("files", "files"),
}
"""What a model's row must say for a kind of part, and what to call it."""


def _refusal(part: Json, at: str) -> Json:
    return {**{key: value for key, value in part.items() if key != "refusal"}, **text(str(part.get("refusal", "")))}


def _image(part: Json, at: str) -> Json:
    image = part.get("image_url")
    if isinstance(image, dict) and image.get("detail") == "original":
        return {**part, "image_url": {**image, "detail": "high"}}
    return part


def _audio(part: Json, at: str) -> Json:
    """OpenAI gives bare base64; Qwen wants an address or a data URL."""
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(audio, dict) or not isinstance(data, str) or data.startswith(URL_STARTS):
        return part
    return {**part, "input_audio": {**audio, "data": f"data:;base64,{data}"}}


def _file(part: Json, at: str) -> Json:
    """PDF only, as data or by its address; files kept at OpenAI are out of reach."""
    file = part.get("file")
    if not isinstance(file, dict):
        return part
    if file.get("file_id") is not None:
        message = "Files cannot be named by their id here; send the PDF itself as file_data."
        raise ProxyError(UNSUPPORTED_VALUE, message, param=f"{at}.file.file_id")
    data = file.get("file_data")
    if isinstance(data, str) and data.startswith("data:") and not data.startswith(PDF):
        raise ProxyError(UNSUPPORTED_VALUE, "The model reads PDF files only.", param=f"{at}.file.file_data")
    return part


CONVERSIONS: Mapping[str, Callable[[Json, str], Json]] = {
    "refusal": _refusal,
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
}
