"""The `dashscope` package and this dialect, given the same job, make the same call."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import dashscope
import pytest
from dashscope.api_entities.http_request import close_shared_sync_session

from qwenproxy.dialects.dashscope import DashScope
from qwenproxy.dialects.rulings import rule
from qwenproxy.models import row_of
from qwenproxy.wire.openai import Json
from tests.dialects.asking import function
from tests.support.upstream import Asked, Upstream, upstream, whole

BASE = "/api/v1"
KEY = "sk-0123"
OUTPUT: Json = {"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
ANSWER: Json = {"output": OUTPUT, "usage": {"input_tokens": 1, "output_tokens": 1}, "request_id": "r1"}
MESSAGE: Json = {"result_format": "message"}
INCREMENTS: Json = {"result_format": "message", "incremental_output": True}

HI: Json = {"role": "user", "content": "Hi"}
BRIEF: Json = {"role": "system", "content": "Be brief."}
LOOK = function("lookup", description="Looks it up.")
PNG, FILM = "https://a/b.png", "https://a/b.mp4"
CALLS: list[Json] = [{"id": "call_a1", "type": "function", "function": {"name": "lookup", "arguments": '{"q": "a"}'}}]
SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}
SAMPLING: Json = {
    "temperature": 0.7,
    "top_p": 0.8,
    "top_k": 20,
    "max_tokens": 100,
    "seed": 7,
    "stop": ["END"],
    "repetition_penalty": 1.05,
    "presence_penalty": 0.5,
}


def user(*parts: Any) -> Json:
    return {"role": "user", "content": list(parts)}


def text(words: str, **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


class Job(NamedTuple):
    """What an app asks, as it asks OpenAI and as it would ask the package."""

    name: str
    model: str
    asked: Json
    told: Json
    stream: bool = False


JOBS = [
    Job("plain", "qwen-plus", {"messages": [BRIEF, HI]}, {"messages": [BRIEF, HI], **MESSAGE}),
    Job("streamed", "qwen-plus", {"messages": [HI]}, {"messages": [HI], **INCREMENTS}, True),
    Job("sampling", "qwen-plus", {"messages": [HI], **SAMPLING}, {"messages": [HI], **SAMPLING, **MESSAGE}),
    Job(
        "several choices",
        "qwen-plus",
        {"messages": [HI], "n": 2, "enable_thinking": False},
        {"messages": [HI], "n": 2, "enable_thinking": False, **MESSAGE},
    ),
    Job(
        "log probabilities",
        "qwen-plus-2025-07-14",
        {"messages": [HI], "logprobs": True, "top_logprobs": 3},
        {"messages": [HI], "logprobs": True, "top_logprobs": 3, **MESSAGE},
    ),
    Job(
        "tools",
        "qwen3-max",
        {"messages": [HI], "tools": [LOOK], "tool_choice": "auto", "parallel_tool_calls": True},
        {"messages": [HI], "tools": [LOOK], "tool_choice": "auto", "parallel_tool_calls": True, **MESSAGE},
    ),
    Job(
        "tools, streamed",
        "qwen3-max",
        {"messages": [HI], "tools": [LOOK], "tool_choice": {"type": "function", "function": {"name": "lookup"}}},
        {
            "messages": [HI],
            "tools": [LOOK],
            "tool_choice": {"type": "function", "function": {"name": "lookup"}},
            "tool_stream": True,
            **INCREMENTS,
        },
        True,
    ),
    Job(
        "results of tools",
        "qwen-plus",
        {
            "messages": [
                HI,
                {"role": "assistant", "content": None, "tool_calls": CALLS},
                {"role": "tool", "tool_call_id": "call_a1", "content": "b"},
            ],
            "tools": [LOOK],
        },
        {
            "messages": [
                HI,
                {"role": "assistant", "content": "", "tool_calls": CALLS},
                {"role": "tool", "tool_call_id": "call_a1", "name": "lookup", "content": "b"},
            ],
            "tools": [LOOK],
            **MESSAGE,
        },
    ),
    Job(
        "thinking",
        "qwen-plus",
        {"messages": [HI], "enable_thinking": True, "thinking_budget": 500},
        {"messages": [HI], "enable_thinking": True, "thinking_budget": 500, **INCREMENTS},
        True,
    ),
    Job(
        "search",
        "qwen3-max",
        {"messages": [HI], "web_search_options": {}},
        {
            "messages": [HI],
            "enable_search": True,
            "search_options": {"forced_search": True, "enable_source": True},
            **MESSAGE,
        },
    ),
    Job(
        "schema",
        "qwen-plus",
        {"messages": [HI], "response_format": SCHEMA},
        {"messages": [HI], "response_format": SCHEMA, **MESSAGE},
    ),
    Job(
        "translation",
        "qwen-mt-plus",
        {"messages": [HI], "translation_options": {"source_lang": "auto", "target_lang": "Latvian"}},
        {"messages": [HI], "translation_options": {"source_lang": "auto", "target_lang": "Latvian"}, **MESSAGE},
    ),
    Job(
        "a picture",
        "qwen3-vl-plus",
        {
            "messages": [BRIEF, user({"type": "image_url", "image_url": {"url": PNG}}, text("What is it?"))],
            "vl_high_resolution_images": True,
        },
        {
            "messages": [
                {"role": "system", "content": [{"text": "Be brief."}]},
                user({"image": PNG}, {"text": "What is it?"}),
            ],
            "vl_high_resolution_images": True,
            **MESSAGE,
        },
    ),
    Job(
        "a picture in the service's store",
        "qwen3-vl-plus",
        {"messages": [user({"type": "image_url", "image_url": {"url": "oss://a/b.png"}})]},
        {"messages": [user({"image": "oss://a/b.png"})], **MESSAGE},
    ),
    Job(
        "a video",
        "qwen3.7-plus",
        {
            "messages": [
                user({"type": "video_url", "video_url": {"url": FILM}, "fps": 2}, text("Hi", cache_control=1))
            ],
            "thinking_budget": 9,
        },
        {
            "messages": [user({"video": FILM, "fps": 2}, {"text": "Hi", "cache_control": 1})],
            "enable_thinking": True,
            "thinking_budget": 9,
            **INCREMENTS,
        },
        True,
    ),
    Job(
        "frames of a video",
        "qwen3-vl-plus",
        {"messages": [user({"type": "video", "video": [PNG, PNG]})]},
        {"messages": [user({"video": [PNG, PNG]})], **MESSAGE},
    ),
    Job(
        "sound",
        "qwen-audio-turbo",
        {"messages": [user({"type": "input_audio", "input_audio": {"data": "https://a/b.wav", "format": "wav"}})]},
        {"messages": [user({"audio": "https://a/b.wav"})], **MESSAGE},
    ),
    Job(
        "text in a picture",
        "qwen-vl-ocr",
        {
            "messages": [user({"type": "image_url", "image_url": {"url": PNG}, "min_pixels": 9, "max_pixels": 99})],
            "ocr_options": {"task": "text_recognition"},
        },
        {
            "messages": [user({"image": PNG, "min_pixels": 9, "max_pixels": 99})],
            "ocr_options": {"task": "text_recognition"},
            **MESSAGE,
        },
    ),
]


@pytest.fixture
async def service() -> AsyncIterator[Upstream]:
    """A service that gives any call the same answer; the package keeps its connections until it is told otherwise."""
    async with upstream(whole(ANSWER)) as found:
        yield found
        close_shared_sync_session()


async def by_package(job: Job, service: Upstream) -> Asked:
    package: Any = dashscope.MultiModalConversation if row_of(job.model).multimodal else dashscope.Generation
    address = f"http://127.0.0.1:{service.port}{BASE}"

    def call() -> Any:
        answer = package.call(model=job.model, stream=job.stream, api_key=KEY, base_address=address, **job.told)
        return list(answer) if job.stream else answer

    await asyncio.to_thread(call)
    (asked,) = service.asked
    return asked


OF_ITS_OWN = {"accept-encoding", "connection", "content-length", "host", "user-agent", "x-accel-buffering"}
"""Headers of HTTP itself, and the package's name and advice for gateways."""
ADDED = {"authorization", "content-type"}
"""Headers that calls get where their credential is added, in both."""


def of_the_service(headers: dict[str, str]) -> dict[str, str]:
    """What *headers* tell the service, without the package's account of itself."""
    return {
        name: value
        for name, value in headers.items()
        if name not in OF_ITS_OWN | ADDED and not name.startswith("x-dashscope-sdk-")
    }


@pytest.mark.parametrize("job", JOBS, ids=[job.name for job in JOBS])
async def test_the_same_job_makes_the_same_call(job: Job, service: Upstream) -> None:
    theirs = await by_package(job, service)
    row = row_of(job.model)
    ruled = rule({"model": job.model, **job.asked}, row, refuse=True, unsaid=DashScope.unsaid)
    ours = DashScope().request(ruled.chat, row, stream=job.stream)
    assert (BASE + ours.path, ours.method) == (theirs.path, theirs.method)
    sent = Asked(ours.method, ours.path, dict(ours.headers), ours.body)
    assert sent.json == theirs.json
    told = of_the_service(theirs.headers)
    if not job.stream:
        assert told.pop("accept") == "application/json; charset=utf-8"
    assert sent.headers == told
