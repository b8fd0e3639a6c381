"""The shapes of a Responses request against the `openai` package's own."""

from typing import Any, get_type_hints

import pytest
from openai.types.responses import response_create_params

from qwenproxy.wire import responses
from qwenproxy.wire.responses import kind_of


def test_every_field_of_a_request_has_a_shape() -> None:
    sdk = get_type_hints(response_create_params.ResponseCreateParamsBase)
    assert get_type_hints(responses.ResponseRequest).keys() == sdk.keys() | {"stream"}


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ({"type": "reasoning"}, "reasoning"),
        ({"role": "user", "content": "x"}, "message"),
        ({"role": "user", "content": "x", "id": "msg_1"}, "message"),
        ({"id": "msg_1"}, "item_reference"),
        ({"id": "msg_1", "type": None}, "item_reference"),
        ({"type": "of tomorrow"}, "of tomorrow"),
        ({}, "message"),
        (5, "message"),
    ],
)
def test_an_item_tells_its_kind(item: Any, kind: str) -> None:
    assert kind_of(item) == kind
