"""Responses and items as they are kept and given out again.

Source: the `openai` package's `ResponseItem`, `ResponseItemList` and `ConversationItem` (3.54).
"""

from collections.abc import Callable, Container, Mapping, Sequence
from itertools import count
from typing import Any

import orjson

from qwenproxy import sse
from qwenproxy.endpoints.responses import failure
from qwenproxy.endpoints.responses.telling import STEM
from qwenproxy.errors import INVALID_VALUE, NOT_FOUND, ProxyError
from qwenproxy.wire.openai import Json
from qwenproxy.wire.responses import kind_of

PREFIXES: Mapping[str, str] = {
    "message": "msg",
    "reasoning": "rs",
    "compaction": "cmp",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "item_reference": "ref",
}
"""What the ids of items begin with."""

STATUS = frozenset({"message", "function_call", "function_call_output"})
"""The kinds of items that have a status in any case."""

FIRST = 0x8000_0000
"""The number of the first input item; output items count from 0."""

type Name = Callable[[str], str]
"""Makes an id with this prefix."""


def input_ids(response: str) -> Name:
    """Makes ids for the input items of *response*: like those of its output, but none of them."""
    stem = response.partition("_")[2][:STEM]
    numbers = count(FIRST)
    return lambda prefix: f"{prefix}_{stem}{next(numbers):08x}"


def items_of(asked: str | Sequence[Json], name: Name) -> list[Json]:
    """The input *asked* as items, each with an id."""
    if isinstance(asked, str):
        asked = [{"role": "user", "content": asked}]
    return [item_of(item, name) for item in asked]


def item_of(item: Json, name: Name) -> Json:
    """*item* as it is kept: with type, id and status, and a message's content as a list."""
    kind = kind_of(item)
    kept = {"type": kind} | {field: value for field, value in item.items() if field != "type"}
    if not isinstance(item.get("id"), str) or not item["id"]:
        kept["id"] = name(PREFIXES.get(kind, "item"))
    if kind in STATUS and kept.get("status") is None:
        kept["status"] = "completed"
    if kind == "message":
        kept["content"] = _content(item["content"], item["role"] == "assistant")
    return kept


def _content(content: str | Sequence[Json], said: bool) -> list[Json]:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    return [_part(part, said) for part in content]


def _part(part: Json, said: bool) -> Json:
    """A part of a message, named after the side that it comes from."""
    if part["type"] not in ("text", "input_text", "output_text"):
        return {"detail": "auto"} | part if part["type"] == "input_image" else part
    if not said:
        return part | {"type": "input_text"}
    return {"annotations": [], "logprobs": []} | part | {"type": "output_text"}


def references(asked: Any) -> list[str]:
    """The ids of the items that *asked* only refers to."""
    items = asked if isinstance(asked, list) else ()
    return [str(item.get("id")) for item in items if kind_of(item) == "item_reference"]


def resolved(asked: Sequence[Json], known: Mapping[str, Json], past: Container[str]) -> list[Json]:
    """The input *asked* with the items themselves for references, but for those that come before it anyway, in *past*.

    Raises ProxyError for one that is not *known*.
    """
    found: list[Json] = []
    for item in asked:
        if kind_of(item) == "item_reference":
            if item.get("id") in past:
                continue
            if item.get("id") not in known:
                raise missing("Item", str(item.get("id")), "input")
            item = known[item["id"]]
        found.append(item)
    return found


def missing(what: str, name: str, param: str | None = None) -> ProxyError:
    """The 404 for a thing that is not there, or is another's."""
    return ProxyError(NOT_FOUND, f"{what} with id '{name[:100]}' not found.", param=param)


def page(items: Sequence[Json], after: str | None, limit: int, descending: bool) -> tuple[Sequence[Json], bool] | None:
    """Up to *limit* of *items* from behind the one called *after*, and whether there are more; None if it is none."""
    ordered = items[::-1] if descending else items
    start = 0
    if after is not None:
        place = next((place for place, item in enumerate(ordered) if item["id"] == after), None)
        if place is None:
            return None
        start = place + 1
    return ordered[start : start + limit], len(ordered) > start + limit


def listing(items: Sequence[Json], more: bool) -> Json:
    """A list of items.  The package wants ids of first and last even where there are none."""
    first, last = (items[0]["id"], items[-1]["id"]) if items else ("", "")
    return {"object": "list", "data": items, "first_id": first, "last_id": last, "has_more": more}


def failed(response: Json, error: ProxyError, number: int) -> tuple[Json, bytes]:
    """*response* as *error* ends it, and the event that says so, which is the one with this *number*."""
    ended = response | {"status": "failed", "error": failure.of_response(error)}
    event = {"type": "response.failed", "sequence_number": number, "response": ended}
    return ended, sse.encode_named(b"response.failed", orjson.dumps(event))


def done_items(events: Sequence[bytes]) -> list[Json]:
    """The items that were done in *events*, encoded ones."""
    done = b"event: response.output_item.done\n"
    return [payload(event)["item"] for event in events if event.startswith(done)]


def payload(event: bytes) -> Json:
    """What an encoded event says."""
    value: Json = orjson.loads(event.partition(b"\ndata: ")[2])
    return value


def number(query: Mapping[str, str], field: str, *, default: int, least: int, most: int) -> int:
    """A number in a query.  Raises ProxyError."""
    text = query.get(field)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not least <= int(text[:20]) <= most:
        message = f"'{field}' must be a whole number from {least} to {most}, not {text[:60]!r}."
        raise ProxyError(INVALID_VALUE, message, param=field)
    return int(text)


def descending(query: Mapping[str, str]) -> bool:
    """The order of a list.  Raises ProxyError."""
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise ProxyError(INVALID_VALUE, f"'order' must be 'asc' or 'desc', not {order[:60]!r}.", param="order")
    return order == "desc"
