"""The bodies of requests about conversations, and the objects that answer them.

Source: the `openai` package's `conversations` types (3.54).
"""

from typing import Any, TypedDict

from pydantic import TypeAdapter, with_config

from qwenproxy.endpoints.validation import conform, parse
from qwenproxy.errors import INVALID_VALUE, ProxyError
from qwenproxy.wire.openai import Items, Json
from qwenproxy.wire.responses import Item

MOST = 20
"""Items that may be added at once."""
PAIRS, KEY, VALUE = 16, 64, 512
"""How many metadata there may be, and how long a name and a value (OpenAI's own limits)."""


@with_config(extra="allow", strict=True)
class Content(TypedDict, total=False):
    """What a conversation is made of, or gets."""

    items: Items[Item] | None
    metadata: Json | None


CHECKER = TypeAdapter(Content)


def read(body: bytes) -> Json:
    """The request in *body*; there may be none.  Raises ProxyError."""
    asked: Any = parse(body) if body.strip() else {}
    conform(asked, CHECKER)
    content: Json = asked
    if len(content.get("items") or ()) > MOST:
        raise ProxyError(INVALID_VALUE, f"'items' may have {MOST} items at most.", param="items")
    check_metadata(content.get("metadata") or {})
    return content


def check_metadata(metadata: Json) -> None:
    """Raises ProxyError for more than can be attached to an object."""
    if len(metadata) > PAIRS:
        raise ProxyError(INVALID_VALUE, f"'metadata' may have {PAIRS} entries at most.", param="metadata")
    for name, value in metadata.items():
        if len(name) > KEY or not isinstance(value, str) or len(value) > VALUE:
            message = f"'metadata' has names of up to {KEY} characters, and texts of up to {VALUE}."
            raise ProxyError(INVALID_VALUE, message, param="metadata")


def conversation(name: str, created: int, metadata: Json | None) -> Json:
    return {"id": name, "object": "conversation", "created_at": created, "metadata": metadata or {}}


def deleted(name: str) -> Json:
    return {"id": name, "object": "conversation.deleted", "deleted": True}


def named(asked: Any) -> str | None:
    """The conversation that a request for a response names, by its id or as an object.  Raises ProxyError."""
    name = asked.get("id") if isinstance(asked, dict) else asked
    if asked is not None and (not isinstance(name, str) or not name):
        raise ProxyError(
            INVALID_VALUE, "'conversation' must be an id, or an object that has one.", param="conversation"
        )
    return name
