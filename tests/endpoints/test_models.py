"""The models list."""

import pytest
from openai.types import Model

from qwenproxy.endpoints.models import listing, one
from qwenproxy.errors import ProxyError

ROWS = [("gpt-4o", "openai"), ("qwen3.7-plus", "qwen")]


def test_a_listing_has_every_row_in_order() -> None:
    assert listing(ROWS, 1_700_000_000) == {
        "object": "list",
        "data": [
            {"id": "gpt-4o", "object": "model", "created": 1_700_000_000, "owned_by": "openai"},
            {"id": "qwen3.7-plus", "object": "model", "created": 1_700_000_000, "owned_by": "qwen"},
        ],
    }


def test_an_empty_listing_is_a_list() -> None:
    assert listing([], 0) == {"object": "list", "data": []}


def test_one_model_is_what_the_listing_says() -> None:
    model = one("qwen3.7-plus", ROWS, 7)
    assert model == listing(ROWS, 7)["data"][1]
    Model.model_validate(model, strict=True)


def test_an_unknown_model_is_a_404_that_names_it() -> None:
    with pytest.raises(ProxyError, match="'gpt-9'") as caught:
        one("gpt-9", ROWS, 7)
    assert caught.value.status == 404
    assert caught.value.body()["error"]["code"] == "model_not_found"
