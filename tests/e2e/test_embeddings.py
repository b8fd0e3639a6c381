"""Embeddings by the official client, through the proxy, against the simulator, on every face of the upstream."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import orjson
import pytest
import pytest_asyncio
from openai.types import CreateEmbeddingResponse

from qwenproxy.simulator.vectors import vector
from tests.clients import toolchains
from tests.clients.toolchains import needed
from tests.support.apps import Simulated, simulated
from tests.support.simulated import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
V4 = "text-embedding-v4"
PATIENCE = 90.0  # s; a first run of Node takes its time
HELLO_WORLD = [9906, 1917]
"""Token ids of "Hello world"."""


@dataclass
class Scene:
    """A stage, and the dialect that is spoken on it.

    The stage's own client checks every answer against its types before it makes numbers of base64, so it cannot read
    its own default; `usual` is the client as it comes.
    """

    stage: Simulated
    dialect: str
    usual: openai.AsyncOpenAI

    async def embed(self, said: Any, model: str = V4, **fields: Any) -> CreateEmbeddingResponse:
        client = self.stage.app if "encoding_format" in fields else self.usual
        return await client.embeddings.create(model=model, input=said, **fields)

    async def plain(self, said: Any, **fields: Any) -> Any:
        """The answer as it is on the wire; the client itself turns base64 into numbers again."""
        raw = await self.stage.app.embeddings.with_raw_response.create(model=V4, input=said, **fields)
        return orjson.loads(raw.content)

    def given(self, text: str, dimensions: int = 1024, *about: str) -> list[float]:
        """The vector that the upstream gives."""
        return vector((self.dialect, V4, *about, text), dimensions)


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FACES)
async def at(request: pytest.FixtureRequest, confdir: Path) -> AsyncIterator[Scene]:
    dialect: str = request.param
    async with (
        simulated(confdir, face=FACES[dialect]) as stage,
        openai.AsyncOpenAI(base_url=stage.proxy.base_url, api_key="fake-api-key", max_retries=0) as usual,
    ):
        yield Scene(stage, dialect, usual)


def singles(numbers: Sequence[float]) -> list[float]:
    """*numbers* as 32 bits hold them."""
    return list(struct.unpack(f"<{len(numbers)}f", struct.pack(f"<{len(numbers)}f", *numbers)))


@pytest.mark.parametrize("count", [1, 23, 2048])
@pytest.mark.parametrize("form", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}], ids=str)
async def test_every_input_has_its_vector_in_order_and_as_the_upstream_gave_it(
    at: Scene, count: int, form: dict[str, str]
) -> None:
    size = 64 if count > 100 else 1024
    texts = [f"input number {n}" for n in range(count)]
    answer = await at.plain(texts, dimensions=size, **form)
    assert [item["index"] for item in answer["data"]] == list(range(count))
    for text, item in zip(texts, answer["data"], strict=True):
        found, given = item["embedding"], at.given(text, size)
        if form == {"encoding_format": "float"}:
            assert found == given
        else:
            assert base64.b64decode(found) == struct.pack(f"<{size}f", *given)


async def test_the_client_reads_what_it_asked_for_by_itself(at: Scene) -> None:
    """openai-python asks for base64, and makes numbers of it."""
    answer = await at.embed(["a", "b"])
    assert [item.embedding for item in answer.data] == [singles(at.given("a")), singles(at.given("b"))]
    assert (answer.object, answer.model) == ("list", V4)
    told = 0 if at.dialect == "contents" else 2  # which has no count of tokens
    assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (told, told)


@pytest.mark.parametrize(
    ("said", "texts"),
    [
        ("Hello world", ["Hello world"]),
        (HELLO_WORLD, ["Hello world"]),
        ([HELLO_WORLD, [9906]], ["Hello world", "Hello"]),
    ],
    ids=["a text", "token ids", "lists of token ids"],
)
async def test_every_form_of_input_is_taken(at: Scene, said: Any, texts: list[str]) -> None:
    answer = await at.embed(said, encoding_format="float")
    assert [item.embedding for item in answer.data] == [at.given(text) for text in texts]


async def test_openais_model_has_vectors_of_its_usual_length(at: Scene) -> None:
    raw = await at.usual.embeddings.with_raw_response.create(model="text-embedding-3-small", input="a", user="anne")
    answer = raw.parse()
    assert (answer.model, raw.headers["x-qwenproxy-model"]) == ("text-embedding-3-small", V4)
    assert raw.headers["x-qwenproxy-dropped"] == "user"
    assert len(answer.data[0].embedding) == 1536


async def test_what_the_vectors_are_for_is_said_where_the_dialect_has_words_for_it(at: Scene) -> None:
    about = {"compatible": (), "dashscope": ("text_type=query",), "contents": ("taskType=RETRIEVAL_QUERY",)}[at.dialect]
    raw = await at.stage.app.embeddings.with_raw_response.create(
        model=V4, input="a", encoding_format="float", extra_body={"text_type": "query"}
    )
    assert raw.parse().data[0].embedding == at.given("a", 1024, *about)
    assert raw.headers.get("x-qwenproxy-dropped") == ("text_type" if at.dialect == "compatible" else None)


@pytest.mark.parametrize(
    ("said", "fields", "param"),
    [
        (["a", "b", "c", ""], {}, "input[3]"),
        (["a", "word " * 9_000], {}, "input[1]"),
        ([], {}, "input"),
        ("a", {"dimensions": 1000}, "dimensions"),
        ([[10**7]], {}, "input[0][0]"),
    ],
    ids=["empty", "too long", "none", "dimensions", "token ids"],
)
async def test_what_is_wrong_is_named_before_anything_is_sent(at: Scene, said: Any, fields: Any, param: str) -> None:
    at.stage.asked()
    with pytest.raises(openai.BadRequestError) as caught:
        await at.embed(said, **fields)
    assert caught.value.param == param
    assert at.stage.asked() == []


async def test_the_upstreams_refusal_comes_in_openais_words(at: Scene) -> None:
    texts = [f"a {n}" for n in range(12)]
    with pytest.raises(openai.BadRequestError) as caught:
        await at.embed([*texts, "b [sim: error data_inspection_failed]"])
    assert caught.value.code == "content_filter"
    assert "input[10] to input[12]" in caught.value.message


async def test_a_busy_moment_in_a_long_request_is_waited_out(at: Scene) -> None:
    texts = [*(f"a {n}" for n in range(15)), f"{at.dialect} [sim: error limit_requests 1 once]"]
    answer = await at.embed(texts, encoding_format="float")
    assert [item.embedding for item in answer.data] == [at.given(text) for text in texts]


async def test_an_unknown_model_is_not_another_one(at: Scene) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await at.embed("a", model="text-embedding-v9")
    assert caught.value.code == "model_not_found"


async def test_an_app_that_leaves_takes_its_calls_along(at: Scene) -> None:
    before = at.stage.simulator.cancelled
    asking = asyncio.create_task(at.embed(["a"] * 10 + ["b [sim: hang]"] * 30))
    at.stage.asked()
    assert await until(lambda: len(at.stage.simulator.requests) == 4)
    asking.cancel()
    assert await until(lambda: at.stage.simulator.cancelled == before + 3)


async def test_the_apps_key_goes_nowhere(at: Scene) -> None:
    at.stage.asked()
    await at.embed("a", extra_headers={"OpenAI-Organization": "org-1", "Cookie": "a=b"})
    (asked,) = at.stage.simulator.requests
    assert asked.headers["authorization"] == f"Bearer {at.stage.simulator.key}"
    assert not asked.headers.keys() & {"openai-organization", "cookie", "x-stainless-lang"}


async def test_pictures_are_for_the_native_protocol_only(at: Scene) -> None:
    picture = "data:image/png;base64,AAAA"
    asking = at.embed(["a cat", picture], "qwen3-vl-embedding", dimensions=256, encoding_format="float")
    if at.dialect == "dashscope":
        given = [vector((at.dialect, "qwen3-vl-embedding", said), 256) for said in ("a cat", picture)]
        assert [item.embedding for item in (await asking).data] == given
    else:
        with pytest.raises(openai.BadRequestError, match="native protocol") as caught:
            await asking
        assert caught.value.param == "model"


@pytest.mark.clients
@pytest.mark.parametrize("count", [1, 23, 2048])
@pytest.mark.parametrize("form", ["", "float"], ids=["base64", "float"])
async def test_openai_node(at: Scene, count: int, form: str) -> None:
    """It too asks for base64, and makes numbers of it."""
    node, script = needed(toolchains.node), needed(lambda: toolchains.node_script("embeddings.mjs"))
    environ = {**os.environ, "OPENAI_BASE_URL": at.stage.proxy.base_url}
    words = (node, str(script), str(count), "64", form)
    process = await asyncio.create_subprocess_exec(*words, env=environ, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    found = orjson.loads(out)
    assert (found["address"], found["model"]) == (at.stage.proxy.base_url, V4)
    assert found["indexes"] == list(range(count))
    given = [at.given(f"input number {n}", 64) for n in range(count)]
    assert found["vectors"] == (given if form else [singles(one) for one in given])
