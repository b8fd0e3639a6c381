"""The format's own `Schema`: what is said against one, and the same as JSON Schema.

Source: the refusals that people report (langchain-google#416, agno#2112, opencode#11889, LibreChat#6971).
"""

from collections.abc import Iterator

from qwenproxy.simulator.contents.protojson import camel
from qwenproxy.wire.openai import Json

FOR_TYPES = {"properties": "OBJECT", "required": "OBJECT", "items": "ARRAY", "enum": "STRING"}
"""Keywords that only one type may have."""

TEXT_FORMATS = ("enum", "date-time")


def complaints(schema: Json, place: str) -> Iterator[str]:
    """What is wrong with *schema*, a line each; *place* is where it stands."""
    kind = schema.get("type", "TYPE_UNSPECIFIED")
    if kind == "TYPE_UNSPECIFIED" and "any_of" not in schema:
        yield f"{place}.type: must be specified when not using one_of, any_of or all_of fields"
    for keyword, owner in FOR_TYPES.items():
        if schema.get(keyword) and kind not in (owner, "TYPE_UNSPECIFIED"):
            yield f"{place}.{keyword}: only allowed for {owner} type"
    if kind == "OBJECT" and not schema.get("properties"):
        yield f"{place}.properties: should be non-empty for OBJECT type"
    if kind == "ARRAY" and "items" not in schema:
        yield f"{place}.items: missing field."
    if kind == "STRING" and schema.get("format", "enum") not in TEXT_FORMATS:
        yield f"{place}.format: only 'enum' and 'date-time' are supported for STRING type"
    for at, name in enumerate(schema.get("required", ())):
        if name not in schema.get("properties", {}):
            yield f"{place}.required[{at}]: property is not defined"
    for below, inner in _inner(schema):
        yield from complaints(inner, f"{place}.{below}")


def _inner(schema: Json) -> Iterator[tuple[str, Json]]:
    """The schemas within *schema*, and where they stand."""
    if "items" in schema:
        yield "items", schema["items"]
    yield from ((f"properties[{name}]", inner) for name, inner in schema.get("properties", {}).items())
    yield from ((f"any_of[{at}]", inner) for at, inner in enumerate(schema.get("any_of", ())))


def json_schema(schema: Json) -> Json:
    """*schema* as JSON Schema: types in small letters, null a type of its own."""
    plain = {camel(name): value for name, value in schema.items() if name not in ("nullable", "property_ordering")}
    if "type" in plain:
        kind = plain["type"].lower()
        plain["type"] = [kind, "null"] if schema.get("nullable") else kind
    if "items" in plain:
        plain["items"] = json_schema(plain["items"])
    if "properties" in plain:
        plain["properties"] = {name: json_schema(inner) for name, inner in plain["properties"].items()}
    if "anyOf" in plain:
        plain["anyOf"] = [json_schema(inner) for inner in plain["anyOf"]]
    return plain
