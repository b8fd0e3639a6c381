"""Values that fit a JSON Schema."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenproxy.simulator.facts import facts_of
from qwenproxy.simulator.forms import Form


def fill(schema: Any, prompt: str = "Hello Riga, 7 times") -> Any:
    return Form(schema, facts_of(prompt)).fill()


def field(schema: Any, name: str = "x", prompt: str = "Hello Riga, 7 times") -> Any:
    return fill({"type": "object", "properties": {name: schema}, "required": [name]}, prompt)[name]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, "Riga"),
        ({"type": "integer"}, 7),
        ({"type": "number"}, 7.0),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 7),
        ({"type": "integer", "maximum": 3}, 3),
        ({"type": "integer", "minimum": 9}, 9),
        ({"type": "integer", "minimum": 1e300}, 2**53),
        ({"enum": ["a", "b"]}, "a"),
        ({"enum": ["oslo", "riga"]}, "riga"),
        ({"const": 5}, 5),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "string", "minLength": 6}, "Riga.."),
        ({"type": "string", "maxLength": 2}, "Ri"),
        ({"type": "array", "items": {"type": "integer"}}, [7]),
        ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [True, True]),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 0}, []),
        ({"type": "array"}, ["Riga"]),
        ({"anyOf": [{"type": "null"}, {"type": "integer"}]}, 7),
        ({"oneOf": [{"type": "boolean"}, {"type": "integer"}]}, True),
        ({"allOf": [{"type": "integer"}, {"maximum": 2}]}, 2),
        ({"type": "object"}, {}),
        ({"properties": {"a": {"type": "integer"}}, "required": ["a"]}, {"a": 7}),
        ({"type": "object", "properties": {"a": {"type": "integer"}}}, {}),
        ({}, "Riga"),
        (True, "Riga"),
    ],
    ids=str,
)
def test_a_value_fits_its_schema(schema: Any, value: Any) -> None:
    assert field(schema) == value


@pytest.mark.parametrize(
    ("name", "prompt", "value"),
    [
        ("city", "Weather in New York", "New York"),
        ("query", "Weather in New York", "Weather in New York"),
        ("query", 'Look for "red shoes"', "red shoes"),
        ("city", "hello", "hello"),
        ("path", "Open `a.txt` in Riga", "a.txt"),
        ("anything", "hello", "hello"),
    ],
)
def test_a_string_is_what_its_name_wants(name: str, prompt: str, value: str) -> None:
    assert field({"type": "string"}, name, prompt) == value


def test_numbers_are_taken_in_their_order() -> None:
    number = {"type": "number"}
    schema = {"type": "object", "properties": {"a": number, "b": number, "c": number}, "required": ["a", "b", "c"]}
    assert fill(schema, "add 2 and 3") == {"a": 2, "b": 3, "c": 1}


def test_a_list_of_places_takes_every_name() -> None:
    assert field({"type": "array", "items": {"type": "string"}}, "cities", "Riga and Oslo") == ["Riga", "Oslo"]


def test_optional_fields_are_filled_if_there_is_something_for_them() -> None:
    optional = {
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer"},
        "lang": {"type": "string", "default": "en"},
        "note": {"type": "string"},
        "country": {"type": "string"},
        "deep": {"type": "object"},
    }
    schema = {"type": "object", "properties": {"city": {"type": "string"}, **optional}, "required": ["city"]}
    told = {"city": "Riga", "unit": "fahrenheit", "days": 3, "lang": "en", "country": "Riga"}
    assert fill(schema, "Riga, 3 days, in fahrenheit") == told
    assert fill(schema, "hello") == {"city": "hello", "unit": "celsius", "lang": "en"}


def test_an_optional_question_is_asked() -> None:
    assert fill({"type": "object", "properties": {"query": {"type": "string"}}}, "why?") == {"query": "why?"}


def test_references_are_followed() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/A~1B"}},
        "required": ["a"],
        "$defs": {"A/B": {"type": "integer"}},
    }
    assert fill(schema) == {"a": 7}


def test_what_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#"}, "all": {"type": "array", "items": {"$ref": "#"}}}}
    tree = fill({**node, "required": ["next", "all"]})
    assert tree["next"]["all"][0].keys() == {"next", "all"}
    assert field({"$ref": "#/properties/x"}) == "Riga"


@pytest.mark.parametrize("reference", ["#/nowhere", "other.json", "#/properties/x/type/y"])
def test_a_reference_to_nothing_is_any_text(reference: str) -> None:
    assert field({"$ref": reference}) == "Riga"


def test_required_fields_without_a_schema_are_filled() -> None:
    assert fill({"type": "object", "required": ["a"]}) == {"a": "Riga"}


WORDS = [
    *(
        "$ref",
        "$defs",
        "type",
        "properties",
        "required",
        "enum",
        "const",
        "default",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
    ),
    *("minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum", "format"),
]
TYPES = ["object", "array", "string", "integer", "number", "boolean", "null", "#", "#/properties/x", "x", "city"]
plain = st.one_of(st.none(), st.booleans(), st.integers(-3, 10**12), st.floats(), st.sampled_from(TYPES))
schemas = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "x", "city"]), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(WORDS), schemas, max_size=6))
def test_anything_is_filled_with_something_of_a_sensible_size(schema: dict[str, Any]) -> None:
    assert len(orjson.dumps(fill(schema, "Riga and Oslo, 7"))) < 1_000_000


@pytest.mark.parametrize(
    ("place", "zone"), [("Riga", "Europe/Riga"), ("New York", "America/New_York"), ("Atlantis", "Atlantis")]
)
def test_a_time_zone_is_said_by_its_own_name_if_the_place_has_one(place: str, zone: str) -> None:
    assert field({"type": "string"}, "timezone", f"What time is it in {place}?") == zone
