"""Fills a JSON Schema with values that fit it, taken from the prompt where it has some."""

import math
from collections.abc import Callable
from typing import Any
from zoneinfo import available_timezones

from qwenproxy.simulator.ask import dicts
from qwenproxy.simulator.facts import Facts
from qwenproxy.wire.openai import Json

DEPTH = 12
"""References followed in a row, and levels filled: a schema that refers to itself ends."""

MOST_VALUES, MOST_ITEMS, MOST_CHARACTERS = 2000, 100, 10_000
"""Sizes beyond which a schema is not obeyed."""

EXACT = 2**53
"""The largest whole number that JSON keeps."""

FORMATS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
}
PLACES = ("city", "location", "place", "town", "country", "region", "destination", "origin", "cities", "countries")
ZONES = ("zone",)
FORMULAS = ("expression", "formula")
TEXTS = ("query", "question", "text", "prompt", "input", "message", "content", "search", "topic", "description")


class Form:
    """Fills one schema.  *name*, where one is passed, is the property's: it says what a string is for."""

    def __init__(self, schema: Json, facts: Facts) -> None:
        self._root = schema
        self._facts = facts
        self._numbers = list(facts.numbers)
        self._left = MOST_VALUES
        self._kinds: dict[str, Callable[[Json, str, int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "integer": self._integer,
            "number": self._number,
            "boolean": lambda schema, name, depth: True,
            "null": lambda schema, name, depth: None,
        }

    def fill(self) -> Any:
        """A value that fits the schema."""
        return self._value(self._root, "", 0)

    def _value(self, schema: Any, name: str, depth: int) -> Any:
        schema = self._plain(schema)
        self._left -= 1
        if (choices := schema.get("enum")) and isinstance(choices, list):
            return self._mentioned(choices)
        known = self._facts.names and _is_any(name, ZONES) and kind_of(schema) == "string"
        for fixed in ("const",) if known else ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        return self._kinds.get(kind_of(schema), self._string)(schema, name, depth)

    def _plain(self, schema: Any) -> Json:
        """*schema* with its references followed and its first alternative chosen."""
        for _ in range(DEPTH):
            if not isinstance(schema, dict):
                return {}
            if isinstance(schema.get("$ref"), str):
                schema = self._referred(schema["$ref"])
            elif branch := _branch(schema):
                schema = {**{key: value for key, value in schema.items() if key not in BRANCHES}, **branch}
            else:
                return schema
        return {}

    def _referred(self, reference: str) -> Any:
        target: Any = self._root
        for step in filter(None, reference.removeprefix("#").split("/")):
            target = target.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        return target

    def _mentioned(self, choices: list[Any]) -> Any:
        text = self._facts.text.lower()
        return next((choice for choice in choices if str(choice).lower() in text), choices[0])

    def _object(self, schema: Json, name: str, depth: int) -> Json:
        properties, needed = schema.get("properties"), texts(schema.get("required"))
        fields = properties if isinstance(properties, dict) else {}
        wanted = [field for field in fields if field in needed or (depth < 1 and self._evident(field, fields[field]))]
        wanted += [field for field in needed if field not in fields]
        return {field: self._value(fields.get(field), field, depth + 1) for field in wanted if self._goes_on(depth)}

    def _goes_on(self, depth: int) -> bool:
        return depth < DEPTH and self._left > 0

    def _evident(self, name: str, schema: Any) -> bool:
        """Whether an optional property is plain, and the schema or the prompt has a value for it."""
        plain = self._plain(schema)
        if plain.get("enum") or plain.get("default") is not None:
            return True
        if kind_of(plain) == "string":
            return bool(self._facts.names and _is_any(name, PLACES)) or _is_any(name, TEXTS)
        return kind_of(plain) in ("integer", "number") and bool(self._numbers)

    def _array(self, schema: Json, name: str, depth: int) -> list[Any]:
        items = self._plain(schema.get("items"))
        places = (
            self._facts.names if _is_any(name, PLACES) and kind_of(items) == "string" and "enum" not in items else []
        )
        least, most = size(schema, "minItems", 1, MOST_ITEMS), size(schema, "maxItems", MOST_ITEMS, MOST_ITEMS)
        if places and least <= len(places):
            return places[:most]
        count = min(max(least, 1), most)
        return [self._value(items, name.removesuffix("s"), depth + 1) for _ in range(count) if self._goes_on(depth)]

    def _string(self, schema: Json, name: str, depth: int) -> str:
        text = FORMATS.get(str(schema.get("format"))) or self._words(name)
        least = size(schema, "minLength", 0, MOST_CHARACTERS)
        return text.ljust(least, ".")[: size(schema, "maxLength", MOST_CHARACTERS, MOST_CHARACTERS)]

    def _words(self, name: str) -> str:
        facts = self._facts
        if facts.formula and _is_any(name, FORMULAS):
            return facts.formula
        if _is_any(name, TEXTS):
            return (facts.quotes or [facts.text])[0]
        if _is_any(name, PLACES):
            return (facts.names or facts.quotes or [facts.text])[0]
        if facts.names and _is_any(name, ZONES):
            return zone_of(facts.names[0])
        return (facts.quotes or facts.names or [facts.text])[0]

    def _number(self, schema: Json, name: str, depth: int) -> float:
        value = self._numbers.pop(0) if self._numbers else number(schema, "minimum", 1)
        value = max(number(schema, "minimum", value), value)
        return min(number(schema, "maximum", value), value)

    def _integer(self, schema: Json, name: str, depth: int) -> int:
        return round(max(-EXACT, min(EXACT, self._number(schema, name, depth))))


BRANCHES = ("anyOf", "oneOf", "allOf")


def _branch(schema: Json) -> Json | None:
    """The first alternative that is not null; all of `allOf` together."""
    if parts := dicts(schema.get("allOf")):
        return {key: value for part in parts for key, value in part.items()}
    options = dicts(schema.get("anyOf")) + dicts(schema.get("oneOf"))
    return next((part for part in options if part.get("type") != "null"), None)


def kind_of(schema: Json) -> str:
    """The type that a schema asks for; of several the first that is not null."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((word for word in kind if word != "null"), "null")
    return str(kind) if kind else "object" if "properties" in schema else "string"


def number(schema: Json, key: str, otherwise: float) -> float:
    """The number under *key*."""
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return otherwise
    return value


def size(schema: Json, key: str, otherwise: int, limit: int) -> int:
    """The number of things under *key*, none below 0 and none beyond *limit*."""
    return max(0, min(limit, int(number(schema, key, otherwise))))


def zone_of(city: str) -> str:
    """The IANA name of the time zone that is called after *city*; *city* itself if none is."""
    last = city.replace(" ", "_").lower()
    return next((zone for zone in sorted(available_timezones()) if zone.rpartition("/")[2].lower() == last), city)


def texts(value: Any) -> list[str]:
    """The strings of *value*, if it is a list of some."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _is_any(name: str, words: tuple[str, ...]) -> bool:
    return any(word in name.lower() for word in words)
