"""What apps do with chat completions, by the official client, through the proxy, against the simulator."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from openai import NotFoundError

from tests.support.apps import Simulated, simulated, text_of
from tests.support.simulated import png

pytestmark = pytest.mark.asyncio(loop_scope="module")

ALIASES = '{"gpt-4o-mini*": "qwen-flash", "my-model": "qwen3-coder-plus"}'
OPEN_WEIGHTS = "qwen3-30b-a3b-instruct-2507"
"""A model that gives log probabilities."""
THINKER = "qwen3.7-plus"
"""What gpt-4o becomes; it thinks if it is not told otherwise."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, models=ALIASES) as found:
        yield found


async def test_a_whole_answer_names_the_model_that_was_asked(stage: Simulated) -> None:
    answer = await stage.app.ask("Hello")
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    assert f"This is {THINKER}, simulated" in (choice.message.content or "")
    assert (answer.object, answer.model, choice.finish_reason) == ("chat.completion", "gpt-4o", "stop")
    assert answer.id.startswith("chatcmpl-")
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


async def test_a_streamed_answer_says_the_same_in_pieces(stage: Simulated) -> None:
    whole = await stage.app.ask("Hello", model="my-model")
    chunks = [chunk async for chunk in await stage.app.stream("Hello", model="my-model")]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
    assert len(chunks) > 5
    assert {(chunk.id, chunk.model, chunk.object) for chunk in chunks} == {
        (chunks[0].id, "my-model", "chat.completion.chunk")
    }
    assert [chunk.choices[0].delta.role for chunk in chunks].count("assistant") == 1
    assert [chunk.choices[0].finish_reason for chunk in chunks][-2:] == [None, "stop"]
    assert all(chunk.usage is None for chunk in chunks)


async def test_the_answer_tells_its_request_and_who_answered(stage: Simulated) -> None:
    raw = await stage.app.chat.completions.with_raw_response.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Hello"}], store=True, logit_bias={"50256": -100}
    )
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert raw.headers["x-qwenproxy-model"] == THINKER
    assert raw.headers["x-qwenproxy-dropped"] == "logit_bias, store"
    assert "x-qwenproxy-learned" not in raw.headers
    assert int(raw.headers["openai-processing-ms"]) >= 0
    assert not [name for name in raw.headers if name in ("alt-svc", "x-dashscope-call-gateway", "req-cost-time")]


async def test_the_apps_key_goes_nowhere(stage: Simulated) -> None:
    stage.asked()
    await stage.app.ask("Hello", extra_headers={"OpenAI-Organization": "org-1", "Cookie": "a=b"}, user="anne")
    (asked,) = stage.simulator.requests
    assert asked.headers["authorization"] == f"Bearer {stage.simulator.key}"
    assert not asked.headers.keys() & {"openai-organization", "cookie", "x-stainless-lang"}
    assert asked.body.keys() == {"model", "messages", "stream", "stream_options"}


async def test_an_image_is_seen(stage: Simulated) -> None:
    picture = {"type": "image_url", "image_url": {"url": png(640, 480), "detail": "high"}}
    said = [{"role": "user", "content": [{"type": "text", "text": "What is this?"}, picture]}]
    answer = await stage.app.ask(said)
    assert "I see 1 image: image/png, 640x480 pixels" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize("stream", [False, True])
async def test_three_choices_are_three_calls_and_one_answer(stage: Simulated, stream: bool) -> None:
    alone = await stage.app.ask("Hello")
    stage.asked()
    if stream:
        async with stage.app.chat.completions.stream(
            model="gpt-4o",
            messages=[{"role": "user", "content": "Hello"}],
            n=3,
            stream_options={"include_usage": True},
        ) as stream_:
            answer: Any = await stream_.get_final_completion()
    else:
        answer = await stage.app.ask("Hello", n=3)
    assert len(stage.asked()) == 3
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert {choice.message.content for choice in answer.choices} == {alone.choices[0].message.content}
    assert answer.usage is not None
    assert alone.usage is not None
    assert answer.usage.total_tokens == 3 * alone.usage.total_tokens


async def test_a_model_that_takes_n_is_called_once(stage: Simulated) -> None:
    stage.asked()
    answer = await stage.app.ask("Hello", model="qwen-plus", n=3)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert [body["n"] for body in stage.asked()] == [3]


