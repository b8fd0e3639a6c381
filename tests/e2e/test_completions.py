"""Legacy completions by the official client, through the proxy, against the simulator, over every dialect."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import openai
import orjson
import pytest
import pytest_asyncio
from openai.types import Completion

from tests.support.apps import Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
CODER = "qwen3-coder-plus"
FILLER = "qwen-coder-turbo"
THINKER = "qwen3.7-plus"
TELLING = "qwen3-30b-a3b-instruct-2507"
"""Gives log probabilities."""
HELLO_WORLD = [9906, 1917]
"""Token ids of "Hello world"."""
LONG: dict[str, Any] = {"max_tokens": 200}


@dataclass
class Choice:
    """What one choice says."""

    text: str = ""
    finish: str | None = None
    tokens: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)


type Told = dict[int, Choice]


def hear(told: Told, answer: Completion) -> None:
    for choice in answer.choices:
        heard = told.setdefault(choice.index, Choice())
        heard.text += choice.text
        heard.finish = choice.finish_reason or heard.finish
        if choice.logprobs is not None:
            heard.tokens += choice.logprobs.tokens or []
            heard.offsets += choice.logprobs.text_offset or []


@dataclass
class Scene:
    """A stage, and the dialect that is spoken on it."""

    stage: Simulated
    dialect: str

    async def whole(self, prompt: Any, model: str = CODER, **fields: Any) -> tuple[Told, Any]:
        """What is told, and what it cost; the client checks it strictly."""
        answer = await self.stage.app.completions.create(model=model, prompt=prompt, **fields)
        told: Told = {}
        hear(told, answer)
        return told, answer.usage

    async def streamed(self, prompt: Any, model: str = CODER, **fields: Any) -> tuple[Told, Any]:
        """The same as a stream.

        The client's type of a chunk has no place for one that is unfinished (OpenAI itself sends null there): all else
        is checked strictly, and the client as it comes reads the stream too.
        """
        body = {"model": model, "prompt": prompt, "stream": True, "stream_options": {"include_usage": True}, **fields}
        told: Told = {}
        usage = None
        async with openai.AsyncOpenAI(base_url=self.stage.proxy.base_url, api_key="x", max_retries=0) as usual:
            async for chunk in await usual.completions.create(**body):
                for choice in chunk.choices:
                    choice.finish_reason = choice.finish_reason or "stop"
                Completion.model_validate(chunk.model_dump(), strict=True)
        async for chunk in self._chunks(body):
            hear(told, chunk)
            usage = chunk.usage or usage
        return told, usage

    async def _chunks(self, body: Any) -> AsyncIterator[Completion]:
        """The chunks as they are on the wire."""
        async with (
            httpx.AsyncClient(trust_env=False) as client,
            client.stream("POST", f"{self.stage.proxy.base_url}/completions", json=body) as answer,
        ):
            assert answer.headers["content-type"].startswith("text/event-stream")
            payloads = [line.removeprefix("data: ") async for line in answer.aiter_lines() if line.startswith("data: ")]
        assert payloads.pop() == "[DONE]"
        for payload in payloads:
            yield Completion.construct(None, **orjson.loads(payload))


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=FACES)
async def at(request: pytest.FixtureRequest, confdir: Path) -> AsyncIterator[Scene]:
    async with simulated(confdir, face=FACES[request.param]) as stage:
        yield Scene(stage, request.param)


CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "a text": ("Hello", LONG),
    "so short as OpenAI's": ("Hello", {}),
    "texts": (["Hello", "Riga", "Oslo"], LONG),
    "texts, several choices": (["Hello", "Riga"], {"n": 2, **LONG}),
    "token ids": (HELLO_WORLD, LONG),
    "lists of token ids": ([HELLO_WORLD, [9906]], LONG),
    "an echo": (["Hello", "Riga"], {"echo": True, **LONG}),
    "a stop": ("Hello", {"stop": ["no account"], **LONG}),
    "log probabilities": ("Hello", {"logprobs": 2, "model": TELLING, **LONG}),
    "a model that thinks": ("Hello", {"model": THINKER, **LONG}),
    "a model that always thinks": ("Hello", {"model": "qwq-plus", **LONG}),
}


@pytest.mark.parametrize("case", CASES)
async def test_whole_and_streamed_are_the_same(at: Scene, case: str) -> None:
    prompt, fields = CASES[case]
    told, usage = await at.whole(prompt, **fields)
    streamed, streamed_usage = await at.streamed(prompt, **fields)
    assert streamed == told
    assert (streamed_usage.total_tokens, usage.total_tokens > 0) == (usage.total_tokens, True)


async def test_the_prompt_is_what_the_model_is_told(at: Scene) -> None:
    told, _ = await at.whole(["Hello", HELLO_WORLD], **LONG)
    assert "You wrote: “Hello”" in told[0].text
    assert "You wrote: “Hello world”" in told[1].text
    assert {choice.finish for choice in told.values()} == {"stop"}


async def test_an_answer_is_as_short_as_openais_if_nobody_says_otherwise(at: Scene) -> None:
    told, usage = await at.whole("Hello")
    assert (told[0].finish, usage.completion_tokens) == ("length", 16)


async def test_an_echo_stands_before_each_answer(at: Scene) -> None:
    told, _ = await at.whole(["One. ", "Two. "], echo=True, n=2, **LONG)
    assert [choice.text[:5] for choice in told.values()] == ["One. ", "One. ", "Two. ", "Two. "]


async def test_a_model_does_not_think_where_its_thoughts_have_no_place(at: Scene) -> None:
    _, usage = await at.whole("Hello", THINKER, **LONG)
    assert not (usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens)


async def test_log_probabilities_fit_the_text(at: Scene) -> None:
    told, _ = await at.whole("Hello", TELLING, logprobs=2, **LONG)
    choice = told[0]
    assert "".join(choice.tokens) == choice.text
    assert [choice.text[at_ - 5 :][: len(token)] for at_, token in zip(choice.offsets, choice.tokens, strict=True)] == (
        choice.tokens
    )


async def test_a_gap_is_filled_by_a_model_that_can(at: Scene) -> None:
    asking = at.whole("def add(a, b):\n", FILLER, suffix="\n", **LONG)
    if at.dialect == "compatible":
        at.stage.asked()
        told, usage = await asking
        (asked,) = at.stage.asked()
        assert asked["prompt"] == "<|fim_prefix|>def add(a, b):\n<|fim_suffix|>\n<|fim_middle|>"
        assert (told[0].finish, usage.total_tokens > 0) == ("stop", True)
        streamed, _ = await at.streamed("def add(a, b):\n", FILLER, suffix="\n", **LONG)
        assert streamed == told
    else:
        with pytest.raises(openai.BadRequestError) as caught:
            await asking
        assert caught.value.param == "suffix"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"suffix": "b"}, "suffix"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": [[10**7]]}, "prompt[0][0]"),
        ({"max_tokens": 0}, "max_tokens"),
    ],
    ids=str,
)
async def test_what_is_wrong_is_named_before_anything_is_sent(at: Scene, fields: Any, param: str) -> None:
    at.stage.asked()
    with pytest.raises(openai.BadRequestError) as caught:
        await at.whole(**{"prompt": "a", **fields})
    assert caught.value.param == param
    assert at.stage.asked() == []


async def test_an_upstreams_failure_comes_in_openais_words(at: Scene) -> None:
    with pytest.raises(openai.RateLimitError):
        await at.whole("[sim: error limit_requests] Hello")
    with pytest.raises(openai.APIError):
        await at.streamed(["Hello", "[sim: error limit_requests] Hello"])


@pytest.mark.parametrize("path", ["completions", "chat/completions"])
async def test_engines_are_models(at: Scene, path: str) -> None:
    """As openai-python before 1.0 asked."""
    said = {"prompt": "Hello"} if path == "completions" else {"messages": [{"role": "user", "content": "Hello"}]}
    async with httpx.AsyncClient(base_url=at.stage.proxy.base_url, trust_env=False) as client:
        answer = await client.post(f"engines/{CODER}/{path}", json={**said, "max_tokens": 5})
        listed = (await client.get("engines")).json()["data"]
    assert (answer.status_code, answer.json()["model"]) == (200, CODER)
    assert CODER in [engine["id"] for engine in listed]
