"""One table of scenarios over three dialects, whole and streamed: an app cannot tell the dialects apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio
from openai import APIError, APIStatusError

from qwenproxy.wire.openai import Json
from tests.support.apps import IN_TWO_CITIES, WEATHER, Simulated, simulated
from tests.support.simulated import png

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
CODER = "qwen3-coder-plus"
"""Does not think."""
THINKER = "qwen3.7-plus"
WORDS = 2000

HISTORY: list[Json] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": IN_TWO_CITIES},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": f"call_{city}", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
            for city, arguments in (("riga", '{"city": "Riga"}'), ("oslo", '{"city": "Oslo"}'))
        ],
    },
    {"role": "tool", "tool_call_id": "call_riga", "content": "4 C, rain"},
    {"role": "tool", "tool_call_id": "call_oslo", "content": '{"celsius":-3,"sky":"clear"}'},
]
SEEN: list[Json] = [
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": png(640, 480)}},
        ],
    }
]
CITY: Json = {
    "name": "city",
    "strict": True,
    "schema": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "people": {"type": "integer"}},
        "required": ["name", "people"],
        "additionalProperties": False,
    },
}


@dataclass(frozen=True)
class Scenario:
    """What is asked, and what must be in what is told; *streamed*: in a stream, if that is another answer there."""

    said: str | list[Json]
    about: str
    model: str = CODER
    fields: Mapping[str, Any] = field(default_factory=dict)
    streamed: str = ""
    same_usage: bool = True


@dataclass
class Choice:
    """What one choice says."""

    content: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[list[str]] = field(default_factory=list)
    finish: str | None = None

    def hear(self, said: Any, finish: str | None) -> None:
        """Adds what a message or a delta says."""
        self.content += said.content or ""
        self.reasoning += getattr(said, "reasoning_content", None) or ""
        self.refusal += said.refusal or ""
        for position, call in enumerate(said.tool_calls or ()):
            index = getattr(call, "index", position)
            if index == len(self.calls):
                self.calls.append([call.function.name, ""])
            self.calls[index][1] += call.function.arguments or ""
        self.finish = finish or self.finish


@dataclass
class Told:
    """What an app learns from an answer, but for ids and times."""

    choices: dict[int, Choice] = field(default_factory=dict)
    usage: dict[str, int] = field(default_factory=dict)
    error: tuple[int | None, str | None, str | None] | None = None
    """Status (None: within a stream), type, code."""

    def __str__(self) -> str:
        """All of it in one line."""
        said = [
            " ".join([each.content, each.reasoning, *map(":".join, each.calls), str(each.finish)])
            for each in self.choices.values()
        ]
        return " ".join([*said, str(self.error)])


def tool(**fields: Any) -> dict[str, Any]:
    return {"tools": [WEATHER], **fields}


def error(name: str, code: str) -> Scenario:
    return Scenario(f"[sim: error {name}] Hello", code)


NAMED = {"type": "function", "function": {"name": "get_weather"}}
SCENARIOS = {
    "plain": Scenario("Hello", "This is qwen3-coder-plus, simulated"),
    "plain, with everything set": Scenario(
        "Hello", "simulated", fields={"temperature": 0.2, "top_p": 0.9, "seed": 7, "max_tokens": 500, "stop": ["never"]}
    ),
    "a long answer": Scenario(f"[sim: words {WORDS}]", "stop"),
    "thinking": Scenario("Hello", "simulated", THINKER),
    "thinking turned off": Scenario("Hello", "simulated", THINKER, {"reasoning_effort": "none"}),
    "a thinking effort": Scenario("Hello", "simulated", THINKER, {"reasoning_effort": "low"}),
    "one tool": Scenario("What is the weather in Riga?", 'get_weather:{"city":"Riga"}', fields=tool()),
    "parallel tools": Scenario(IN_TWO_CITIES, 'get_weather:{"city":"Oslo"} tool_calls', fields=tool()),
    "a tool while thinking": Scenario("What is the weather in Riga?", "get_weather", THINKER, tool()),
    "one call at a time": Scenario(
        IN_TWO_CITIES,
        'get_weather:{"city":"Riga"} tool_calls',
        fields=tool(parallel_tool_calls=False),
        same_usage=False,
    ),  # what cannot say so makes two, and one is let through
    "any tool forced": Scenario("Hello", "get_weather", fields=tool(tool_choice="required")),
    "a tool forced by name": Scenario("Hello", "get_weather", fields=tool(tool_choice=NAMED)),
    "a tool forced on a thinker": Scenario("Hello", "get_weather", THINKER, tool(tool_choice=NAMED)),
    "tools forbidden": Scenario("What is the weather in Riga?", "stop", fields=tool(tool_choice="none")),
    "tool results back": Scenario(HISTORY, "4 C, rain", fields=tool()),
    "image": Scenario(SEEN, "image/png, 640x480 pixels", THINKER),
    "json_object": Scenario("Some JSON, please", "{", fields={"response_format": {"type": "json_object"}}),
    "json_schema": Scenario(
        "Some city", "people", fields={"response_format": {"type": "json_schema", "json_schema": CITY}}
    ),
    "several choices": Scenario("Hello", "simulated", fields={"n": 2}),
    "stop by length": Scenario("Hello", "length", fields={"max_tokens": 3}),
    "stop by a word": Scenario("Hello", "stop", fields={"stop": ["simulated"]}),
    "content filter": Scenario("[sim: content-filter] Hello", "content_filter"),
    "cut stream": Scenario("[sim: cut] Hello", "(502, 'server_error', 'upstream_stream_cut')", streamed="(None, "),
    "ended too early": Scenario("[sim: closed] Hello", "upstream_stream_cut", streamed="(None, "),
    "error within the stream": Scenario("[sim: stream-error] Hello", "simulated", streamed="(None, 'server_error'"),
    "error first": Scenario("[sim: first-error] Hello", "simulated", streamed="(502, 'server_error'"),
    "no such model": Scenario("Hello", "model_not_found", "qwen-nowhere"),
    "invalid": error("invalid_parameter_error", "invalid_request_error"),
    "filtered input": error("data_inspection_failed", "content_filter"),
    "unpaid": error("arrearage", "billing"),
    "wrong key": error("invalid_api_key", "(401, 'invalid_request_error', 'invalid_api_key')"),
    "no access": error("access_denied", "access"),
    "quota used up": error("free_quota", "insufficient_quota"),
    "too fast": error("limit_requests", "rate_limit_exceeded"),
    "too many tokens": error("limit_tokens", "rate_limit_exceeded"),
    "server error": error("internal_error", "server_error"),
    "timeout": error("request_timeout", "timeout"),
    "overload": error("model_unavailable", "overloaded"),
}


type Heard = Mapping[str, Mapping[str, Told]]
"""What every dialect tells: by scenario, by dialect."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def heard(confdir: Path) -> tuple[Heard, Heard]:
    """What is told whole, and what is told streamed.  One proxy after the other: a process has one mitmproxy."""
    wholes: dict[str, dict[str, Told]] = {name: {} for name in SCENARIOS}
    streams: dict[str, dict[str, Told]] = {name: {} for name in SCENARIOS}
    for face, path in FACES.items():
        async with simulated(confdir, face=path, idle_timeout="20") as stage:
            for name, scenario in SCENARIOS.items():
                wholes[name][face], streams[name][face] = await whole(stage, scenario), await streamed(stage, scenario)
            assert all(asked.path.startswith(f"{path}/") for asked in stage.simulator.requests)
    return wholes, streams


