"""Embeddings in each upstream protocol: the call, and what its answer holds."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.embedding_rulings import OPENAI, TABLE
from qwenproxy.dialects.embeddings import EMBEDDERS, Embedder, NoVectors, batch_limit
from qwenproxy.embedding_models import row_of
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, Failure, ProxyError
from qwenproxy.wire.openai import Json

FIELDS: Json = {"dimensions": 512, "text_type": "query", "instruct": "Find."}
HALF, ONE = [0.5, -0.5], [1.0, 0.0]


def asked(dialect: str, contents: list[Any], fields: Json, model: str = "text-embedding-v4") -> tuple[str, Any]:
    """The path and the body of a call."""
    request = EMBEDDERS[dialect].request(model, contents, fields, row_of(model))
    assert (request.method, request.stream) == ("POST", False)
    return request.path, orjson.loads(request.body)


def read(dialect: str, answer: Any, count: int) -> Any:
    return EMBEDDERS[dialect].read(answer if isinstance(answer, bytes) else orjson.dumps(answer), count)


def test_the_compatible_call_asks_for_numbers() -> None:
    assert asked("compatible", ["a", "b"], {"dimensions": 512, "truncate": True}) == (
        "/embeddings",
        {
            "model": "text-embedding-v4",
            "input": ["a", "b"],
            "encoding_format": "float",
            "dimensions": 512,
            "truncate": True,
        },
    )


def test_the_native_call_has_its_parameters_apart() -> None:
    assert asked("dashscope", ["a", "b"], FIELDS) == (
        "/services/embeddings/text-embedding/text-embedding",
        {
            "model": "text-embedding-v4",
            "input": {"texts": ["a", "b"]},
            "parameters": {"dimension": 512, "text_type": "query", "instruct": "Find."},
        },
    )


def test_a_model_that_sees_gets_items() -> None:
    contents = ["a", "data:image/png;base64,AAAA", "DATA:video/mp4;base64,AAAA", {"text": "b", "image": "u"}]
    assert asked("dashscope", contents, {"fps": 0.5}, "qwen3-vl-embedding") == (
        "/services/embeddings/multimodal-embedding/multimodal-embedding",
        {
            "model": "qwen3-vl-embedding",
            "input": {
                "contents": [
                    {"text": "a"},
                    {"image": "data:image/png;base64,AAAA"},
                    {"video": "DATA:video/mp4;base64,AAAA"},
                    {"text": "b", "image": "u"},
                ]
            },
            "parameters": {"fps": 0.5},
        },
    )


def test_files_that_lie_with_the_vendor_are_announced() -> None:
    row = row_of("qwen3-vl-embedding")
    native = EMBEDDERS["dashscope"]
    assert native.request("qwen3-vl-embedding", [{"image": "oss://x/y"}], {}, row).headers == {
        "x-dashscope-ossresourceresolve": "enable"
    }
    assert native.request("qwen3-vl-embedding", ["a"], {}, row).headers == {}


def test_the_contents_call_for_one_input_and_for_several() -> None:
    one = {
        "model": "models/text-embedding-v4",
        "content": {"parts": [{"text": "a"}]},
        "outputDimensionality": 512,
        "taskType": "RETRIEVAL_QUERY",
    }
    fields = {"dimensions": 512, "text_type": "query"}
    assert asked("contents", ["a"], fields) == ("/models/text-embedding-v4:embedContent", one)
    assert asked("contents", ["a", "b"], fields) == (
        "/models/text-embedding-v4:batchEmbedContents",
        {"requests": [one, one | {"content": {"parts": [{"text": "b"}]}}]},
    )


@pytest.mark.parametrize(
    ("fields", "task"),
    [
        ({"text_type": "document"}, "RETRIEVAL_DOCUMENT"),
        ({"task_type": "CLUSTERING"}, "CLUSTERING"),
        ({"text_type": "query", "task_type": "CLUSTERING"}, "CLUSTERING"),
        ({"text_type": "else"}, None),
        ({}, None),
    ],
)
def test_what_vectors_are_for_is_said_in_the_contents_words(fields: Json, task: str | None) -> None:
    path, body = asked("contents", ["a"], {"title": "T", **fields}, "vendor/a model")
    assert path == "/models/vendor/a%20model:embedContent"
    assert (body.get("taskType"), body["title"]) == (task, "T")


@pytest.mark.parametrize("name", EMBEDDERS)
def test_every_field_is_said_or_listed_as_unsaid(name: str) -> None:
    """Whatever the rulings keep is in the call, under one name or another."""
    embedder: Embedder = EMBEDDERS[name]
    kept = [field for field, ruling in TABLE.items() if ruling.kind == "kept"]
    assert set(embedder.unsaid) <= set(kept) - set(OPENAI)
    for field in set(kept) - set(embedder.unsaid):
        _, body = asked(name, ["a"], {field: "query"})
        assert "query" in orjson.dumps(body).decode().lower(), field


ANSWERS: dict[str, tuple[str, Json, str]] = {
    "compatible": (
        "compatible",
        {
            "object": "list",
            "data": [{"index": 1, "embedding": ONE}, {"index": 0, "embedding": HALF}],
            "usage": {"prompt_tokens": 7, "total_tokens": 7},
        },
        "index",
    ),
    "native": (
        "dashscope",
        {
            "output": {"embeddings": [{"text_index": 1, "embedding": ONE}, {"text_index": 0, "embedding": HALF}]},
            "usage": {"total_tokens": 7},
            "request_id": "1",
        },
        "text_index",
    ),
    "multimodal": (
        "dashscope",
        {
            "output": {"embeddings": [{"index": 1, "embedding": ONE}, {"index": 0, "embedding": HALF}]},
            "usage": {"input_tokens": 3, "image_tokens": 4, "image_count": 1},
        },
        "index",
    ),
    "contents": (
        "contents",
        {"embeddings": [{"values": HALF}, {"values": ONE}], "usageMetadata": {"promptTokenCount": 7}},
        "",
    ),
}


@pytest.mark.parametrize(("dialect", "answer", "index"), ANSWERS.values(), ids=ANSWERS)
def test_vectors_are_put_in_order(dialect: str, answer: Json, index: str) -> None:
    assert tuple(read(dialect, answer, 2)) == ([HALF, ONE], 7)


def test_one_content_has_one_vector() -> None:
    assert tuple(read("contents", {"embedding": {"values": HALF}}, 1)) == ([HALF], 0)


def test_without_places_the_order_is_as_it_came() -> None:
    assert read("compatible", {"data": [{"embedding": HALF}, {"embedding": ONE}]}, 2).rows == [HALF, ONE]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "0 vectors for 2 inputs"),
        (None, "0 vectors for 2 inputs"),
        ([{"index": 0, "embedding": HALF}], "1 vectors for 2 inputs"),
        ([{"index": 0, "embedding": HALF}] * 2, "numbered"),
        ([{"index": 0, "embedding": HALF}] * 3, "3 vectors for 2 inputs"),
        ([{"index": 1, "embedding": HALF}, {"index": 2, "embedding": HALF}], "numbered"),
        ([{"index": "0", "embedding": HALF}, {"index": "1", "embedding": HALF}], "numbered"),
        ([{"embedding": HALF}, {"embedding": []}], "no vector"),
        ([{"embedding": HALF}, {"embedding": "AAAA"}], "no vector"),
        ([{"embedding": HALF}, {}], "no vector"),
        ([HALF, ONE], "0 vectors"),
    ],
)
def test_an_answer_that_is_not_whole_is_an_error(data: Any, message: str) -> None:
    with pytest.raises(ProxyError, match=message) as caught:
        read("compatible", {"data": data}, 2)
    assert caught.value.failure is UPSTREAM_GARBLED


@pytest.mark.parametrize("dialect", EMBEDDERS)
@pytest.mark.parametrize(
    "answer",
    [b"<html>", b"[]", b"Busy.", {"error": {"message": "No."}}, {"code": "InvalidParameter", "message": "No."}],
)
def test_what_is_no_answer_is_told_apart(dialect: str, answer: Any) -> None:
    with pytest.raises(NoVectors):
        read(dialect, answer, 1)


@pytest.mark.parametrize("dialect", EMBEDDERS)
@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"", UPSTREAM_CUT),
        (b'{"data":[{"index":0,"embedding":[0.5', UPSTREAM_CUT),
        (b'{"data":[{"index":0,"embedding":[NaN]}]}\n', UPSTREAM_GARBLED),
    ],
    ids=["nothing", "cut", "no JSON"],
)
def test_an_answer_that_cannot_be_read_is_not_shown_as_a_reason(dialect: str, answer: bytes, failure: Failure) -> None:
    with pytest.raises(ProxyError) as caught:
        read(dialect, answer, 1)
    assert caught.value.failure is failure
    assert "embedding" not in caught.value.message


@pytest.mark.parametrize("usage", [None, [], {}, {"prompt_tokens": None}, {"prompt_tokens": "7"}])
def test_tokens_that_nobody_tells_are_none(usage: Any) -> None:
    assert read("compatible", {"data": [{"embedding": HALF}], "usage": usage}, 1).tokens == 0


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ("<400> ...: Value error, batch size is invalid, it should not be larger than 10.: input.contents", 10),
        ("batch size 64 > maximum allowed batch size 32", 32),
        ("* BatchEmbedContentsRequest.requests: at most 100 requests can be in one batch", 100),
        ("Range of input length should be [1, 8192]", None),
    ],
)
def test_a_limit_on_inputs_is_read_from_a_refusal(message: str, limit: int | None) -> None:
    assert batch_limit(message) == limit
