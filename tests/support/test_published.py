"""The table of the published schema: that it tells right from wrong, and where the official package says otherwise."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest
from openai.types.responses import Response, ResponseStreamEvent

from tests.support.published import OBJECTS, event_faults, faults

ITEM = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": []}
DELTA = {
    "type": "response.refusal.delta",
    "sequence_number": 4,
    "item_id": "msg_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "No",
}

WRONG: dict[str, tuple[Any, str, str]] = {
    "missing": ({k: v for k, v in ITEM.items() if k != "role"}, "item", ".role: missing"),
    "another kind": (ITEM | {"id": 5}, "item", ".id: 5 is not str"),
    "another word": (ITEM | {"status": "done"}, "item", ".status: 'done' is not"),
    "null": (ITEM | {"content": None}, "item", ".content: no list"),
    "unknown": (ITEM | {"type": "riddle"}, "item", "there is no item.riddle"),
    "within a list": (ITEM | {"content": [{"type": "refusal"}]}, "item", ".content[0].refusal: missing"),
    "a switch for a number": ({"code": "server_error", "message": True}, "error_of_response", "True is not str"),
    "not at all an object": (5, "usage", "5 is no usage"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_by_its_place(name: str) -> None:
    value, kind, fault = WRONG[name]
    (found,) = faults(value, kind)
    assert fault in found


def test_what_is_right_has_no_fault() -> None:
    assert faults(ITEM, "item") == []
    assert faults(None, "usage?") == []
    assert event_faults(DELTA) == []


@pytest.mark.parametrize("field", [field for field in DELTA if field != "type"])
def test_an_event_needs_all_its_fields(field: str) -> None:
    assert len(event_faults({name: value for name, value in DELTA.items() if name != field})) == 1


def test_an_event_that_nobody_knows_is_wrong() -> None:
    assert event_faults(DELTA | {"type": "response.surprise"}) == ["there is no event.response.surprise"]


DISAGREE: dict[str, set[str]] = {
    "error": {"code", "param"},  # the document wants them, if null; the package lets them be missing
    "response.function_call_arguments.done": {"name"},  # the document only
    "response.output_text.annotation.added": {"annotation"},  # the package lets it be missing
}
"""Fields of which the document and the package do not say the same; they are sent as the stricter one has it."""


def events() -> Iterator[tuple[str, set[str]]]:
    """The events of the official package, each with the fields that it must have."""
    (union, *_) = get_args(ResponseStreamEvent)
    for shape in get_args(union):
        (kind,) = get_args(shape.model_fields["type"].annotation)
        yield kind, {name for name, field in shape.model_fields.items() if field.is_required()}


PACKAGE = dict(events())


@pytest.mark.parametrize("name", [name.removeprefix("event.") for name in OBJECTS if name.startswith("event.")])
def test_the_official_package_says_the_same_of_events(name: str) -> None:
    fields = OBJECTS[f"event.{name}"]
    ours = {field for field in fields if not fields[field].optional} | {"type", "sequence_number"}
    assert ours ^ PACKAGE[name] == DISAGREE.get(name, set())


def test_it_asks_no_less_of_a_response() -> None:
    required = {name for name, field in Response.model_fields.items() if field.is_required()}
    assert required <= {name for name, field in OBJECTS["response"].items() if not field.optional}
