"""Items as they are kept and given out."""

from typing import Any

import pytest
from openai._models import validate_type
from openai.types.conversations import ConversationItem
from openai.types.responses import ResponseItem, ResponseItemList

from qwenproxy.endpoints.responses import stored
from qwenproxy.errors import INTERNAL, ProxyError
from qwenproxy.wire.openai import Json

ITEM: Any = ResponseItem
CONVERSATION_ITEM: Any = ConversationItem


def name(prefix: str) -> str:
    return f"{prefix}_1"


KEPT: dict[str, tuple[Json, Json]] = {
    "a text": (
        {"role": "user", "content": "Hi"},
        {"content": [{"type": "input_text", "text": "Hi"}], "id": "msg_1", "status": "completed", "type": "message"},
    ),
    "an answer": (
        {"role": "assistant", "content": "Hi", "id": "msg_9"},
        {"content": [{"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}], "id": "msg_9"},
    ),
    "an image": (
        {"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]},
        {"content": [{"type": "input_image", "image_url": "data:x", "detail": "auto"}]},
    ),
    "a call": (
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"id": "fc_1", "status": "completed"},
    ),
    "a result": ({"type": "function_call_output", "call_id": "c", "output": "x"}, {"id": "fco_1"}),
    "thinking": ({"type": "reasoning", "summary": []}, {"id": "rs_1"}),
    "an id that is none": ({"role": "user", "content": "Hi", "id": None}, {"id": "msg_1"}),
}


ITEMS = [{"id": name} for name in "abcde"]

PAGES: list[tuple[str | None, int, bool, str, bool]] = [
    (None, 20, False, "abcde", False),
    (None, 5, True, "edcba", False),
    (None, 2, False, "ab", True),
    ("b", 2, False, "cd", True),
    ("b", 3, False, "cde", False),
    ("b", 3, True, "a", False),
    ("e", 3, False, "", False),
]


@pytest.mark.parametrize(("after", "limit", "descending", "names", "more"), PAGES)
def test_a_page_of_items(after: str | None, limit: int, descending: bool, names: str, more: bool) -> None:
    assert stored.page(ITEMS, after, limit, descending) == ([{"id": name} for name in names], more)


def test_behind_an_unknown_item_there_is_nothing() -> None:
    assert stored.page(ITEMS, "x", 2, False) is None


@pytest.mark.parametrize("case", KEPT)
def test_an_item_is_kept(case: str) -> None:
    item, fields = KEPT[case]
    (kept,) = stored.items_of([item], name)
    assert {name: kept[name] for name in fields} == fields
    assert stored.item_of(kept, name) == kept, "once more, and nothing changes"
    if case != "an answer":
        validate_type(type_=ITEM, value=kept)
    validate_type(type_=CONVERSATION_ITEM, value=kept)


def test_a_text_alone_is_a_message() -> None:
    assert stored.items_of("Hi", name) == stored.items_of([{"role": "user", "content": "Hi"}], name)


def test_ids_of_the_input_are_like_those_of_the_output() -> None:
    make = stored.input_ids(f"resp_{'a' * 48}")
    assert [make("msg"), make("fc")] == [f"msg_{'a' * 40}80000000", f"fc_{'a' * 40}80000001"]


REFERENCE: Json = {"type": "item_reference", "id": "msg_1"}


def test_references_become_the_items() -> None:
    item = {"type": "message", "id": "msg_1"}
    asked: list[Json] = [REFERENCE, {"id": "msg_1"}, {"role": "user", "content": "x"}]
    assert stored.references(asked) == ["msg_1", "msg_1"]
    assert stored.references("text") == []
    assert stored.resolved(asked, {"msg_1": item}, ()) == [item, item, asked[2]]
    assert stored.resolved(asked, {}, {"msg_1"}) == [asked[2]], "it comes before them anyway"


def test_an_unknown_reference_is_a_404() -> None:
    with pytest.raises(ProxyError) as caught:
        stored.resolved([REFERENCE], {}, ())
    assert (caught.value.status, caught.value.message) == (404, "Item with id 'msg_1' not found.")


def test_a_list() -> None:
    items = stored.items_of([{"role": "user", "content": "a", "id": "x"}, {"role": "user", "content": "b"}], name)
    for found in (stored.listing(items, more=True), stored.listing([], more=False)):
        validate_type(type_=ResponseItemList, value=found)
    assert {"first_id": "x", "last_id": "msg_1", "has_more": True}.items() <= stored.listing(items, more=True).items()


def test_a_failed_response_says_so_in_its_last_event() -> None:
    body, event = stored.failed({"id": "r", "output": []}, ProxyError(INTERNAL, "gone"), 7)
    assert body["error"] == {"code": "server_error", "message": "gone"}
    assert stored.payload(event[:-2]) == {"type": "response.failed", "sequence_number": 7, "response": body}


def test_items_that_are_done_are_found_in_events() -> None:
    done = b'event: response.output_item.done\ndata: {"item":{"id":"a"}}\n\n'
    assert stored.done_items([b"event: x\ndata: {}\n\n", done]) == [{"id": "a"}]


@pytest.mark.parametrize("text", ["", "x", "0", "101", "-1", "1.5", "9" * 99, "²"])
def test_a_wrong_number_in_a_query_is_refused(text: str) -> None:
    with pytest.raises(ProxyError) as caught:
        stored.number({"limit": text}, "limit", default=20, least=1, most=100)
    assert caught.value.param == "limit"


def test_the_order_in_a_query() -> None:
    assert stored.number({}, "limit", default=20, least=1, most=100) == 20
    assert stored.descending({})
    assert not stored.descending({"order": "asc"})
    with pytest.raises(ProxyError):
        stored.descending({"order": "up"})
