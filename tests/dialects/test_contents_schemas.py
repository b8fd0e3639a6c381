"""JSON Schema as the contents format's own: nothing in it that the format does not know, nothing lost that it does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects.contents_schemas import DEEPEST, MOST, to_schema
from qwenproxy.wire.openai import Json

KNOWN = {"type", "format", "title", "description", "nullable", "enum", "items", "properties", "required", "minItems"}
KNOWN |= {"maxItems", "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "minimum", "maximum"}
KNOWN |= {"anyOf", "default", "example"}
TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT"}

TEXT: Json = {"type": "STRING"}
FREE: Json = {"type": "OBJECT", "description": "'key' stands for properties of any names."}
CASES: list[tuple[str, Any, Json]] = [
    ("a text", {"type": "string", "description": "d", "maxLength": 5}, {**TEXT, "description": "d", "maxLength": 5}),
    (
        "a whole number",
        {"type": "integer", "minimum": 0, "maximum": 9},
        {"type": "INTEGER", "minimum": 0, "maximum": 9},
    ),
    (
        "an object",
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"], "additionalProperties": False},
        {"type": "OBJECT", "properties": {"a": {"type": "BOOLEAN"}}, "required": ["a"]},
    ),
    ("an object of anything", {"type": "object", "properties": {}}, {**FREE, "properties": {"key": TEXT}}),
    (
        "an object of numbers",
        {"type": "object", "additionalProperties": {"type": "number"}, "description": "d."},
        {"type": "OBJECT", "description": f"d. {FREE['description']}", "properties": {"key": {"type": "NUMBER"}}},
    ),
    (
        "a demand for what is not described",
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {"type": "OBJECT", "properties": {"a": TEXT}, "required": ["a"]},
    ),
    ("a list", {"type": "array", "items": {"type": "number"}}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
    ("a list of anything", {"type": "array"}, {"type": "ARRAY", "items": TEXT}),
    (
        "a list by places",
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
        {"type": "ARRAY", "items": {"anyOf": [TEXT, {"type": "NUMBER"}]}},
    ),
    ("a list by places, as it was", {"items": [{"type": "number"}]}, {"type": "ARRAY", "items": {"type": "NUMBER"}}),
    ("a text or null", {"type": ["string", "null"]}, {**TEXT, "nullable": True}),
    ("null alone", {"type": "null"}, {**TEXT, "nullable": True}),
    (
        "one of two types",
        {"type": ["string", "integer"], "description": "d", "minLength": 1},
        {"anyOf": [{**TEXT, "minLength": 1}, {"type": "INTEGER", "minLength": 1}], "description": "d"},
    ),
    ("a choice of one and null", {"anyOf": [{"type": "string"}, {"type": "null"}]}, {**TEXT, "nullable": True}),
    (
        "a choice",
        {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}], "title": "t"},
        {"anyOf": [TEXT, {"type": "NUMBER"}], "title": "t", "nullable": True},
    ),
    (
        "a choice within an object",
        {"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {
            "anyOf": [
                {"type": "OBJECT", "properties": {"a": TEXT, "b": TEXT}, "required": ["a"]},
                {"type": "OBJECT", "properties": {"a": TEXT, "b": TEXT}, "required": ["b"]},
            ]
        },
    ),
    ("an enum", {"enum": ["a", "b", ""]}, {**TEXT, "enum": ["a", "b"]}),
    ("an enum with null", {"enum": ["a", None]}, {**TEXT, "nullable": True, "enum": ["a"]}),
    ("an enum of numbers", {"type": "integer", "enum": [1, 2]}, {"type": "INTEGER", "description": "One of: 1, 2."}),
    ("a constant", {"const": "a"}, {**TEXT, "enum": ["a"]}),
    ("a constant number", {"const": 5, "description": "d."}, {**TEXT, "description": "d. One of: 5."}),
    ("a known format", {"type": "string", "format": "date-time"}, {**TEXT, "format": "date-time"}),
    ("another format", {"type": "string", "format": "uri"}, TEXT),
    (
        "limits that are not included",
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
        {"type": "INTEGER", "minimum": 1, "maximum": 9},
    ),
    (
        "such limits of other numbers",
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "NUMBER", "description": "Must be above 0."},
    ),
    ("limits as they once were", {"type": "number", "exclusiveMinimum": True}, {"type": "NUMBER"}),
    (
        "all of several",
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
                {"properties": {"b": {"type": "number"}}, "required": ["b"]},
            ]
        },
        {"type": "OBJECT", "properties": {"a": TEXT, "b": {"type": "NUMBER"}}, "required": ["b", "a"]},
    ),
    (
        "a reference",
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/A~1x", "description": "own"}},
            "$defs": {"A/x": {"type": "string", "description": "d", "pattern": "x"}},
        },
        {"type": "OBJECT", "properties": {"a": {**TEXT, "description": "own", "pattern": "x"}}},
    ),
    ("a reference to nothing", {"$ref": "#/$defs/none"}, TEXT),
    ("a reference elsewhere", {"$ref": "https://x.test/s.json"}, TEXT),
    (
        "what nobody says in this format",
        {"type": "string", "not": {"const": "a"}, "$comment": "x", "examples": []},
        TEXT,
    ),
    ("a number by its limits", {"minimum": 5}, {"type": "NUMBER", "minimum": 5}),
    ("anything", True, TEXT),
    ("no schema", None, TEXT),
]


@pytest.mark.parametrize(("schema", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_schema_is_said_in_the_formats_own_words(schema: Any, expected: Json) -> None:
    assert to_schema(schema) == expected


def depth(schema: Json) -> int:
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if "items" in schema else []
    return 1 + max(map(depth, inner), default=0)


def size(schema: Json) -> int:
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", ())]
    inner += [schema["items"]] if "items" in schema else []
    return 1 + sum(map(size, inner))


def test_a_schema_that_refers_to_itself_has_an_end() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}}}
    assert depth(to_schema(tree)) == DEEPEST + 2
    assert to_schema({"$ref": "#"}) == TEXT
    assert to_schema({"allOf": [{"$ref": "#"}]}) == TEXT


def test_a_schema_that_doubles_at_every_step_has_an_end() -> None:
    twice = {f"d{n}": {"type": "array", "prefixItems": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(100)}
    assert size(to_schema({"$ref": "#/$defs/d0", "$defs": twice})) <= 2 * MOST


KEYWORDS = ["type", "anyOf", "allOf", "oneOf", "items", "prefixItems", "properties", "required", "enum", "const"]
KEYWORDS += ["$ref", "$defs", "nullable", "format", "minimum", "exclusiveMaximum", "not", "additionalProperties"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["string", "null", "object", "#", "#/$defs/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_whatever_comes_the_format_knows_it(schema: Any) -> None:
    waiting = [to_schema(schema)]
    while waiting:
        found = waiting.pop()
        assert set(found) <= KNOWN
        assert ("type" in found) != ("anyOf" in found)
        assert found.get("type", "STRING") in TYPES
        assert ("items" in found) == (found.get("type") == "ARRAY")
        assert bool(found.get("properties")) == (found.get("type") == "OBJECT")
        assert set(found.get("required", ())) <= set(found.get("properties", ()))
        waiting += [*found.get("properties", {}).values(), *found.get("anyOf", ())]
        waiting += [found["items"]] if "items" in found else []
