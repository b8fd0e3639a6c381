"""Embeddings in each upstream protocol: a call for some inputs, and the vectors in its answer.

The native and the compatible protocol do not give the same vectors for a text: which one is spoken follows from the
upstream alone, and nothing here takes the other instead.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import orjson

from qwenproxy.dialects.announcing import STORED, announced
from qwenproxy.dialects.base import UpstreamRequest
from qwenproxy.dialects.embedding_rulings import Content
from qwenproxy.embedding_models import EmbeddingRow
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import Json

NATIVE_ONLY = "only DashScope's native protocol has it"
CONTENTS_ONLY = "only the contents protocol has it"
NATIVE_FIELDS = ("instruct", "fps", "res_level", "max_video_frames", "auto_truncation")

BATCH_LIMITS = (
    re.compile(r"batch size is invalid, it should not be larger than (\d+)", re.IGNORECASE),
    re.compile(r"maximum allowed batch size (\d+)", re.IGNORECASE),
    re.compile(r"at most (\d+) requests can be in one batch", re.IGNORECASE),
)
"""What upstreams say of too many inputs: DashScope, text-embeddings-inference and its like, Google's form."""

CUT = "The upstream broke off its answer before it was complete. Please try again."
DATA_URL = re.compile(r"data:(image|video)/", re.IGNORECASE)


class Vectors(NamedTuple):
    """The vectors of one call, in the order of its inputs, and the tokens that these were."""

    rows: Sequence[Sequence[float]]
    tokens: int


class NoVectors(Exception):
    """The answer is something else: an error, a web page."""


class Embedder(Protocol):
    """Embeddings in one protocol."""

    unsaid: Mapping[str, str]
    """Fields that this protocol cannot say, and why."""
    multimodal: bool
    """Has the models that take images and videos too."""

    def request(self, model: str, contents: Sequence[Content], fields: Json, row: EmbeddingRow) -> UpstreamRequest:
        """The call for *contents*; *fields* is what the rulings have left."""
        ...

    def read(self, body: bytes, count: int) -> Vectors:
        """The vectors for *count* inputs.  Raises NoVectors, and ProxyError for an answer that is not whole."""
        ...


class Compatible:
    """The compatible mode's `/embeddings`."""

    unsaid: Mapping[str, str] = {
        **dict.fromkeys(("text_type", *NATIVE_FIELDS), NATIVE_ONLY),
        **dict.fromkeys(("task_type", "title"), CONTENTS_ONLY),
    }
    multimodal = False

    def request(self, model: str, contents: Sequence[Content], fields: Json, row: EmbeddingRow) -> UpstreamRequest:
        body = {"model": model, "input": contents, "encoding_format": "float", **fields}
        return _call("/embeddings", body)

    def read(self, body: bytes, count: int) -> Vectors:
        answer = _answer(body)
        rows = _ordered(answer.get("data"), ("index",), "embedding", count)
        return Vectors(rows, _tokens(answer.get("usage"), ("prompt_tokens", "total_tokens")))


class DashScope:
    """The native text-embedding and multimodal-embedding."""

    unsaid: Mapping[str, str] = dict.fromkeys(("task_type", "title"), CONTENTS_ONLY)
    multimodal = True

    def request(self, model: str, contents: Sequence[Content], fields: Json, row: EmbeddingRow) -> UpstreamRequest:
        task = "multimodal-embedding" if row.multimodal else "text-embedding"
        said = {"contents": [_item(one) for one in contents]} if row.multimodal else {"texts": contents}
        parameters = {"dimension" if name == "dimensions" else name: value for name, value in fields.items()}
        return _call(f"/services/embeddings/{task}/{task}", {"model": model, "input": said, "parameters": parameters})

    def read(self, body: bytes, count: int) -> Vectors:
        answer = _answer(body)
        output = answer.get("output")
        found = output.get("embeddings") if isinstance(output, dict) else None
        rows = _ordered(found, ("text_index", "index"), "embedding", count)
        usage = answer.get("usage")
        tokens = _tokens(usage, ("total_tokens",)) or _tokens(usage, ("input_tokens",)) + _tokens(
            usage, ("image_tokens",)
        )
        return Vectors(rows, tokens)


