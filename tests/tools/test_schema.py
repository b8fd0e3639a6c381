"""Arguments against schemas: what is said, and that it never takes long, whoever wrote the schema."""

import time
from typing import Any

import pytest

from qwenproxy.tools.schema import QUOTED, SHOWN, Schema
from qwenproxy.wire.openai import Json

CITY: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
    "required": ["city"],
    "additionalProperties": False,
}

FAULTS: dict[str, tuple[Json, list[str]]] = {
    "nothing wrong": ({"city": "Riga", "days": 2}, []),
    "a wrong type": ({"city": 1}, ["$.city: 1 is not of type 'string'"]),
    "a missing one": ({}, ["$: 'city' is a required property"]),
    "one too many": (
        {"city": "Riga", "x": 1},
        ["$: Additional properties are not allowed ('x' was unexpected)"],
    ),
    "two faults": (
        {"city": 1, "days": 0},
        ["$.city: 1 is not of type 'string'", "$.days: 0 is less than the minimum of 1"],
    ),
}


@pytest.mark.parametrize(("arguments", "complaints"), FAULTS.values(), ids=FAULTS)
def test_what_does_not_fit_is_named_with_its_place(arguments: Json, complaints: list[str]) -> None:
    assert sorted(Schema(CITY).complaints(arguments)) == sorted(complaints)


def test_long_values_are_not_repeated_and_complaints_are_few() -> None:
    document = {"type": "object", "additionalProperties": {"type": "integer"}}
    found = Schema(document).complaints({f"a{number}": "x" * 10_000 for number in range(50)})
    assert len(found) == SHOWN
    assert all(len(line) < QUOTED + 20 for line in found)


NONE: dict[str, tuple[Any, str]] = {
    "no such type": ({"type": "object", "properties": {"a": {"type": "text"}}}, "its schema is none"),
    "a list": ({"type": "array"}, "its schema describes no object"),
    "too large": ({"type": "object", "description": "x" * 70_000}, "more than 64 KiB"),
    "no JSON": ({"type": "object", "default": {1, 2}}, "its schema is none"),
}


@pytest.mark.parametrize(("document", "complaint"), NONE.values(), ids=NONE)
def test_a_schema_that_is_none_is_refused(document: Json, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Schema(document)


def nested(levels: int) -> Json:
    """Two references at each level: a check would look at 2 ** levels of them."""
    definitions: Json = {f"d{level}": {"allOf": [{"$ref": f"#/$defs/d{level + 1}"}] * 2} for level in range(levels)}
    return {"type": "object", "$defs": definitions | {f"d{levels}": {}}, "$ref": "#/$defs/d0"}


HOSTILE: dict[str, tuple[Json, Json, str]] = {
    "references without end": ({"type": "object", "$ref": "#"}, {}, "too much to check"),
    "references that double": (nested(40), {}, "too much to check"),
    "a reference into the network": (
        {"type": "object", "$ref": "http://127.0.0.1:9/schema"},
        {},
        "cannot be used",
    ),
    "a reference to nowhere": ({"type": "object", "$ref": "#/$defs/none"}, {}, "cannot be used"),
}


@pytest.mark.parametrize(("document", "arguments", "complaint"), HOSTILE.values(), ids=HOSTILE)
def test_a_schema_that_leads_nowhere_is_a_complaint(document: Json, arguments: Json, complaint: str) -> None:
    (found,) = Schema(document).complaints(arguments)
    assert complaint in found


LEFT: dict[str, tuple[Json, Json]] = {
    "an expression that runs for ever": ({"a": {"type": "string", "pattern": "^(a+)+$"}}, {"a": "a" * 5_000 + "!"}),
    "names by an expression": ({"a": {"patternProperties": {"^(a+)+$": False}}}, {"a": {"a" * 5_000 + "!": 1}}),
    "unlike each other": ({"a": {"uniqueItems": True}}, {"a": [{"n": n} for n in range(5_000)]}),
}


@pytest.mark.parametrize(("properties", "arguments"), LEFT.values(), ids=LEFT)
def test_what_could_take_for_ever_is_left_to_the_tool(properties: Json, arguments: Json) -> None:
    began = time.perf_counter()
    assert Schema({"type": "object", "properties": properties}).complaints(arguments) == []
    assert time.perf_counter() - began < 2


def test_many_values_are_a_complaint_and_no_wait() -> None:
    document = {"type": "object", "properties": {"a": {"items": {"type": "integer"}}}}
    assert Schema(document).complaints({"a": [1] * 100_000}) == ["$: too much to check against the tool's schema"]
    assert Schema(document).complaints({"a": [1] * 1_000}) == []


def test_an_older_draft_is_read_as_it_was_meant() -> None:
    """In draft 7 a list of `items` is one schema for each place."""
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"pair": {"items": [{"type": "string"}, {"type": "integer"}]}},
    }
    assert Schema(document).complaints({"pair": ["a", 1]}) == []
    assert Schema(document).complaints({"pair": [1, "a"]})
