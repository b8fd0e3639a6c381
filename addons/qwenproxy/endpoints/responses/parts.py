"""Content of input items -> content of chat messages."""

from collections.abc import Callable, Mapping, Sequence

from qwenproxy.errors import UNSUPPORTED_VALUE, ProxyError
from qwenproxy.wire.openai import Json


def content_of(content: str | Sequence[Json], at: str) -> str | list[Json]:
    """*content*, which stands at the place *at*; a string if it is one text.

    Raises ProxyError for what is out of reach here: files that OpenAI keeps.
    """
    if isinstance(content, str):
        return content
    parts = [PARTS[part["type"]](part, f"{at}[{place}]") for place, part in enumerate(content)]
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts


def said(content: str | Sequence[Json]) -> str:
    """The text of an earlier answer; a refusal is one, too."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text") or part.get("refusal") or "" for part in content)


def _text(part: Json, at: str) -> Json:
    kept = {"cache_control": part["cache_control"]} if "cache_control" in part else {}
    return {"type": "text", "text": part["text"]} | kept


def _refusal(part: Json, at: str) -> Json:
    return {"type": "text", "text": part["refusal"]}


def _image(part: Json, at: str) -> Json:
    url = part.get("image_url")
    if not url:
        raise _out_of_reach(part, at, "image_url")
    detail = {"detail": part["detail"]} if part.get("detail") else {}
    return {"type": "image_url", "image_url": {"url": url} | detail}


def _file(part: Json, at: str) -> Json:
    data = part.get("file_data") or part.get("file_url")
    if not data:
        raise _out_of_reach(part, at, "file_data")
    name = {"filename": part["filename"]} if part.get("filename") else {}
    return {"type": "file", "file": {"file_data": data} | name}


def _audio(part: Json, at: str) -> Json:
    return {"type": "input_audio", "input_audio": part["input_audio"]}


def _out_of_reach(part: Json, at: str, field: str) -> ProxyError:
    param = f"{at}.file_id" if part.get("file_id") else f"{at}.{field}"
    message = f"'{param}': files cannot be named by their id here; send the thing itself as '{field}'."
    return ProxyError(UNSUPPORTED_VALUE, message, param=param)


PARTS: Mapping[str, Callable[[Json, str], Json]] = {
    **dict.fromkeys(("input_text", "output_text", "text", "summary_text", "reasoning_text"), _text),
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
"""What becomes of each kind of part."""
