"""The `dashscope` package's embeddings against the simulator, and against the calls that our own dialect makes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import dashscope
import orjson
import pytest
from dashscope.api_entities.http_request import close_shared_sync_session

from qwenproxy.dialects.embeddings import EMBEDDERS
from qwenproxy.embedding_models import row_of
from qwenproxy.simulator.server import Simulator
from qwenproxy.simulator.vectors import vector

BASE = "/api/v1"
V4, SEEING = "text-embedding-v4", "qwen3-vl-embedding"


@pytest.fixture(autouse=True)
async def package(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The package set up for the simulator; it keeps its connections until it is told to close them."""
    monkeypatch.setattr(dashscope, "base_http_api_url", simulator.base_url + BASE)
    monkeypatch.setattr(dashscope, "api_key", simulator.key)
    yield
    close_shared_sync_session()


async def texts(**fields: Any) -> Any:
    return await asyncio.to_thread(dashscope.TextEmbedding.call, **fields)


async def items(**fields: Any) -> Any:
    return await asyncio.to_thread(dashscope.MultiModalEmbedding.call, **fields)


def ours(model: str, contents: Any, **fields: Any) -> tuple[str, Any]:
    request = EMBEDDERS["dashscope"].request(model, contents, fields, row_of(model))
    return BASE + request.path, orjson.loads(request.body)


async def test_texts_are_embedded_by_the_same_call(simulator: Simulator) -> None:
    about: Any = {"text_type": "query", "instruct": "Find."}
    answer = await texts(model=V4, input=["a", "b"], dimension=64, **about)
    assert answer.status_code == 200
    said = (V4, "text_type=query", "instruct=Find.")
    assert [one["embedding"] for one in answer.output["embeddings"]] == [
        vector(("dashscope", *said, text), 64) for text in "ab"
    ]
    (asked,) = simulator.requests
    assert (asked.path, asked.body) == ours(V4, ["a", "b"], dimensions=64, **about)


async def test_pictures_are_embedded_by_the_same_call(simulator: Simulator) -> None:
    contents: Any = [{"text": "a"}, {"image": "https://host.example/y.png"}]
    answer = await items(model=SEEING, input=contents, dimension=256)
    assert [one["type"] for one in answer.output["embeddings"]] == ["text", "image"]
    (asked,) = simulator.requests
    assert (asked.path, asked.body) == ours(SEEING, contents, dimensions=256)


async def test_a_refusal_is_the_packages_own() -> None:
    answer = await texts(model=V4, input=["a"] * 11)
    assert (answer.status_code, answer.code) == (400, "InvalidParameter")
    assert "should not be larger than 10" in answer.message
