"""JSON for people: indented, with what nobody reads shortened, and what differs between two requests."""

import json as stdlib_json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

import orjson

BLOB = 400
"""Characters without a blank from which on a text is data: an image, a sound, a vector."""
NUMBERS = 16
"""Numbers of a list that are shown."""
WIDTH = 84
"""Characters of a line of prose."""
VALUE = 100
"""Characters of a value in a list of differences."""
_DATA = re.compile(rf"\S{{{BLOB}}}")
WRAPPERS = ("input", "parameters", "generationConfig")
"""Objects in which the native protocols keep what OpenAI has at the top."""


def indented(body: bytes) -> str:
    """*body* as indented JSON if it is JSON, else as the text that it is."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return text(body)
    return json(value)


def json(value: Any) -> str:
    return orjson.dumps(shortened(value), option=orjson.OPT_INDENT_2).decode()


def line(value: Any) -> str:
    """*value* as JSON on one line."""
    return stdlib_json.dumps(shortened(value), ensure_ascii=False)


def wrapped(words: str) -> list[str]:
    """*words* as lines that fit beside mitmweb's flow list, which does not wrap them."""
    return textwrap.wrap(words, WIDTH, drop_whitespace=False, break_long_words=False, break_on_hyphens=False) or [""]


def text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def shortened(value: Any) -> Any:
    """*value* with data and long lists of numbers cut short."""
    if isinstance(value, str):
        return f"{value[:60]}... ({len(value)} characters)" if _DATA.match(value) else value
    if isinstance(value, dict):
        return {name: shortened(field) for name, field in value.items()}
    if isinstance(value, list):
        if len(value) > NUMBERS and all(isinstance(item, int | float) for item in value):
            return [*value[:NUMBERS], f"... ({len(value)} numbers)"]
        return [shortened(item) for item in value]
    return value


def differences(before: bytes, after: bytes) -> list[str]:
    """What is other in the request *after* than in *before*, a line a field; none if either is no JSON object."""
    try:
        old, new = orjson.loads(before), orjson.loads(after)
    except ValueError:
        return []
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return []
    return list(_differences(old, _unwrapped(new)))


def _unwrapped(request: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in request.items():
        flat |= value if name in WRAPPERS and isinstance(value, dict) else {name: value}
    return flat


def _differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in old.keys() | new.keys():
        if name in old and name not in new:
            yield f"- {name}: {_brief(old[name])}"
    for name, value in new.items():
        if name not in old:
            yield f"+ {name}: {_brief(value)}"
        elif old[name] != value:
            yield f"~ {name}: {_changed(old[name], value)}"


def _changed(old: Any, new: Any) -> str:
    if isinstance(old, list) and isinstance(new, list):
        same = sum(one == other for one, other in zip(old, new, strict=False))
        return f"{len(old)} -> {len(new)} items, {same} of them the same"
    return f"{_brief(old)} -> {_brief(new)}"


def _brief(value: Any) -> str:
    written = line(value)
    return written if len(written) <= VALUE else f"{written[:VALUE]}..."
