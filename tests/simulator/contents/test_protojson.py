"""JSON for protocol buffers."""

from typing import Any

import pytest

from qwenproxy.simulator.contents.protojson import DEEPEST, Reader, Table, camel, decoded, encoded

TABLE = Table(
    {
        "Box": {
            "name": "string",
            "max_size": "int32",
            "weight": "float",
            "sealed": "bool",
            "data_bytes": "bytes",
            "labels": "[string]",
            "inner": "Box",
            "boxes": "[Box]",
            "by_name": "{Box}",
            "colour": "Colour",
            "extra": "Struct",
            "anything": "Value",
        }
    },
    {"Colour": ("RED", "GREEN")},
    {"Box": ("name", "inner", "data_bytes")},
)
PACKAGE = "type.googleapis.com/google.ai.generativelanguage.v1beta"


def read(value: Any) -> Any:
    reader = Reader(TABLE)
    box = reader.read(value, "Box")
    assert reader.faults == []
    return box


def faults(value: Any) -> list[str]:
    reader = Reader(TABLE)
    reader.read(value, "Box")
    return [fault.description for fault in reader.faults]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ({"maxSize": 5}, {"max_size": 5}),
        ({"max_size": "5"}, {"max_size": 5}),
        ({"maxSize": 5.0}, {"max_size": 5}),
        ({"weight": "1.5e1"}, {"weight": 15.0}),
        ({"weight": 2}, {"weight": 2}),
        ({"sealed": "true"}, {"sealed": True}),
        ({"sealed": False}, {"sealed": False}),
        ({"name": None, "inner": None}, {}),
        ({"labels": "one"}, {"labels": ["one"]}),
        ({"labels": []}, {"labels": []}),
        ({"boxes": {"name": "b"}}, {"boxes": [{"name": "b"}]}),
        ({"byName": {"some key": {"maxSize": 1}}}, {"by_name": {"some key": {"max_size": 1}}}),
        ({"colour": "green"}, {"colour": "GREEN"}),
        ({"extra": {"someKey": [1, None]}}, {"extra": {"someKey": [1, None]}}),
        ({"anything": [1, {"someKey": 2}]}, {"anything": [1, {"someKey": 2}]}),
        ({"dataBytes": "_-8"}, {"data_bytes": "/+8="}),
    ],
)
def test_what_is_read(sent: Any, meant: Any) -> None:
    assert read(sent) == meant


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"nam": "x"}, 'Invalid JSON payload received. Unknown name "nam": Cannot find field.'),
        (
            {"inner": {"boxes": [{}, {"size": 1}]}},
            "Invalid JSON payload received. Unknown name \"size\" at 'inner.boxes[1]': Cannot find field.",
        ),
        (
            {"by_name": {"a": {}, "b": {"size": 1}}},
            "Invalid JSON payload received. Unknown name \"size\" at 'by_name[1].value': Cannot find field.",
        ),
        (
            {"inner": {"name": ["a"]}},
            "Invalid JSON payload received. Unknown name \"name\" at 'inner': "
            "Proto field is not repeating, cannot start list.",
        ),
        ({"weight": "much"}, "Invalid value at 'weight' (TYPE_FLOAT), \"much\""),
        ({"weight": True}, "Invalid value at 'weight' (TYPE_FLOAT), true"),
        ({"maxSize": 1.5}, "Invalid value at 'max_size' (TYPE_INT32), 1.5"),
        ({"maxSize": 2**31}, "Invalid value at 'max_size' (TYPE_INT32), 2147483648"),
        ({"name": 1}, "Invalid value at 'name' (TYPE_STRING), 1"),
        ({"labels": ["a", 2]}, "Invalid value at 'labels[1]' (TYPE_STRING), 2"),
        ({"sealed": "yes"}, "Invalid value at 'sealed' (TYPE_BOOL), \"yes\""),
        ({"dataBytes": "*"}, "Invalid value at 'data_bytes' (TYPE_BYTES), \"*\""),
        ({"extra": "text"}, "Invalid value at 'extra' (TYPE_STRUCT), \"text\""),
        ({"byName": "text"}, "Invalid value at 'by_name' (map), \"text\""),
        ({"colour": "BLUE"}, f"Invalid value at 'colour' ({PACKAGE}.Colour), \"BLUE\""),
        ({"colour": 1}, f"Invalid value at 'colour' ({PACKAGE}.Colour), 1"),
        ({"inner": "text"}, f"Invalid value at 'inner' ({PACKAGE}.Box), \"text\""),
    ],
)
def test_what_is_refused(sent: Any, said: str) -> None:
    assert faults(sent) == [said]


def test_every_fault_is_named() -> None:
    assert len(faults({"a": 1, "b": 2, "name": 3})) == 3


def test_of_fields_that_exclude_each_other_there_is_one() -> None:
    assert faults({"boxes": [{"name": "a", "inner": {}}]}) == [
        "Invalid value at 'boxes[0]' (oneof), oneof field 'data' is already set. Cannot set 'inner'"
    ]


@pytest.mark.parametrize("keys", [("dataBytes", "data_bytes"), ("data_bytes", "dataBytes")])
def test_one_of_them_in_both_spellings_is_one_too_many(keys: tuple[str, str]) -> None:
    assert faults({"inner": dict.fromkeys(keys, "_-8=")}) == [
        f"Invalid value at 'inner' (oneof), oneof field 'data' is already set. Cannot set '{keys[1]}'"
    ]


def test_messages_within_messages_have_an_end() -> None:
    value: Any = {}
    for _ in range(DEEPEST + 5):
        value = {"inner": value}
    assert faults(value) == ["Message too deep. Max recursion depth reached"]


def test_names_have_two_spellings() -> None:
    assert [camel(name) for name in ("name", "max_size", "by_the_name")] == ["name", "maxSize", "byTheName"]


@pytest.mark.parametrize("text", ["/+8=", "/+8", "_-8=", "_-8"])
def test_base64_comes_in_two_alphabets_padded_or_not(text: str) -> None:
    assert decoded(text) == b"\xff\xef"
    assert encoded(decoded(text)) == "/+8="