async def test_stop_words_and_limits_end_an_answer(stage: Simulated) -> None:
    stopped = await stage.app.ask("Hello", model="my-model", stop=["simulated"])
    assert stopped.choices[0].message.content == "Hello! This is qwen3-coder-plus, "
    cut = await stage.app.ask("Hello", model="my-model", max_completion_tokens=3)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 3


async def test_a_seed_goes_upstream_within_its_limits(stage: Simulated) -> None:
    stage.asked()
    for seed in (7, 2**40 + 7):
        await stage.app.ask("Hello", seed=seed)
    assert [body["seed"] for body in stage.asked()] == [7, 7]


@pytest.mark.parametrize("stream", [False, True])
async def test_log_probabilities_come_with_every_token(stage: Simulated, stream: bool) -> None:
    fields: Any = {"model": OPEN_WEIGHTS, "logprobs": True, "top_logprobs": 2}
    found: list[Any] = []
    if stream:
        async for chunk in await stage.app.stream("Hello", **fields):
            found += (chunk.choices[0].logprobs and chunk.choices[0].logprobs.content) or []
    else:
        answer = await stage.app.ask("Hello", **fields)
        found += (answer.choices[0].logprobs and answer.choices[0].logprobs.content) or []
    assert "".join(entry.token for entry in found).startswith("Hello! This is")
    assert all(len(entry.top_logprobs) == 2 for entry in found)


async def test_usage_comes_in_a_chunk_of_its_own_if_it_is_asked_for(stage: Simulated) -> None:
    chunks = [chunk async for chunk in await stage.app.stream(stream_options={"include_usage": True})]
    *others, last = chunks
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens > 0
    assert all(chunk.choices and chunk.usage is None for chunk in others)


async def test_thinking_is_shown_beside_the_answer(stage: Simulated) -> None:
    whole = await stage.app.ask("Hello")
    assert str(whole.choices[0].message.to_dict()["reasoning_content"]).startswith("The user says")
    deltas = [chunk.choices[0].delta.to_dict() async for chunk in await stage.app.stream("Hello")]
    assert "".join(str(delta.get("reasoning_content") or "") for delta in deltas).startswith("The user says")
    assert whole.usage is not None
    assert whole.usage.completion_tokens_details is not None
    assert (whole.usage.completion_tokens_details.reasoning_tokens or 0) > 0


@pytest.mark.parametrize(("effort", "thinks"), [("none", False), ("minimal", False), ("low", True), ("high", True)])
async def test_an_effort_decides_whether_the_model_thinks(stage: Simulated, effort: str, thinks: bool) -> None:
    answer = await stage.app.ask("Hello", model="gpt-5", reasoning_effort=effort)
    assert ("reasoning_content" in answer.choices[0].message.to_dict()) == thinks


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        ("gpt-4o-mini-2024-07-18", "qwen-flash"),
        ("my-model", "qwen3-coder-plus"),
        ("o3", THINKER),
        ("Qwen-Plus", "qwen-plus"),
        ("qwen3-max", "qwen3-max"),
    ],
)
async def test_models_go_by_the_apps_names(stage: Simulated, asked: str, used: str) -> None:
    stage.asked()
    answer = await stage.app.ask("Hello", model=asked)
    assert answer.model == asked
    assert [body["model"] for body in stage.asked()] == [used]


async def test_the_models_that_there_are_can_be_listed(stage: Simulated) -> None:
    names = [model.id async for model in stage.app.models.list()]
    assert "my-model" in names
    assert THINKER in names
    assert (await stage.app.models.retrieve("my-model")).owned_by == "qwenproxy"
    with pytest.raises(NotFoundError, match="There is no model 'nonesuch' here"):
        await stage.app.models.retrieve("nonesuch")


async def test_fifty_streams_at_once_do_not_mix(stage: Simulated) -> None:
    async def ask(number: int) -> str:
        return await text_of(await stage.app.stream(f"I am number {number}.", model="my-model"))

    texts = await asyncio.gather(*(ask(number) for number in range(50)))
    for number, text in enumerate(texts):
        assert f"You wrote: “I am number {number}.”" in text
        assert text.count("I am number") == 1
