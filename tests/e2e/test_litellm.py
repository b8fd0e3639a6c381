"""The contents dialect before a server of that format that nobody here wrote: LiteLLM's proxy, the simulator behind it.

What differs there from Google's own service (1.106): calls have no ids, `finishReason` is null until the end, the usage
of a stream is all zeros, `alt` is not looked at, media are read from `inline_data` only, a refusal has OpenAI's form,
often the status 500, and the exception that it stands for in its message.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest
import pytest_asyncio

from qwenproxy.wire.openai import Json
from tests.clients import toolchains
from tests.clients.toolchains import needed
from tests.support.apps import IN_TWO_CITIES, WEATHER, App, calls_of, environment, text_of
from tests.support.litellm import KEY, Running, litellm
from tests.support.proxy import proxy
from tests.support.simulated import png

pytestmark = [
    pytest.mark.clients,
    pytest.mark.heavy,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(400),
]

TWO = [("get_weather", '{"city":"Riga"}'), ("get_weather", '{"city":"Oslo"}')]
SCHEMA: Json = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    program = needed(toolchains.litellm)
    async with litellm(program, tmp_path_factory.mktemp("litellm")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(server: Running, confdir: Path) -> AsyncIterator[App]:
    environ = environment(f"{server.url}/v1beta", KEY, {})
    async with proxy(environ, confdir) as running, App(running.base_url) as found:
        yield found


@pytest.fixture(autouse=True)
def forget(server: Running) -> None:
    server.simulator.requests.clear()


def sent(server: Running) -> Json:
    """The last request that went through to the simulator."""
    body: Json = server.simulator.requests[-1].body
    return body


async def test_whole_and_streamed_answers_say_the_same(app: App) -> None:
    whole = await app.ask("Hello")
    assert (whole.choices[0].message.content or "").startswith("Hello! This is qwen3.7-plus, simulated")
    assert whole.choices[0].finish_reason == "stop"
    assert (whole.model, whole.id.startswith("chatcmpl-")) == ("gpt-4o", True)
    assert await text_of(await app.stream("Hello")) == whole.choices[0].message.content


async def test_a_stream_ends_once(app: App) -> None:
    chunks = [chunk async for chunk in await app.stream("Hello")]
    finishes = [choice.finish_reason for chunk in chunks for choice in chunk.choices]
    assert finishes == [None] * (len(finishes) - 1) + ["stop"]


async def test_instructions_and_parameters_go_through(app: App, server: Running) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    answer = await app.ask(messages, temperature=0.3, top_p=0.9, max_tokens=4, stop=["END"])
    assert answer.choices[0].finish_reason == "length"
    went = sent(server)
    assert [(message["role"], message["content"]) for message in went["messages"]] == [
        ("system", "Be brief."),
        ("user", "Hello"),
    ]
    assert (went["temperature"], went["top_p"], went["max_tokens"], went["stop"]) == (0.3, 0.9, 4, ["END"])


async def test_usage_is_told_where_the_server_tells_any(app: App) -> None:
    """Whole answers do; of a model that thinks, they are read as streams, in which LiteLLM tells it since 1.108."""
    whole = await app.ask("Hello", "qwen3-coder-plus")
    assert whole.usage is not None
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens > 0
    chunks = [chunk async for chunk in await app.stream("Hello", stream_options={"include_usage": True})]
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(told) <= 1
    assert all(usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 0 for usage in told)


async def test_an_image_is_seen(app: App, server: Running) -> None:
    seen = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": png(64, 48)}}]
    answer = await app.ask([{"role": "user", "content": seen}])
    assert "64x48" in (answer.choices[0].message.content or "")
    assert len(server.simulator.requests) == 1
    assert sent(server)["messages"][0]["content"][1] == {"type": "image_url", "image_url": {"url": png(64, 48)}}


async def test_a_tool_can_be_forced(app: App) -> None:
    answer = await app.ask("Hello", "qwen3-coder-plus", tools=[WEATHER], tool_choice="required")
    assert [name for name, _ in calls_of(answer)] == ["get_weather"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_calls_and_their_results(app: App, stream: bool) -> None:
    """The ids, which the server does not give, are ours."""
    if stream:
        chunks = [chunk async for chunk in await app.stream(IN_TWO_CITIES, tools=[WEATHER])]
        deltas = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or ()]
        told = [(d.index, d.id or "", d.function.name, d.function.arguments) for d in deltas if d.function]
        calls = [
            {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}
            for _, id, name, arguments in told
        ]
        assert [index for index, *_ in told] == [0, 1]
        assert [(name, arguments) for _, _, name, arguments in told] == TWO
        said: Json = {"role": "assistant", "content": None, "tool_calls": calls}
    else:
        answer = await app.ask(IN_TWO_CITIES, tools=[WEATHER])
        assert (calls_of(answer), answer.choices[0].finish_reason) == (TWO, "tool_calls")
        said = answer.choices[0].message.model_dump(exclude_none=True)
    ids = [call["id"] for call in said["tool_calls"]]
    assert len(set(ids)) == 2
    assert all(ids)
    results = [{"role": "tool", "tool_call_id": id, "content": f"{at} C"} for at, id in enumerate(ids)]
    last = await app.ask([{"role": "user", "content": IN_TWO_CITIES}, said, *results], tools=[WEATHER])
    content = last.choices[0].message.content or ""
    assert content.startswith("Here is what I found.")
    assert content.index("0 C") < content.index("1 C")


async def test_a_schema_for_the_answer_goes_through(app: App, server: Running) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "number", "schema": SCHEMA}}
    answer = await app.ask("The number is 3", response_format=wanted)
    assert answer.choices[0].message.content == '{"n":3}'
    assert sent(server)["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize(
    ("said", "error", "code"),
    [
        ("[sim: error limit_requests]", openai.RateLimitError, "rate_limit_exceeded"),
        ("[sim: error data_inspection_failed]", openai.BadRequestError, "content_filter"),
        ("[sim: error invalid_parameter_error]", openai.BadRequestError, None),
        ("[sim: error model_not_found]", openai.NotFoundError, "model_not_found"),
        ("[sim: error invalid_api_key]", openai.AuthenticationError, "invalid_api_key"),
        ("[sim: error arrearage]", openai.PermissionDeniedError, "billing_not_active"),
        ("[sim: error internal_error]", openai.InternalServerError, None),
        ("[sim: error model_unavailable]", openai.InternalServerError, "upstream_overloaded"),
    ],
)
async def test_refusals(app: App, said: str, error: type[openai.APIStatusError], code: str | None) -> None:
    with pytest.raises(error) as caught:
        await app.ask(said)
    assert code in (None, caught.value.code)
    assert "litellm." not in str(caught.value)


@pytest.mark.parametrize("scenario", ["cut", "stream-error model_unavailable"])
async def test_a_broken_answer_is_an_error(app: App, scenario: str) -> None:
    with pytest.raises(openai.APIError):
        await text_of(await app.stream(f"[sim: {scenario}] [sim: words 200]"))


async def test_a_wrong_key_is_refused(server: Running, confdir: Path) -> None:
    environ = environment(f"{server.url}/v1beta", "sk-wrong", {})
    async with proxy(environ, confdir) as running, App(running.base_url) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.ask("Hello")
    assert server.simulator.requests == []
