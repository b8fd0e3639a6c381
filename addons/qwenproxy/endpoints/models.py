"""GET /v1/models and /v1/models/{model}."""

from collections.abc import Sequence

from qwenproxy.errors import MODEL_NOT_FOUND, ProxyError
from qwenproxy.wire.openai import Json

type Row = tuple[str, str]
"""A model's id, and who owns it."""


def listing(rows: Sequence[Row], created: int) -> Json:
    """All models, in the order of *rows*; *created* is in Unix seconds."""
    return {"object": "list", "data": [entry(row, created) for row in rows]}


def one(model: str, rows: Sequence[Row], created: int) -> Json:
    """The model called *model*.  Raises ProxyError if *rows* have none."""
    for row in rows:
        if row[0] == model:
            return entry(row, created)
    raise ProxyError(
        MODEL_NOT_FOUND, f"There is no model '{model}' here; GET /v1/models lists those there are.", param="model"
    )


def entry(row: Row, created: int) -> Json:
    model, owner = row
    return {"id": model, "object": "model", "created": created, "owned_by": owner}
