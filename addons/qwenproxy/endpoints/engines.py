"""/v1/engines, what models were called once: the same calls with the model's name in the path."""

from collections.abc import Sequence

import orjson

from qwenproxy.endpoints import models
from qwenproxy.endpoints.models import Model
from qwenproxy.wire.openai import Json


def listing(found: Sequence[Model]) -> Json:
    """All of *found*, in their order."""
    return {"object": "list", "data": [entry(model) for model in found]}


def one(name: str, model: Model | None) -> Json:
    """*model*, which was called *name*.  Raises ProxyError if there is none."""
    return entry(models.present(name, model))


def entry(model: Model) -> Json:
    return {
        "id": model.id,
        "object": "engine",
        "owner": model.owner,
        "ready": True,
        "created": None,
        "permissions": None,
    }


def named(body: bytes, model: str) -> bytes:
    """*body* with the *model* of its path; as it is if it is no JSON object, for the endpoint to say so."""
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(asked, dict):
        return body
    try:
        return orjson.dumps(asked | {"model": model})
    except orjson.JSONEncodeError:  # nested too deep to be written again
        return body
