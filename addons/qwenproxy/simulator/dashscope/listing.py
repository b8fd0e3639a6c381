"""The native list of models, in numbered pages (qwen-wire C.1; shape as users of the service quote it, 2026)."""

from collections.abc import Mapping, Sequence

from qwenproxy.models import row_of
from qwenproxy.simulator.refusals import Refusal, Refused
from qwenproxy.wire.openai import Json

PAGE, LARGEST = 20, 100


def model(name: str) -> Json:
    """One entry."""
    row = row_of(name)
    return {
        "model": name,
        "name": name,
        "provider": "qwen",
        "model_info": {"context_window": row.context, "max_output_tokens": row.max_output},
    }


def page(names: Sequence[str], query: Mapping[str, str]) -> Json:
    """The page that a query asks for.  Raises Refused for a query that is wrong."""
    number, size = _number(query, "page_no", 1), min(_number(query, "page_size", PAGE), LARGEST)
    shown = names[(number - 1) * size : number * size]
    counts = {"page_no": number, "page_size": size, "total": len(names)}
    return {"output": {**counts, "models": [model(name) for name in shown]}}


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    text = query.get(name) or str(otherwise)
    if not text.isdecimal() or int(text) < 1:
        raise Refused(Refusal(400, "", "InvalidParameter", f"{name} must be a positive integer.", "native"))
    return int(text)
