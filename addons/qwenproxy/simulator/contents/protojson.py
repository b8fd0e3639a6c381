"""Reads a request as Google's APIs do: JSON for protocol buffers, by a table of messages (protobuf.dev, "ProtoJSON").

A field comes in camelCase or snake_case; null is nothing; one value stands for a list of one; digits in a string are a
number.  What is read has snake_case names.  The complaints are in the words of Google's front end.
"""

import base64
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import orjson

from qwenproxy.wire.openai import Json

PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta"
DEEPEST = 60
"""Messages within messages."""

SHOWN = 80
"""Characters of a wrong value that a complaint repeats."""

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")

ALREADY = "oneof field 'data' is already set. Cannot set '{}'"

type Path = tuple[str, ...]


class Table(NamedTuple):
    """The messages: their fields and the kind of each; enums: their values; oneofs: the fields that exclude each other.

    A kind is a scalar's, a message's or an enum's name; in brackets it is a list of those, in braces a map to them.
    """

    messages: Mapping[str, Mapping[str, str]]
    enums: Mapping[str, tuple[str, ...]]
    oneofs: Mapping[str, tuple[str, ...]]


class Fault(NamedTuple):
    """One thing that is wrong: where ("" at the top), and what."""

    field: str
    description: str


class Reader:
    """Reads one request.  `faults` is what was wrong with it."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self.faults: list[Fault] = []

    def read(self, value: Any, name: str) -> Json:
        """*value* as the message *name*, without what is wrong in it."""
        return self._message(value, name, ())

    def _message(self, value: Any, name: str, path: Path) -> Json:
        if not isinstance(value, dict):
            self._wrong(path, f"{PACKAGE}.{name}", value)
            return {}
        if len(path) > DEEPEST:
            self._fault(path, "Message too deep. Max recursion depth reached")
            return {}
        names = spellings(tuple(self._table.messages[name]))
        read: Json = {}
        for key, item in value.items():
            if (field := names.get(key)) is None:
                self._unknown(key, path, "Cannot find field.")
            elif item is None:
                continue
            elif self._taken(read, field, name):
                self._fault(path, f"Invalid value at '{'.'.join(path)}' (oneof), {ALREADY.format(key[:SHOWN])}")
            else:
                self._field(read, field, key, item, self._table.messages[name][field], path)
        return read

    def _taken(self, read: Json, field: str, name: str) -> bool:
        """Whether a field of those that exclude *field*, or itself in another spelling, has been read."""
        oneof = self._table.oneofs.get(name, ())
        return field in oneof and any(other in read for other in oneof)

    def _field(self, read: Json, field: str, key: str, item: Any, kind: str, path: Path) -> None:
        if kind.startswith("["):
            items = item if isinstance(item, list) else [item]
            read[field] = [self._one(one, kind[1:-1], (*path, f"{field}[{at}]")) for at, one in enumerate(items)]
        elif isinstance(item, list) and kind != "Value":
            self._unknown(key, path, "Proto field is not repeating, cannot start list.")
        elif kind.startswith("{"):
            read[field] = self._map(item, kind[1:-1], (*path, field))
        else:
            read[field] = self._one(item, kind, (*path, field))

    def _map(self, item: Any, kind: str, path: Path) -> Json:
        if not isinstance(item, dict):
            self._wrong(path, "map", item)
            return {}
        *above, field = path
        return {
            key: self._one(one, kind, (*above, f"{field}[{at}]", "value")) for at, (key, one) in enumerate(item.items())
        }

    def _one(self, item: Any, kind: str, path: Path) -> Any:
        if kind in self._table.messages:
            return self._message(item, kind, path)
        if kind in self._table.enums:
            return self._enum(item, kind, path)
        try:
            return SCALARS[kind](item)
        except ValueError:
            self._wrong(path, f"TYPE_{kind.upper()}", item)
            return None

    def _enum(self, item: Any, kind: str, path: Path) -> str:
        """Its name in capitals; a value that nobody knows is a fault."""
        name = item.upper() if isinstance(item, str) else ""
        if name not in self._table.enums[kind]:
            self._wrong(path, f"{PACKAGE}.{kind}", item)
        return name

    def _unknown(self, key: str, path: Path, why: str) -> None:
        place = f" at '{'.'.join(path)}'" if path else ""
        self._fault(path, f'Invalid JSON payload received. Unknown name "{key[:SHOWN]}"{place}: {why}')

    def _wrong(self, path: Path, kind: str, value: Any) -> None:
        shown = orjson.dumps(value).decode()[:SHOWN]
        self._fault(path, f"Invalid value at '{'.'.join(path)}' ({kind}), {shown}")

    def _fault(self, path: Path, description: str) -> None:
        self.faults.append(Fault(".".join(path), description))


def camel(name: str) -> str:
    """*name* as JSON has it."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


@cache
def spellings(fields: tuple[str, ...]) -> Mapping[str, str]:
    """Both spellings of each field -> the field."""
    return {spelling: field for field in fields for spelling in (field, camel(field))}


def encoded(data: bytes) -> str:
    """Base64 in the common alphabet."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """Base64 of either alphabet, with or without its padding.  Raises ValueError."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _bytes(value: Any) -> str:
    """Stays text, in the common alphabet."""
    return encoded(decoded(_string(value)))


def _bool(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise ValueError
    return value


def _float(value: Any) -> float:
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return value


def _int32(value: Any) -> int:
    whole = _int64(value)
    if not -(2**31) <= whole < 2**31:
        raise ValueError
    return whole


def _int64(value: Any) -> int:
    number = _float(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _struct(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError
    return value


SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "string": _string,
    "bytes": _bytes,
    "bool": _bool,
    "float": _float,
    "int32": _int32,
    "int64": _int64,
    "Struct": _struct,
    "Value": lambda value: value,
}
