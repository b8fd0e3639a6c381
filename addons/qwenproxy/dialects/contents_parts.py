"""Content parts of messages as parts of the contents format: text, `inlineData`, `fileData`.

What lies at an address is `fileData`.  LiteLLM and CLIProxyAPI (2026-11) pass that over, and nothing in their answers
tells: for them an app has to send the data.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_VALUE, ProxyError
from qwenproxy.wire.openai import Json

SUFFIXES: Mapping[str, str] = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "avi": "video/avi",
    "mkv": "video/x-matroska",
    "wav": "audio/wav",
    "mp3": "audio/mp3",
    "flac": "audio/flac",
    "ogg": "audio/ogg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
    "pdf": "application/pdf",
}
"""The media type that an address ends in; a part must name one."""


def parts(content: Any) -> list[Json]:
    """The parts of a message's *content*, none of them empty.

    Raises ProxyError for what the format has no part for, and for media that cannot be read.
    """
    if isinstance(content, str):
        return text(content)
    listed = content if isinstance(content, list) else []
    return [found for part in listed if isinstance(part, dict) for found in _converted(part)]


def text(words: Any) -> list[Json]:
    """A text part; none for no text, as an empty one is refused."""
    return [{"text": words}] if isinstance(words, str) and words else []


def media(address: Any, kind: str) -> Json:
    """The part of what lies at *address*, or in it; *kind* is its media type where the address tells none.

    Raises ProxyError.
    """
    if not isinstance(address, str) or not address:
        raise ProxyError(INVALID_VALUE, "A part of a message holds neither data nor an address.", param="messages")
    if not address.startswith("data:"):
        return {"fileData": {"fileUri": address, "mimeType": SUFFIXES.get(_suffix(address), kind)}}
    head, _, data = address.removeprefix("data:").partition(",")
    told, *more = head.split(";")
    if "base64" not in more:
        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return {"inlineData": {"mimeType": told.strip().lower() or kind, "data": data}}


def _suffix(address: str) -> str:
    """What the path of *address* ends in; "" if it is no address, which is for the upstream to say."""
    try:
        return urlsplit(address).path.rpartition(".")[2].lower() if "://" in address else ""
    except ValueError:  # half an IPv6 address, for one
        return ""


def twice(parts: Sequence[Json]) -> None:
    """Adds the other spelling to every `inlineData`, in place.

    Google takes either, though not both.  Gateways that pass over what they do not know would lose the media without a
    word: CLIProxyAPI reads `inlineData`, LiteLLM `inline_data`, new-api both as one (their sources, 2026-11).
    """
    for part in parts:
        if "inlineData" in part:
            blob = part["inlineData"]
            part["inline_data"] = {"mime_type": blob["mimeType"], "data": blob["data"]}


def _converted(part: Json) -> list[Json]:
    kind = str(part.get("type"))
    if kind not in KINDS:
        message = f"The upstream's format has no part for '{kind}'."
        raise ProxyError(UNSUPPORTED_VALUE, message, param="messages")
    return KINDS[kind](part)


def _image(part: Json) -> list[Json]:
    return [media(_address(part.get("image_url")), "image/jpeg")]


def _audio(part: Json) -> list[Json]:
    """The format that OpenAI names; the data is a data URL without a type by now, or an address."""
    given = part.get("input_audio")
    audio = given if isinstance(given, dict) else {}
    kind = SUFFIXES.get(str(audio.get("format")).lower(), "audio/wav")
    return [media(audio.get("data"), kind)]


def _file(part: Json) -> list[Json]:
    given = part.get("file")
    file = given if isinstance(given, dict) else {}
    data = file.get("file_data") or file.get("file_url")
    if isinstance(data, str) and _is_base64(data):
        data = f"data:;base64,{data}"
    return [media(data, "application/pdf")]


def _video(part: Json) -> list[Json]:
    """One video, or its frames as images in their order."""
    video = part.get("video", part.get("video_url"))
    if isinstance(video, list):
        return [media(_address(frame), "image/jpeg") for frame in video]
    found = media(_address(video), "video/mp4")
    rate = part.get("fps")
    if isinstance(rate, int | float) and not isinstance(rate, bool):
        found["videoMetadata"] = {"fps": rate}
    return [found]


def _address(value: Any) -> Any:
    return value.get("url") if isinstance(value, dict) else value


def _is_base64(data: str) -> bool:
    if data.startswith("data:") or "://" in data:
        return False
    try:
        return bool(base64.b64decode(data, validate=True))
    except binascii.Error:
        return False


KINDS: Mapping[str, Callable[[Json], list[Json]]] = {
    "text": lambda part: text(part.get("text")),
    "image_url": _image,
    "input_audio": _audio,
    "file": _file,
    "video_url": _video,
    "video": _video,
}
"""What the rulings leave in a message."""
