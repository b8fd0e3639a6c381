"""The simulated embeddings, with the service's limits and its words for what is beyond them, on three faces.

The faces give different vectors for the same text, as those of the service do.  Source: qwen-wire C.8, C.9, D.1, E; the
texts of refusals as users of the service quote them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from qwenproxy.simulator import answers, tokens
from qwenproxy.simulator.markers import Marker, markers_in
from qwenproxy.simulator.refusals import ALGORITHM, Refusal, Refused, invalid, unknown_model
from qwenproxy.simulator.scenarios import SCENARIOS
from qwenproxy.simulator.steps import Steps
from qwenproxy.simulator.vectors import vector
from qwenproxy.wire.openai import Json

type Answer = Callable[[Any, str], Steps]
type Serve = Callable[[web.Request, Answer], Awaitable[web.StreamResponse]]
"""What the server does with a request: reads it, checks its token, and answers."""

PLACE = ".: input.contents"


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes: dimensions, the first being the default, inputs in a call, tokens in an input."""

    sizes: tuple[int, ...]
    rows: int
    tokens: int
    sees: bool = False
    """Served as multimodal embedding only."""


MODELS: Mapping[str, Model] = {
    "qwen3.7-text-embedding": Model((1024, 2560, 2048, 1536, 768, 512, 256), 20, 128_000),
    "text-embedding-v4": Model((1024, 2048, 1536, 768, 512, 256, 128, 64), 10, 8_192),
    "text-embedding-v3": Model((1024, 768, 512, 256, 128, 64), 10, 8_192),
    "text-embedding-v2": Model((1536,), 25, 2_048),
    "text-embedding-v1": Model((1536,), 25, 2_048),
    "qwen3-vl-embedding": Model((2560, 2048, 1536, 1024, 768, 512, 256), 20, 32_000, sees=True),
    "qwen2.5-vl-embedding": Model((1024, 2048, 768, 512), 20, 32_000, sees=True),
    "tongyi-embedding-vision-plus": Model((1152, 1024, 512, 256, 128, 64), 20, 1_024, sees=True),
    "tongyi-embedding-vision-flash": Model((768, 512, 256, 128, 64), 20, 1_024, sees=True),
    "multimodal-embedding-v1": Model((1024,), 20, 512, sees=True),
}
MEDIA = ("text", "image", "video", "multi_images")


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, as far as the model is concerned."""

    face: str
    model: str
    contents: Any
    dimensions: Any = None
    about: tuple[str, ...] = ()
    """What else makes the vectors others."""
    sees: bool = False
    """Asked where the models are that see."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the model answers."""

    vectors: Sequence[Sequence[float]]
    tokens: int
    request_id: str


type Reads = Callable[[Json, str], Ask]
"""Makes an `Ask` of a request's JSON, and of the model that its path names."""
type Writes = Callable[[Ask, Told], Json]


def compatible(body: Json, named: str) -> Ask:
    said = body.get("input")
    contents = [said] if isinstance(said, str) else said
    return Ask("compatible", str(body.get("model")), contents, body.get("dimensions"))


def told_compatible(ask: Ask, told: Told) -> Json:
    data = [{"object": "embedding", "index": i, "embedding": row} for i, row in enumerate(told.vectors)]
    usage = {"prompt_tokens": told.tokens, "total_tokens": told.tokens}
    return {"object": "list", "data": data, "model": ask.model, "usage": usage, "id": told.request_id}


def native(body: Json, named: str) -> Ask:
    parameters = _within(body, "parameters")
    about = tuple(f"{name}={parameters[name]}" for name in ("text_type", "instruct") if parameters.get(name))
    texts = _within(body, "input").get("texts")
    return Ask("dashscope", str(body.get("model")), texts, parameters.get("dimension"), about)


def told_native(ask: Ask, told: Told) -> Json:
    found = [{"text_index": i, "embedding": row} for i, row in enumerate(told.vectors)]
    return {"output": {"embeddings": found}, "usage": {"total_tokens": told.tokens}, "request_id": told.request_id}


def multimodal(body: Json, named: str) -> Ask:
    parameters = _within(body, "parameters")
    contents = _within(body, "input").get("contents")
    return Ask("dashscope", str(body.get("model")), contents, parameters.get("dimension"), sees=True)


def told_multimodal(ask: Ask, told: Told) -> Json:
    kinds = [next(kind for kind in MEDIA if kind in item) for item in ask.contents]
    found = [
        {"index": i, "embedding": row, "type": kind}
        for i, (row, kind) in enumerate(zip(told.vectors, kinds, strict=True))
    ]
    usage = {"input_tokens": told.tokens, "image_tokens": 0, "image_count": kinds.count("image"), "duration": 0}
    return {"output": {"embeddings": found}, "usage": usage, "request_id": told.request_id}


def embed_content(body: Json, named: str) -> Ask:
    return batch_embed_contents({"requests": [body]}, named)


def told_content(ask: Ask, told: Told) -> Json:
    return {"embedding": {"values": told.vectors[0]}}


def batch_embed_contents(body: Json, named: str) -> Ask:
    requests = body.get("requests")
    if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
        raise Refused(invalid('Invalid JSON payload received. Unknown name "requests": must be a list.'))
    texts = ["".join(part.get("text", "") for part in _within(one, "content").get("parts", ())) for one in requests]
    first = requests[0] if requests else {}
    about = tuple(f"{name}={first[name]}" for name in ("taskType", "title") if first.get(name))
    return Ask("contents", named, texts, first.get("outputDimensionality"), about)


