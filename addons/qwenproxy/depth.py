"""JSON that can be written again: orjson reads 1,024 levels and writes 254."""

from typing import Any

import orjson

DEEPEST = 200
"""Levels that are read: what is read is put into other values before it is written."""
WRITTEN = 254
"""Levels that orjson writes."""


class TooDeep(ValueError):
    """More levels than `DEEPEST`."""


def loads(text: bytes | str) -> Any:
    """The value that *text* is.  Raises ValueError if it is none, and TooDeep, which is one."""
    value = orjson.loads(text)
    if len(text) > 2 * DEEPEST and _brackets(text) > DEEPEST and _is_deep(value):
        raise TooDeep(f"it is nested more than {DEEPEST} levels deep")
    return value


def _brackets(text: bytes | str) -> int:
    """How many there are, those in strings too: so few cannot be deep, which nearly always settles it."""
    if isinstance(text, bytes):
        return text.count(b"[") + text.count(b"{")
    return text.count("[") + text.count("{")


def _is_deep(value: Any) -> bool:
    """Whether *value* cannot be written so many levels further down."""
    for _ in range(WRITTEN - DEEPEST):
        value = [value]
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return True
    return False
