"""Requests about conversations."""

from typing import Any

import orjson
import pytest

from qwenproxy.endpoints import conversations
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import Json

WRONG: dict[str, tuple[Json, str]] = {
    "no object": ({"items": [5]}, "items[0]"),
    "no content": ({"items": [{"role": "user"}]}, "items[0].content"),
    "too many": ({"items": [{"role": "user", "content": "x"}] * 21}, "items"),
    "too much metadata": ({"metadata": {str(n): "x" for n in range(17)}}, "metadata"),
    "metadata that are no text": ({"metadata": {"a": 1}}, "metadata"),
    "a text too long": ({"metadata": {"a": "x" * 513}}, "metadata"),
    "a name too long": ({"metadata": {"a" * 65: "x"}}, "metadata"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_by_name(name: str) -> None:
    asked, param = WRONG[name]
    with pytest.raises(ProxyError) as caught:
        conversations.read(orjson.dumps(asked))
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b'{"items":null,"metadata":null}'])
def test_there_may_be_nothing_in_it(body: bytes) -> None:
    assert not any(conversations.read(body).values())


@pytest.mark.parametrize(("asked", "name"), [(None, None), ("conv_1", "conv_1"), ({"id": "conv_1"}, "conv_1")])
def test_a_conversation_is_named(asked: Any, name: str | None) -> None:
    assert conversations.named(asked) == name


@pytest.mark.parametrize("asked", ["", {}, {"id": 5}, 5])
def test_a_name_that_is_none_is_refused(asked: Any) -> None:
    with pytest.raises(ProxyError) as caught:
        conversations.named(asked)
    assert caught.value.param == "conversation"


def test_the_objects() -> None:
    assert conversations.conversation("conv_1", 7, None) == {
        "id": "conv_1",
        "object": "conversation",
        "created_at": 7,
        "metadata": {},
    }
    assert conversations.deleted("conv_1")["object"] == "conversation.deleted"
