"""POST /v1/embeddings: the request, and its answer as the official client reads it."""

import base64
import struct
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._models import construct_type, validate_type
from openai.types import CreateEmbeddingResponse

from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.errors import ProxyError

USAGE = {"prompt_tokens": 3, "total_tokens": 3}


def call(**fields: Any) -> EmbeddingCall:
    return EmbeddingCall(orjson.dumps({"model": "text-embedding-3-small", "input": "a", **fields}))


def answer(asked: EmbeddingCall, *vectors: list[float]) -> Any:
    return orjson.loads(b"".join(asked.pieces([asked.written(vector) for vector in vectors], USAGE)))


def test_a_request_is_read() -> None:
    asked = call(input=["a", "b"], dimensions=512, user=None, text_type="query")
    assert asked.model == "text-embedding-3-small"
    assert [one.content for one in asked.inputs] == ["a", "b"]
    assert asked.asked == {"dimensions": 512, "text_type": "query"}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "invalid_type"),
        ({"model": ""}, "model", "invalid_value"),
        ({"dimensions": "512"}, "dimensions", "invalid_type"),
        ({"dimensions": 0}, "dimensions", "invalid_value"),
        ({"dimensions": 1.5}, "dimensions", "invalid_type"),
        ({"encoding_format": "int8"}, "encoding_format", "invalid_value"),
        ({"user": 7}, "user", "invalid_type"),
        ({"input": None}, "input", "invalid_type"),
    ],
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(ProxyError) as caught:
        call(**fields)
    assert (caught.value.status, caught.value.param, caught.value.failure.code) == (400, param, code)


@pytest.mark.parametrize("field", ["model", "input"])
def test_a_missing_field_is_named(field: str) -> None:
    body = {"model": "m", "input": "a"}
    del body[field]
    with pytest.raises(ProxyError, match=f"'{field}' is required") as caught:
        EmbeddingCall(orjson.dumps(body))
    assert caught.value.failure.code == "missing_required_parameter"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        EmbeddingCall(body)
    assert caught.value.status == 400


def test_the_answer_is_openais_whole() -> None:
    assert answer(call(encoding_format="float"), [0.5, -1.0], [1e-7, 0]) == {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1.0]},
            {"object": "embedding", "index": 1, "embedding": [1e-7, 0]},
        ],
        "model": "text-embedding-3-small",
        "usage": USAGE,
    }


def test_base64_holds_little_endian_floats_of_32_bits() -> None:
    (item,) = answer(call(encoding_format="base64"), [0.5, -1.0, 0.1])["data"]
    data = base64.b64decode(item["embedding"], validate=True)
    assert struct.unpack("<3f", data) == (0.5, -1.0, struct.unpack("<f", struct.pack("<f", 0.1))[0])


def test_numbers_are_given_if_nothing_is_said() -> None:
    """OpenAI's own default; its clients say base64 by themselves."""
    assert answer(call(), [0.25])["data"][0]["embedding"] == [0.25]


@given(st.lists(st.lists(st.floats(-1, 1), min_size=1, max_size=4), min_size=1, max_size=3))
def test_the_official_client_takes_it_and_no_number_changes(vectors: list[list[float]]) -> None:
    said = answer(call(encoding_format="float"), *vectors)
    validate_type(type_=CreateEmbeddingResponse, value=said)
    read: Any = construct_type(type_=CreateEmbeddingResponse, value=said)
    assert [item.embedding for item in read.data] == vectors
    assert [item.index for item in read.data] == list(range(len(vectors)))


@pytest.mark.parametrize("fields", [{}, {"encoding_format": "base64"}])
@pytest.mark.parametrize("vector", [[None], ["a"], [[0.5]], [0.5, {}]])
def test_what_is_no_vector_is_not_written(fields: dict[str, Any], vector: Any) -> None:
    with pytest.raises(TypeError):
        call(**fields).written(vector)