def told_contents(ask: Ask, told: Told) -> Json:
    return {"embeddings": [{"values": row} for row in told.vectors]}


NATIVE = "/api/v1/services/embeddings"
WAYS: Mapping[str, tuple[Reads, Writes]] = {
    "/compatible-mode/v1/embeddings": (compatible, told_compatible),
    f"{NATIVE}/text-embedding/text-embedding": (native, told_native),
    f"{NATIVE}/multimodal-embedding/multimodal-embedding": (multimodal, told_multimodal),
    "/v1beta/models/{name:[^:]+}:embedContent": (embed_content, told_content),
    "/v1beta/models/{name:[^:]+}:batchEmbedContents": (batch_embed_contents, told_contents),
}
"""Paths, and how one asks and is told there."""


class Embeddings:
    """The embeddings of one service."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._happened: set[tuple[Marker, str]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [web.post(path, self._handler(*way)) for path, way in WAYS.items()]

    def _handler(self, reads: Reads, writes: Writes) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            named = request.match_info.get("name", "")

            def answer(body: Any, request_id: str) -> Steps:
                if not isinstance(body, dict):
                    raise Refused(invalid("The request body is not a JSON object."))
                try:
                    return self._steps(reads(body, named), writes, request_id)
                except ValueError as error:
                    raise Refused(invalid(f"The simulator cannot do that: {error}.")) from error

            return await self._serve(request, answer)

        return handler

    def _steps(self, ask: Ask, writes: Writes, request_id: str) -> Steps:
        """The answer as the scenarios in its texts want it.  Raises Refused and ValueError."""
        model = _checked(ask)
        dimensions = ask.dimensions if len(model.sizes) > 1 and ask.dimensions else model.sizes[0]
        texts = [_text(item) for item in ask.contents]
        acts = [(marker, text) for text in texts for marker in markers_in(text) if self._happens(marker, text)]
        for marker, _ in acts:
            if (refusal := SCENARIOS[marker.name].refusal) is not None:
                raise Refused(refusal(marker.argument))
        rows = [vector((ask.face, ask.model, *ask.about, text), dimensions) for text in texts]
        told = Told(rows, sum(map(tokens.count, texts)), request_id)
        steps = answers.whole(answers.JSON, orjson.dumps(writes(ask, told)), request_id)
        for marker, _ in acts:
            if (change := SCENARIOS[marker.name].steps) is not None:
                steps = change(steps, marker.argument)
        return steps

    def _happens(self, marker: Marker, text: str) -> bool:
        scenario = SCENARIOS.get(marker.name)
        if scenario is None or (scenario.refusal is None and scenario.steps is None):
            raise ValueError(f"the scenario {marker.name!r} means nothing for embeddings")
        if not (marker.once or scenario.once):
            return True
        new = (marker, text) not in self._happened
        self._happened.add((marker, text))
        return new


def _checked(ask: Ask) -> Model:
    """The model that is asked.  Raises Refused for what it would not take."""
    model = MODELS.get(ask.model)
    if model is None or (model.sees and not ask.sees):
        raise Refused(unknown_model(ask.model))
    if ask.sees and not model.sees:
        raise Refused(_wrong("url error, check url!"))
    for check in (_are_contents, _rows, _lengths, _sizes):
        if (complaint := check(ask, model)) is not None:
            raise Refused(_wrong(complaint))
    return model


def _are_contents(ask: Ask, model: Model) -> str | None:
    kind = dict if ask.sees else str
    if isinstance(ask.contents, list) and all(isinstance(item, kind) for item in ask.contents):
        if ask.sees and not all(item.keys() & set(MEDIA) for item in ask.contents):
            return f"Value error, contents holds an unknown modality{PLACE}"
        return None
    return f"Value error, contents is neither str nor list of str{PLACE}"


def _rows(ask: Ask, model: Model) -> str | None:
    if len(ask.contents) > model.rows:
        return f"Value error, batch size is invalid, it should not be larger than {model.rows}{PLACE}"
    return None if ask.contents else f"Value error, contents is empty{PLACE}"


def _lengths(ask: Ask, model: Model) -> str | None:
    texts = [_text(item) for item in ask.contents if "text" in item or isinstance(item, str)]
    if all(0 < tokens.count(text) <= model.tokens for text in texts):
        return None
    return f"Range of input length should be [1, {model.tokens}]"


def _sizes(ask: Ask, model: Model) -> str | None:
    if ask.dimensions is None or len(model.sizes) == 1 or ask.dimensions in model.sizes:
        return None  # a model of one size passes over what it is asked
    told = ", ".join(map(str, model.sizes))
    return f"Value error, dimension is invalid, it should be in [{told}]{PLACE}"


def _wrong(message: str) -> Refusal:
    return Refusal(400, "InvalidParameter", "InvalidParameter", f"{ALGORITHM}{message}")


def _text(item: str | Json) -> str:
    """What an item says; a picture or a film says where it is."""
    return item if isinstance(item, str) else str(next(item[kind] for kind in MEDIA if kind in item))


def _within(value: Json, name: str) -> Json:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
