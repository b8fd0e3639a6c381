"""Engines, as models were called once."""

import orjson
import pytest

from qwenproxy.endpoints.engines import listing, named, one
from qwenproxy.endpoints.models import Model
from qwenproxy.errors import MODEL_NOT_FOUND, ProxyError

QWEN = {"id": "qwen3.7-plus", "object": "engine", "owner": "qwen", "ready": True, "created": None, "permissions": None}


def test_models_are_listed_as_engines() -> None:
    assert listing([Model("qwen3.7-plus", "qwen", 7)]) == {"object": "list", "data": [QWEN]}


def test_one_of_them() -> None:
    assert one("qwen3.7-plus", Model("qwen3.7-plus", "qwen")) == QWEN


def test_one_that_is_not_there() -> None:
    with pytest.raises(ProxyError, match="davinci") as caught:
        one("davinci", None)
    assert caught.value.failure is MODEL_NOT_FOUND


@pytest.mark.parametrize("body", [b'{"prompt":"a"}', b'{"prompt":"a","model":"b"}', b'{"model":null,"prompt":"a"}'])
def test_the_model_of_the_path_counts(body: bytes) -> None:
    assert orjson.loads(named(body, "davinci")) == {"prompt": "a", "model": "davinci"}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"prompt":' + b"[" * 300 + b"]" * 300 + b"}"])
def test_what_is_no_request_is_left_for_the_endpoint_to_refuse(body: bytes) -> None:
    assert named(body, "davinci") == body
