"""Listings of models: the calls of each face, and the shapes that come back."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects.listings import Listed, Page, page, request
from qwenproxy.plans import FACES, Face

CALLS: list[tuple[Face, str, str]] = [
    ("compatible", "", "/models"),
    ("dashscope", "", "/models?page_no=1&page_size=100"),
    ("dashscope", "3", "/models?page_no=3&page_size=100"),
    ("contents", "", "/models?pageSize=1000"),
    ("contents", "a/b&c=", "/models?pageSize=1000&pageToken=a%2Fb%26c%3D"),
]


@pytest.mark.parametrize(("face", "following", "path"), CALLS, ids=[row[2] for row in CALLS])
def test_each_face_is_asked_in_its_own_way(face: Face, following: str, path: str) -> None:
    call = request(face, following)
    assert (call.method, call.path, call.body, call.stream) == ("GET", path, b"", False)


SHAPES: dict[str, tuple[Any, list[Listed]]] = {
    "OpenAI": (
        {"object": "list", "data": [{"id": "qwen-plus", "object": "model", "created": 7, "owned_by": "system"}]},
        [Listed("qwen-plus", "system", 7)],
    ),
    "vLLM": (
        {"data": [{"id": "Qwen/Qwen3-8B", "owned_by": "vllm", "max_model_len": 40_960, "permission": []}]},
        [Listed("Qwen/Qwen3-8B", "vllm", context=40_960)],
    ),
    "Ollama": ({"data": [{"id": "qwen3:8b", "owned_by": "library"}]}, [Listed("qwen3:8b", "library")]),
    "Ollama without any": ({"object": "list", "data": None}, []),
    "llama.cpp": (
        {"models": [{"name": "q", "model": "q"}], "data": [{"id": "q.gguf", "meta": {"n_ctx_train": 32_768}}]},
        [Listed("q.gguf", context=32_768)],
    ),
    "OpenRouter": (
        {
            "data": [
                {
                    "id": "qwen/qwen3-8b",
                    "name": "Qwen: Qwen3 8B",
                    "context_length": 128_000,
                    "top_provider": {"max_completion_tokens": 20_000},
                }
            ]
        },
        [Listed("qwen/qwen3-8b", context=128_000, max_output=20_000)],
    ),
    "DashScope": (
        {
            "success": True,
            "output": {
                "page_no": 1,
                "page_size": 100,
                "total": 1,
                "models": [
                    {
                        "model": "qwen-plus",
                        "name": "Qwen Plus",
                        "provider": "qwen",
                        "capabilities": ["TG"],
                        "model_info": {"context_window": 1_000_000, "max_output_tokens": 32_768},
                    }
                ],
            },
        },
        [Listed("qwen-plus", "qwen", context=1_000_000, max_output=32_768)],
    ),
    "contents": (
        {"models": [{"name": "models/qwen-plus", "inputTokenLimit": 100, "outputTokenLimit": 10}]},
        [Listed("qwen-plus", context=100, max_output=10)],
    ),
    "a bare list of names": (["qwen-plus", "qwen-max"], [Listed("qwen-plus"), Listed("qwen-max")]),
    "the same twice": ({"data": [{"id": "a"}, {"id": "a", "owned_by": "b"}]}, [Listed("a", "b")]),
    "entries that name nothing": (
        {"data": [{}, 7, None, {"id": ""}, {"id": 7}, {"id": "a\nb"}, {"id": "x" * 201}, {"id": "b"}]},
        [Listed("b")],
    ),
    "values that mean nothing": (
        {"data": [{"id": "a", "owned_by": 7, "created": "now", "context_length": -1, "meta": []}]},
        [Listed("a")],
    ),
    "sizes that are no numbers": ({"data": [{"id": "a", "max_model_len": True, "created": True}]}, [Listed("a")]),
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("said", "models"), SHAPES.values(), ids=SHAPES.keys())
def test_a_listing_is_read_whoever_wrote_it(face: Face, said: Any, models: list[Listed]) -> None:
    assert page(face, orjson.dumps(said)) == Page(models, "")


FOLLOWING: dict[str, tuple[Face, Any, str]] = {
    "DashScope counts": ("dashscope", {"output": {"page_no": 2, "page_size": 1, "total": 3, "models": ["a"]}}, "3"),
    "DashScope's last": ("dashscope", {"output": {"page_no": 3, "page_size": 1, "total": 3, "models": ["a"]}}, ""),
    "DashScope's beyond": ("dashscope", {"output": {"page_no": 2, "page_size": 1, "total": 9, "models": []}}, ""),
    "no counts": ("dashscope", {"output": {"page_no": None, "total": "3", "models": ["a"]}}, ""),
    "a token": ("contents", {"models": ["a"], "nextPageToken": "t"}, "t"),
    "a token in snake case": ("contents", {"models": ["a"], "next_page_token": "t"}, "t"),
    "a token and no model": ("contents", {"models": [], "nextPageToken": "t"}, ""),
    "a token where there are no pages": ("compatible", {"data": ["a"], "nextPageToken": "t"}, ""),
    "a bare list": ("contents", ["a"], ""),
}


@pytest.mark.parametrize(("face", "said", "following"), FOLLOWING.values(), ids=FOLLOWING.keys())
def test_the_next_page_is_named(face: Face, said: Any, following: str) -> None:
    assert page(face, orjson.dumps(said)).following == following


NONE = {
    "a page": b"<html>",
    "nothing": b"",
    "an answer to a chat": b'{"choices":[]}',
    "an error": b'{"error":{"message":"no"},"data":[]}',
    "a list that is none": b'{"data":{"id":"a"}}',
    "a word": b'"qwen"',
}


@pytest.mark.parametrize("body", NONE.values(), ids=NONE.keys())
def test_what_is_no_listing_is_not_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"not JSON|no list"):
        page("compatible", body)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**6) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["data", "models", "output", "id", "name", "meta", "page_no", "page_size", "total"]), inner
        )
    ),
    max_leaves=20,
)


@given(VALUES, st.sampled_from(FACES))
def test_whatever_comes_is_a_listing_or_a_value_error(said: Any, face: Face) -> None:
    try:
        found = page(face, orjson.dumps(said))
    except ValueError:
        return
    assert all(model.id and model.created >= 0 for model in found.models)