@pytest.mark.parametrize("name", SCENARIOS)
async def test_whole_and_streamed_every_dialect_tells_the_same(heard: tuple[Heard, Heard], name: str) -> None:
    scenario, (told, streams) = SCENARIOS[name], (each[name] for each in heard)
    assert told == dict.fromkeys(FACES, told["compatible"])
    assert scenario.about in str(told["compatible"])
    assert streams == dict.fromkeys(FACES, streams["compatible"])
    if scenario.streamed:
        assert scenario.streamed in str(streams["compatible"])
    else:
        assert streams["compatible"] == told["compatible"]


async def whole(stage: Simulated, scenario: Scenario) -> Told:
    try:
        answer = await stage.app.ask(scenario.said, scenario.model, **scenario.fields)
    except APIStatusError as e:
        return Told(error=(e.status_code, e.type, e.code))
    told = Told(usage=counts(answer.usage) if scenario.same_usage else {})
    for choice in answer.choices:
        told.choices.setdefault(choice.index, Choice()).hear(choice.message, choice.finish_reason)
    return compact(told)


async def streamed(stage: Simulated, scenario: Scenario) -> Told:
    told = Told()
    usage = {"stream_options": {"include_usage": True}}
    try:
        async for chunk in await stage.app.stream(scenario.said, scenario.model, **usage, **scenario.fields):
            for choice in chunk.choices:
                told.choices.setdefault(choice.index, Choice()).hear(choice.delta, choice.finish_reason)
            told.usage |= counts(chunk.usage) if scenario.same_usage else {}
    except APIStatusError as e:
        return Told(error=(e.status_code, e.type, e.code))
    except APIError as e:
        return Told(error=(None, e.type, e.code))
    return compact(told)


def compact(told: Told) -> Told:
    """*told* with arguments as JSON without spaces: some dialects carry objects, not text."""
    for choice in told.choices.values():
        for call in choice.calls:
            call[1] = orjson.dumps(orjson.loads(call[1])).decode()
    return told


def counts(usage: Any) -> dict[str, int]:
    if usage is None:
        return {}
    thought = usage.completion_tokens_details.reasoning_tokens
    return {
        "prompt": usage.prompt_tokens,
        "completion": usage.completion_tokens,
        "total": usage.total_tokens,
        "thought": thought,
    }
