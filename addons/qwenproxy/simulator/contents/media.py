"""Parts of a user's turn as a chat's content parts.  Media come within the request, or by their address."""

from qwenproxy.wire.openai import Json

VIDEO, AUDIO, IMAGE, TEXT = "video/", "audio/", "image/", "text/"


def part_of(part: Json) -> Json:
    """The chat's part.  Raises ValueError for a type of media that nobody here takes."""
    if "inline_data" in part:
        blob = part["inline_data"]
        return _media(blob.get("mime_type", ""), f"data:{blob.get('mime_type', '')};base64,{blob.get('data', '')}")
    if "file_data" in part:
        return _media(part["file_data"].get("mime_type", ""), part["file_data"].get("file_uri", ""))
    if "text" not in part:
        raise ValueError(
            "Only text, inline data, file data and function responses are understood in turns of the user."
        )
    return {"type": "text", "text": part["text"]}


def _media(mime_type: str, address: str) -> Json:
    if mime_type.startswith(IMAGE):
        return {"type": "image_url", "image_url": {"url": address}}
    if mime_type.startswith(AUDIO):
        return {"type": "input_audio", "input_audio": {"data": address, "format": mime_type.removeprefix(AUDIO)}}
    if mime_type.startswith(VIDEO):
        return {"type": "video_url", "video_url": {"url": address}}
    if mime_type == "application/pdf" or mime_type.startswith(TEXT):
        return {"type": "file", "file": {"file_data": address}}
    raise ValueError(f"Unsupported MIME type: {mime_type}")
