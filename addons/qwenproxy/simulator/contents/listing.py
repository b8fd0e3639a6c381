"""The list of models in this format, in pages (ai.google.dev/api/models)."""

from collections.abc import Mapping, Sequence

from qwenproxy.models import row_of
from qwenproxy.simulator.contents.refusals import wrong
from qwenproxy.simulator.refusals import Refused
from qwenproxy.wire.openai import Json

PAGE, LARGEST = 50, 1000
METHODS = ("generateContent", "countTokens", "streamGenerateContent")


def model(name: str) -> Json:
    """One entry."""
    row = row_of(name)
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "description": f"{name}, simulated",
        "inputTokenLimit": row.context,
        "outputTokenLimit": row.max_output,
        "supportedGenerationMethods": list(METHODS),
        "maxTemperature": 2,
        "thinking": row.thinking != "never",
    }


def page(names: Sequence[str], query: Mapping[str, str]) -> Json:
    """The entries that a query asks for, and the token of the next page.  Raises Refused for a query that is wrong."""
    size = _number(query, "pageSize", "page_size", PAGE)
    start = _number(query, "pageToken", "page_token", 0)
    end = start + min(size or PAGE, LARGEST)
    listed: Json = {"models": [model(name) for name in names[start:end]]}
    return listed | ({"nextPageToken": str(end)} if end < len(names) else {})


def _number(query: Mapping[str, str], name: str, other: str, otherwise: int) -> int:
    text = query.get(name) or query.get(other) or str(otherwise)
    if not text.isdecimal():
        raise Refused(wrong(f"Invalid value at '{other}' (TYPE_INT32), \"{text}\""))
    return int(text)