class Contents:
    """`:embedContent` for one input, `:batchEmbedContents` for several."""

    unsaid: Mapping[str, str] = dict.fromkeys(NATIVE_FIELDS, NATIVE_ONLY)
    multimodal = False
    TASKS: Mapping[str, str] = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
    NAMES: Mapping[str, str] = {"dimensions": "outputDimensionality", "task_type": "taskType"}

    def request(self, model: str, contents: Sequence[Content], fields: Json, row: EmbeddingRow) -> UpstreamRequest:
        said = {self.NAMES.get(name, name): value for name, value in fields.items() if name != "text_type"}
        if (task := self.TASKS.get(fields.get("text_type", ""))) is not None:
            said.setdefault("taskType", task)
        requests = [{"model": f"models/{model}", "content": {"parts": [{"text": one}]}, **said} for one in contents]
        path = f"/models/{quote(model, safe='/')}"
        if len(requests) == 1:
            return _call(f"{path}:embedContent", requests[0])
        return _call(f"{path}:batchEmbedContents", {"requests": requests})

    def read(self, body: bytes, count: int) -> Vectors:
        answer = _answer(body)
        found = [answer["embedding"]] if "embedding" in answer else answer.get("embeddings")
        rows = _ordered(found, (), "values", count)
        return Vectors(rows, _tokens(answer.get("usageMetadata"), ("promptTokenCount", "totalTokenCount")))


EMBEDDERS: Mapping[str, Embedder] = {
    "compatible": Compatible(),
    "dashscope": DashScope(),
    "contents": Contents(),
}
"""By the names of the dialects."""


def batch_limit(message: str) -> int | None:
    """How many inputs one call may hold, if that is what the refusal *message* is about."""
    for pattern in BATCH_LIMITS:
        if found := pattern.search(message):
            return int(found[1])
    return None


def _call(path: str, body: Json) -> UpstreamRequest:
    data = orjson.dumps(body)
    return UpstreamRequest(path, announced(data, STORED), data, stream=False)


def _item(content: Content) -> Json:
    """One item of a multimodal call; a data URL is the picture, or the film, that it holds."""
    if not isinstance(content, str):
        return content
    found = DATA_URL.match(content)
    return {found[1].lower() if found else "text": content}


def _answer(body: bytes) -> Json:
    """The JSON object in *body*.  Raises NoVectors for an error or a page, ProxyError for what is not whole."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        if body.lstrip()[:1] not in (b"", b"{"):
            raise NoVectors from None
        raise (garbled("what is no JSON") if body.rstrip().endswith(b"}") else ProxyError(UPSTREAM_CUT, CUT)) from None
    if not isinstance(answer, dict) or answer.get("error") or answer.get("code"):
        raise NoVectors
    return answer


def _ordered(found: Any, places: Sequence[str], name: str, count: int) -> list[Any]:
    """The vectors called *name* in the list *found*, by what the first of *places* that is there says, if any is."""
    items = [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
    vectors = {_place(item, places, place): item.get(name) for place, item in enumerate(items)}
    if len(items) != count or vectors.keys() != set(range(count)):
        told = sorted(map(str, vectors))[:5]
        raise garbled(f"{len(items)} vectors for {count} inputs" + (f", numbered {told}" if items else ""))
    rows = [vectors[place] for place in range(count)]
    if not all(isinstance(row, list) and row for row in rows):
        raise garbled("something that is no vector")
    return rows


def _place(item: Json, places: Sequence[str], otherwise: int) -> Any:
    told = next((item[place] for place in places if place in item), otherwise)
    return told if isinstance(told, int) else -1


def garbled(what: str) -> ProxyError:
    """The error for an answer that holds *what*."""
    return ProxyError(UPSTREAM_GARBLED, f"The upstream's answer holds {what}.")


def _tokens(usage: Any, names: Sequence[str]) -> int:
    """The first count of *names* in *usage*; 0 if there is none: not all upstreams tell."""
    counts = (usage.get(name) for name in names) if isinstance(usage, dict) else ()
    return next((count for count in counts if isinstance(count, int)), 0)
