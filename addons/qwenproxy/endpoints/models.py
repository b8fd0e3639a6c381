"""GET /v1/models and /v1/models/{model}."""

from collections.abc import Sequence
from typing import NamedTuple

from qwenproxy.errors import MODEL_NOT_FOUND, ProxyError
from qwenproxy.wire.openai import Json


class Model(NamedTuple):
    """A model that apps are told of; *created* is in Unix seconds, 0 if nobody says."""

    id: str
    owner: str
    created: int = 0


def listing(models: Sequence[Model], since: int) -> Json:
    """All of *models*, in their order; *since*: what those say that nobody has dated."""
    return {"object": "list", "data": [entry(model, since) for model in models]}


def one(name: str, model: Model | None, since: int) -> Json:
    """*model*, which was called *name*.  Raises ProxyError if there is none."""
    return entry(present(name, model), since)


def present(name: str, model: Model | None) -> Model:
    """*model*, which was called *name*.  Raises ProxyError if there is none."""
    if model is None:
        message = f"There is no model '{name}' here; GET /v1/models lists those there are."
        raise ProxyError(MODEL_NOT_FOUND, message, param="model")
    return model


def entry(model: Model, since: int) -> Json:
    return {"id": model.id, "object": "model", "created": model.created or since, "owned_by": model.owner}
