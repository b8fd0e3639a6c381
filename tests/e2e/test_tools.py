"""Tools and formats, by the official client, through the proxy, against the simulator."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from pydantic import BaseModel

from qwenproxy.wire.openai import Json
from tests.support.apps import IN_TWO_CITIES, OSLO, RIGA, WEATHER, Simulated, calls_of, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

THINKER, CODER = "qwen3.7-plus", "qwen3-coder-plus"
"""What gpt-4o becomes, which thinks if it is not told otherwise, and a model that cannot."""


class Weather(BaseModel):
    """What an app wants to have filled in."""

    city: str
    degrees: int


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir) as found:
        yield found


async def test_a_tool_without_required_parameters_is_called(stage: Simulated) -> None:
    """As curl sends it, to `localhost`, with a key that means nothing."""
    tool = {
        "name": "get_current_weather",
        "description": "Get the current weather in a given location",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius"]}},
        },
    }
    said = {"role": "user", "content": "What is the weather like in Boston today?"}
    body: Json = {
        "model": "qwen-coder-plus",
        "messages": [said],
        "tools": [{"type": "function", "function": tool}],
        "tool_choice": "auto",
    }
    url = f"http://localhost:{stage.proxy.ports[0]}/v1/chat/completions"
    key = {"Authorization": "Bearer fake-api-key"}
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=key) as response:
        answer = await response.json()
    assert response.status == 200
    assert answer["model"] == "qwen-coder-plus"
    (choice,) = answer["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    (call,) = choice["message"]["tool_calls"]
    assert call["id"].startswith("call_")
    assert call["function"]["name"] == "get_current_weather"
    assert orjson.loads(call["function"]["arguments"])["location"] == "Boston"


@pytest.mark.parametrize("model", [THINKER, CODER])
async def test_a_tool_loop_comes_to_its_answer_in_the_second_round(stage: Simulated, model: str) -> None:
    said: list[Any] = [{"role": "user", "content": IN_TWO_CITIES}]
    first = await stage.app.ask(said, model=model, tools=[WEATHER])
    assert calls_of(first) == [("get_weather", RIGA), ("get_weather", OSLO)]
    said.append(first.choices[0].message)
    for call in first.choices[0].message.tool_calls or ():
        said.append({"role": "tool", "tool_call_id": call.id, "content": f"7 degrees, says {call.id}"})
    second = await stage.app.ask(said, model=model, tools=[WEATHER])
    (choice,) = second.choices
    assert choice.finish_reason == "stop"
    assert all(message["content"] in (choice.message.content or "") for message in said[2:])


async def test_the_stream_helper_adds_calls_up(stage: Simulated) -> None:
    tools: Any = [WEATHER]
    async with stage.app.chat.completions.stream(
        model="gpt-4o", messages=[{"role": "user", "content": IN_TWO_CITIES}], tools=tools
    ) as stream:
        done = [event async for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = await stream.get_final_completion()
    assert [(event.name, event.arguments) for event in done] == [("get_weather", RIGA), ("get_weather", OSLO)]
    calls = final.choices[0].message.tool_calls or []
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", RIGA),
        ("get_weather", OSLO),
    ]
    assert len({call.id for call in calls}) == 2
    assert final.choices[0].finish_reason == "tool_calls"


async def test_one_call_at_most_if_the_app_says_so(stage: Simulated) -> None:
    answer = await stage.app.ask(IN_TWO_CITIES, tools=[WEATHER], parallel_tool_calls=False)
    assert len(calls_of(answer)) == 1


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
async def test_a_forced_choice_holds_though_the_model_thinks(stage: Simulated, choice: Any) -> None:
    answer = await stage.app.ask("Good morning", tools=[WEATHER], tool_choice=choice)
    assert [name for name, _ in calls_of(answer)] == ["get_weather"]


@pytest.mark.parametrize("model", [THINKER, CODER, "qwen-turbo"])
async def test_a_schema_is_filled_in(stage: Simulated, model: str) -> None:
    answer = await stage.app.chat.completions.parse(
        model=model,
        messages=[{"role": "user", "content": "The weather in Riga is 7 degrees."}],
        response_format=Weather,
    )
    assert answer.choices[0].message.parsed == Weather(city="Riga", degrees=7)


@pytest.mark.parametrize("said", ["Hello", "Hello in JSON"])
async def test_json_comes_whether_or_not_the_word_is_said(stage: Simulated, said: str) -> None:
    answer = await stage.app.ask(said, response_format={"type": "json_object"})
    assert isinstance(orjson.loads(answer.choices[0].message.content or ""), dict)


async def test_functions_are_answered_as_they_were_asked(stage: Simulated) -> None:
    functions = [WEATHER["function"]]
    said: list[Any] = [{"role": "user", "content": "What is the weather in Riga?"}]
    first = await stage.app.ask(said, functions=functions, function_call="auto")
    (choice,) = first.choices
    assert choice.finish_reason == "function_call"
    assert choice.message.tool_calls is None
    assert choice.message.function_call is not None
    assert (choice.message.function_call.name, choice.message.function_call.arguments) == ("get_weather", RIGA)
    said += [choice.message, {"role": "function", "name": "get_weather", "content": "7 degrees"}]
    second = await stage.app.ask(said, functions=functions)
    assert "get_weather says: “7 degrees”" in (second.choices[0].message.content or "")


async def test_a_custom_tool_is_called_with_plain_text(stage: Simulated) -> None:
    tool = {"type": "custom", "custom": {"name": "run_shell", "description": "Run a shell command"}}
    answer = await stage.app.ask("Please run the shell command `ls -l`", tools=[tool])
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "custom"
    assert (call.custom.name, call.custom.input) == ("run_shell", "ls -l")
