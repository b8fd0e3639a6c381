"""JSON Schema as the contents format's own `Schema`: types in capitals, and few of the keywords.

For servers that do not take JSON Schema as it is.  What `Schema` cannot say is said in other words where there are any
(`const` is an `enum` of one, a type list with null is `nullable`), named in the description where the model should know
it, and left out where not.  Source: ai.google.dev/api/caching#Schema, and what that service refuses, 2026-11.
"""

from collections.abc import Callable
from typing import Any

from qwenproxy.wire.openai import Json

DEEPEST = 24
"""Levels of a schema; what lies below is any value."""
MOST = 2_000
"""Schemas within one schema, references followed; recursive ones would never end."""
TYPES = {name: name.upper() for name in ("string", "number", "integer", "boolean", "array", "object")}
AS_THEY_ARE = (
    *("title", "description", "default", "example", "pattern", "minimum", "maximum"),
    *("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength"),
)
CHOICE = ("anyOf", "oneOf")
SHARED = ("title", "description", "default", "nullable")
"""What is said beside a choice of schemas, not in each."""
FORMATS = ("date-time", "int32", "int64", "float", "double")
"""All others are refused."""
ANY = "key"
UNTYPED: tuple[tuple[str, str], ...] = (
    ("properties", "OBJECT"),
    ("items", "ARRAY"),
    ("prefixItems", "ARRAY"),
    ("minimum", "NUMBER"),
    ("maximum", "NUMBER"),
)
"""What a schema without a type is about, by its keywords; if by none, text, as any value can be written."""


def to_schema(schema: Any) -> Json:
    """*schema*, which is JSON Schema, as `Schema`."""
    return _Rewriting(schema).rewritten(schema, 0)


class _Rewriting:
    """One schema with its definitions."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._left = MOST

    def rewritten(self, schema: Any, depth: int) -> Json:
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            return {"type": "STRING"}
        given = self._plain(schema)
        branches = [self._plain(branch) for branch in _branches(given)]
        types, nullable = _types(given, branches)
        branches = [branch for branch in branches if branch.get("type") != "null"]
        if len(branches) == 1:
            given, branches = _merged(_without(given, CHOICE), branches[0]), []
            types, more = _types(given, [])
            nullable = nullable or more
        said = {key: given[key] for key in AS_THEY_ARE if given.get(key) is not None}
        if nullable:
            said["nullable"] = True
        if branches or len(types) > 1:
            own = _without(given, (*CHOICE, *SHARED))
            choices = [_merged(branch, own) for branch in branches] or [{**own, "type": name} for name in types]
            said = {key: said[key] for key in SHARED if key in said}
            return {"anyOf": [self.rewritten(choice, depth + 1) for choice in choices], **said}
        return self._typed(given, types, said, depth)

    def _typed(self, given: Json, types: list[str], said: Json, depth: int) -> Json:
        kind = TYPES.get(types[0]) if types else None
        said = {"type": kind or _guess(given), **said}
        if given.get("format") in FORMATS:
            said["format"] = given["format"]
        for rule in RULES:
            rule(given, said)
        if said["type"] == "ARRAY":
            said["items"] = self.rewritten(_items(given), depth + 1)
        if said["type"] == "OBJECT":
            properties = _properties(given, said)
            said["properties"] = {name: self.rewritten(part, depth + 1) for name, part in properties.items()}
            required = [name for name in _listed(given.get("required")) if name in properties]
            said |= {"required": required} if required else {}
        return said

    def _plain(self, schema: Any) -> Json:
        """*schema* without `$ref` and `allOf`: what they hold is its own."""
        plain: Json = {}
        waiting, followed = [schema], 0
        while waiting and followed < DEEPEST:
            part, followed = waiting.pop(), followed + 1
            if not isinstance(part, dict):
                continue
            plain = _merged(plain, _without(part, ("$ref", "allOf")))
            waiting += _listed(part.get("allOf"))
            if isinstance(reference := part.get("$ref"), str):
                waiting.append(self._found(reference))
        return plain

    def _found(self, reference: str) -> Any:
        """What a reference within the schema points to; nothing if it points elsewhere."""
        found = self._root
        for step in reference.removeprefix("#").split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        return found if reference.startswith("#") else None


def _merged(one: Json, other: Json) -> Json:
    """Both schemas' demands; where they differ those of *one* count."""
    merged = {**other, **one}
    for key in ("properties", "$defs"):
        if isinstance(one.get(key), dict) and isinstance(other.get(key), dict):
            merged[key] = {**other[key], **one[key]}
    required = [*_listed(one.get("required")), *_listed(other.get("required"))]
    return {**merged, "required": list(dict.fromkeys(required))} if required else merged


def _branches(given: Json) -> list[Any]:
    return _listed(given.get("anyOf")) or _listed(given.get("oneOf"))


def _without(given: Json, names: tuple[str, ...]) -> Json:
    return {key: value for key, value in given.items() if key not in names}


def _types(given: Json, branches: list[Json]) -> tuple[list[str], bool]:
    """The types other than null, and whether null is one."""
    kind = given.get("type")
    names = [name for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str)]
    null = given.get("nullable") is True or "null" in names or any(branch.get("type") == "null" for branch in branches)
    return [name.lower() for name in names if name != "null"], null


def _guess(given: Json) -> str:
    return next((kind for key, kind in UNTYPED if key in given), "STRING")


def _items(given: Json) -> Any:
    """The schema of a list's items; `Schema` has one for all of them."""
    places = _listed(given.get("prefixItems")) or _listed(given.get("items"))
    if places:
        return {"anyOf": places} if len(places) > 1 else places[0]
    return given.get("items")


def _properties(given: Json, said: Json) -> Json:
    """The properties of an object, which must have some: where any may stand, one stands for them."""
    properties = given.get("properties")
    if isinstance(properties, dict) and properties:
        return properties
    _describe(said, f"'{ANY}' stands for properties of any names.")
    return {ANY: given.get("additionalProperties")}


def _enum(given: Json, said: Json) -> None:
    """An `enum` holds texts, none of them empty; other values are named in the description."""
    values = [given["const"]] if "const" in given else _listed(given.get("enum"))
    if not values:
        return
    if None in values:
        said["nullable"] = True
    if said["type"] == "STRING" and all(isinstance(value, str) for value in values if value is not None):
        if texts := [value for value in values if value]:
            said["enum"] = texts
        return
    _describe(said, f"One of: {', '.join(map(str, values))}.")


def _exclusive(given: Json, said: Json) -> None:
    """An exclusive limit of whole numbers is the next one; of others it is named."""
    for key, limit, step, word in (
        ("exclusiveMinimum", "minimum", 1, "above"),
        ("exclusiveMaximum", "maximum", -1, "below"),
    ):
        value = given.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        if said["type"] == "INTEGER" and limit not in said:
            said[limit] = value + step
        else:
            _describe(said, f"Must be {word} {value}.")


RULES: tuple[Callable[[Json, Json], None], ...] = (_enum, _exclusive)


def _describe(said: Json, words: str) -> None:
    said["description"] = " ".join(filter(None, (said.get("description"), words)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
