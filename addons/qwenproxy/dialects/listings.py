"""What an upstream says of its models, by each face's own listing, read into one shape.

Gateways answer with each other's shapes, so all of them are read alike; only the calls differ.  Sources: OpenAI's API
reference; `dashscope` 1.27 and what its users quote of `GET /api/v1/models`; ai.google.dev/api/models; the listings of
vLLM, llama.cpp, Ollama and OpenRouter; read 2026-11-22.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson

from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.plans import Face
from qwenproxy.wire.openai import Json

LONGEST = 200  # characters of a model's name
RESOURCE = "models/"
"""What stands before a name in the contents format."""


class Listed(NamedTuple):
    """A model as the upstream lists it; empty or None where it does not say.  Sizes are in tokens."""

    id: str
    owner: str = ""
    created: int = 0
    context: int | None = None
    max_output: int | None = None


class Page(NamedTuple):
    """A part of a listing, and what the call for the next one must name; "" if there is none."""

    models: list[Listed]
    following: str


def request(face: Face, following: str = "") -> UpstreamRequest:
    """The call for the first page of *face*'s listing, or for the one that *following* names."""
    path = NEXT[face].format(quote(following, safe="")) if following else FIRST[face]
    return UpstreamRequest(path, {}, b"", False, "GET")


FIRST: Mapping[Face, str] = {
    "compatible": "/models",
    "dashscope": "/models?page_no=1&page_size=100",
    "contents": "/models?pageSize=1000",
}
NEXT: Mapping[Face, str] = {
    "dashscope": "/models?page_no={}&page_size=100",
    "contents": "/models?pageSize=1000&pageToken={}",
}
"""Of the faces whose listings have pages."""


def page(face: Face, body: bytes) -> Page:
    """The models in *body*, each once.  Raises ValueError if it is no listing."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as e:
        raise ValueError("it is not JSON") from e
    entries = _entries(said)
    if entries is None:
        raise ValueError("it holds no list of models")
    models = {model.id: model for entry in entries if (model := _model(entry)) is not None}
    return Page(list(models.values()), _following(said) if entries and face in NEXT else "")


def _entries(said: Any) -> Sequence[Any] | None:
    """The list in *said*; null is none to list (Ollama)."""
    if isinstance(said, list):
        return said
    if not isinstance(said, dict) or said.get("error"):
        return None
    for holder in (said, said.get("output")):
        for name in ("data", "models"):
            if isinstance(holder, dict) and name in holder:
                found = holder[name]
                return found if isinstance(found, list) else [] if found is None else None
    return None


def _following(said: Any) -> str:
    """What names the page after *said*: DashScope counts pages, the contents format has tokens."""
    if not isinstance(said, dict):
        return ""
    token = said.get("nextPageToken") or said.get("next_page_token")
    if isinstance(token, str):
        return token
    output = said.get("output")
    counts = output if isinstance(output, dict) else {}
    number, size, total = (counts.get(name) for name in ("page_no", "page_size", "total"))
    if isinstance(number, int) and isinstance(size, int) and isinstance(total, int) and 0 < number * size < total:
        return str(number + 1)
    return ""


NAMES = ("id", "model", "name")
"""Where a model's name is; DashScope's and the gateways' `name` may be one for people."""
OWNERS = ("owned_by", "provider")
CONTEXTS = ("max_model_len", "context_length", "context_window", "inputTokenLimit", "input_token_limit", "n_ctx_train")
OUTPUTS = ("max_output_tokens", "max_completion_tokens", "outputTokenLimit", "output_token_limit")
DETAILS = ("model_info", "meta", "top_provider")
"""Objects within an entry that may hold the sizes."""


def _model(entry: Any) -> Listed | None:
    if isinstance(entry, str):
        entry = {"id": entry}
    if not isinstance(entry, dict):
        return None
    name = next(_texts(entry, NAMES), "").removeprefix(RESOURCE)
    if not name or len(name) > LONGEST or not name.isprintable():
        return None
    holders = [entry, *(inner for key in DETAILS if isinstance(inner := entry.get(key), dict))]
    return Listed(
        name,
        next(_texts(entry, OWNERS), ""),
        _size(entry.get("created")) or 0,
        _first_size(holders, CONTEXTS),
        _first_size(holders, OUTPUTS),
    )


def _texts(entry: Json, names: Sequence[str]) -> Iterator[str]:
    return (value for name in names if isinstance(value := entry.get(name), str) and value)


def _first_size(holders: Sequence[Json], names: Sequence[str]) -> int | None:
    sizes = (_size(holder.get(name)) for holder in holders for name in names)
    return next((size for size in sizes if size is not None), None)


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
