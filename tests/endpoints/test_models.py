"""The models list."""

import pytest
from openai.types import Model as OpenAIModel

from qwenproxy.endpoints.models import Model, listing, one
from qwenproxy.errors import ProxyError

ALIAS, DATED = Model("gpt-4o", "qwenproxy"), Model("qwen3.7-plus", "qwen", 1_760_000_000)


def test_a_listing_has_every_model_in_order() -> None:
    assert listing([ALIAS, DATED], 1_700_000_000) == {
        "object": "list",
        "data": [
            {"id": "gpt-4o", "object": "model", "created": 1_700_000_000, "owned_by": "qwenproxy"},
            {"id": "qwen3.7-plus", "object": "model", "created": 1_760_000_000, "owned_by": "qwen"},
        ],
    }


def test_an_empty_listing_is_a_list() -> None:
    assert listing([], 0) == {"object": "list", "data": []}


@pytest.mark.parametrize("model", [ALIAS, DATED], ids=["undated", "dated"])
def test_one_model_is_what_the_listing_says(model: Model) -> None:
    found = one(model.id, model, 7)
    assert found == listing([model], 7)["data"][0]
    OpenAIModel.model_validate(found, strict=True)


def test_an_unknown_model_is_a_404_that_names_it() -> None:
    with pytest.raises(ProxyError, match="'gpt-9'") as caught:
        one("gpt-9", None, 7)
    assert caught.value.status == 404
    assert caught.value.body()["error"]["code"] == "model_not_found"
