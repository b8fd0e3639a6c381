"""The format's own schemas."""

from typing import Any

import pytest

from qwenproxy.simulator.contents.schemas import complaints, json_schema

CITY = {"type": "STRING"}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "OBJECT", "properties": {"city": CITY}, "required": ["city"]}, []),
        ({"any_of": [CITY, {"type": "INTEGER"}]}, []),
        ({"type": "STRING", "format": "date-time", "enum": ["a"]}, []),
        ({"type": "STRING", "format": "enum", "enum": ["a"]}, []),
        ({"type": "INTEGER", "format": "int32"}, []),
        ({}, ["p.type: must be specified when not using one_of, any_of or all_of fields"]),
        ({"type": "OBJECT"}, ["p.properties: should be non-empty for OBJECT type"]),
        ({"type": "OBJECT", "properties": {}}, ["p.properties: should be non-empty for OBJECT type"]),
        ({"type": "ARRAY"}, ["p.items: missing field."]),
        ({"type": "STRING", "properties": {"a": CITY}}, ["p.properties: only allowed for OBJECT type"]),
        ({"type": "INTEGER", "enum": ["1"]}, ["p.enum: only allowed for STRING type"]),
        ({"type": "STRING", "format": "uri"}, ["p.format: only 'enum' and 'date-time' are supported for STRING type"]),
        (
            {"type": "OBJECT", "properties": {"city": CITY}, "required": ["city", "town"]},
            ["p.required[1]: property is not defined"],
        ),
        (
            {"type": "OBJECT", "properties": {"a": {"type": "ARRAY", "items": {"any_of": [CITY, {"type": "OBJECT"}]}}}},
            ["p.properties[a].items.any_of[1].properties: should be non-empty for OBJECT type"],
        ),
    ],
)
def test_what_is_said_against_a_schema(schema: Any, said: list[str]) -> None:
    assert list(complaints(schema, "p")) == said


def test_the_same_as_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "city": {"type": "STRING", "nullable": True, "min_length": 1},
            "list": {"type": "ARRAY", "items": {"any_of": [CITY, {"type": "NUMBER"}]}, "max_items": 3},
        },
        "required": ["city"],
        "property_ordering": ["city", "list"],
    }
    assert json_schema(schema) == {
        "type": "object",
        "properties": {
            "city": {"type": ["string", "null"], "minLength": 1},
            "list": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "number"}]}, "maxItems": 3},
        },
        "required": ["city"],
    }
