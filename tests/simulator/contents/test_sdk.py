"""Google's own client, as it comes, before the simulator."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from qwenproxy.simulator.server import Simulator
from tests.support.simulated import png

MODEL = "qwen3.7-plus"
THINKING = types.ThinkingConfig(include_thoughts=True, thinking_budget=100)
LOOKS = "Here is what I found. get_weather says: "


class City(BaseModel):
    name: str
    size: int


def options(simulator: Simulator, **more: Any) -> types.HttpOptions:
    return types.HttpOptions(base_url=simulator.base_url, api_version="v1beta", **more)


@pytest.fixture
async def google(simulator: Simulator) -> AsyncIterator[genai.client.AsyncClient]:
    client = genai.Client(api_key=simulator.key, http_options=options(simulator)).aio
    yield client
    await client.aclose()


def get_weather(city: str) -> dict[str, str]:
    """Current weather of a city."""
    return {"output": f"4 C in {city}"}


def parts_of(answer: types.GenerateContentResponse) -> list[types.Part]:
    content = answer.candidates[0].content if answer.candidates else None
    return list(content.parts or []) if content else []


def finish_of(answer: types.GenerateContentResponse) -> types.FinishReason | None:
    return answer.candidates[0].finish_reason if answer.candidates else None


async def test_a_whole_answer(google: genai.client.AsyncClient) -> None:
    answer = await google.models.generate_content(model=MODEL, contents="Hello")
    assert (answer.text or "").startswith(f"Hello! This is {MODEL}, simulated")
    assert finish_of(answer) == types.FinishReason.STOP
    assert (answer.model_version, bool(answer.response_id)) == (MODEL, True)
    usage = answer.usage_metadata
    assert usage is not None
    counts = (usage.prompt_token_count, usage.candidates_token_count, usage.thoughts_token_count)
    assert usage.total_token_count == sum(count or 0 for count in counts)


async def test_a_stream_with_thoughts(google: genai.client.AsyncClient) -> None:
    config = types.GenerateContentConfig(thinking_config=THINKING)
    stream = await google.models.generate_content_stream(model=MODEL, contents="Hello", config=config)
    answers = [answer async for answer in stream]
    parts = [part for answer in answers for part in parts_of(answer)]
    thoughts = "".join(part.text or "" for part in parts if part.thought)
    assert thoughts.startswith("The user says: “Hello”.")
    assert "".join(part.text or "" for part in parts if not part.thought).startswith("Hello! This is")
    assert [finish_of(answer) for answer in answers if finish_of(answer)] == [types.FinishReason.STOP]


async def test_functions_are_called_and_their_results_told(google: genai.client.AsyncClient) -> None:
    """The client calls them itself, and brings the signatures back."""
    config = types.GenerateContentConfig(tools=[get_weather], system_instruction="Be brief.")
    chat = google.chats.create(model=MODEL, config=config)
    answer = await chat.send_message("[sim: signatures] The weather in Riga and Oslo?")
    assert (answer.text or "").startswith(LOOKS)
    assert "4 C in Riga" in (answer.text or "")
    assert "4 C in Oslo" in (answer.text or "")
    assert "And now?" in ((await chat.send_message("And now?")).text or "")


async def test_a_call_in_a_stream(google: genai.client.AsyncClient) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    declared = types.FunctionDeclaration(name="get_weather", description="Weather", parameters_json_schema=schema)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declared])])
    stream = await google.models.generate_content_stream(model=MODEL, contents="The weather in Riga?", config=config)
    (part,) = [part async for answer in stream for part in parts_of(answer) if part.function_call]
    assert part.function_call is not None
    assert (part.function_call.name, part.function_call.args) == ("get_weather", {"city": "Riga"})
    assert part.function_call.id
    assert part.thought_signature


async def test_an_image(google: genai.client.AsyncClient) -> None:
    image = types.Part.from_bytes(data=base64.b64decode(png(64, 32).partition(",")[2]), mime_type="image/png")
    answer = await google.models.generate_content(
        model=MODEL, contents=types.Content(role="user", parts=[types.Part.from_text(text="Look"), image])
    )
    assert "I see 1 image: image/png, 64x32 pixels." in (answer.text or "")


async def test_an_answer_of_a_given_form(google: genai.client.AsyncClient) -> None:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=City)
    answer = await google.models.generate_content(model=MODEL, contents="Riga has 600000 people", config=config)
    assert answer.parsed == City(name="Riga", size=600_000)


async def test_parameters_of_every_kind(google: genai.client.AsyncClient) -> None:
    config = types.GenerateContentConfig(
        temperature=0.5, top_p=0.9, top_k=20, max_output_tokens=4, seed=7, stop_sequences=["x"], candidate_count=1
    )
    answer = await google.models.generate_content(model=MODEL, contents="Hello", config=config)
    assert finish_of(answer) == types.FinishReason.MAX_TOKENS


async def test_a_blocked_prompt(google: genai.client.AsyncClient) -> None:
    answer = await google.models.generate_content(model=MODEL, contents="[sim: prompt-blocked]")
    assert answer.candidates is None
    assert answer.prompt_feedback is not None
    assert answer.prompt_feedback.block_reason == types.BlockedReason.SAFETY


@pytest.mark.parametrize(
    ("model", "said", "code", "word"),
    [
        ("gpt-4o", "Hello", 404, "NOT_FOUND"),
        (MODEL, "[sim: error limit_requests 7]", 429, "RESOURCE_EXHAUSTED"),
        (MODEL, "[sim: error internal_error]", 500, "INTERNAL"),
        (MODEL, "[sim: error data_inspection_failed]", 400, "INVALID_ARGUMENT"),
    ],
)
async def test_errors(google: genai.client.AsyncClient, model: str, said: str, code: int, word: str) -> None:
    with pytest.raises(errors.APIError) as caught:
        await google.models.generate_content(model=model, contents=said)
    assert (caught.value.code, caught.value.status) == (code, word)


@pytest.mark.parametrize("scenario", ["stream-error", "raw-error", "first-error"])
async def test_errors_within_a_stream(google: genai.client.AsyncClient, scenario: str) -> None:
    stream = await google.models.generate_content_stream(model=MODEL, contents=f"[sim: {scenario} model_unavailable]")
    with pytest.raises(errors.ServerError) as caught:
        async for _ in stream:
            pass
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")


async def test_a_wrong_key(simulator: Simulator) -> None:
    client = genai.Client(api_key="wrong", http_options=options(simulator)).aio
    with pytest.raises(errors.ClientError, match="API key not valid"):
        await client.models.generate_content(model=MODEL, contents="Hello")
    await client.aclose()


async def test_models_and_tokens(google: genai.client.AsyncClient) -> None:
    names = [model.name async for model in await google.models.list(config={"page_size": 20})]
    assert len(names) == len(set(names)) > 40
    assert (await google.models.get(model=MODEL)).input_token_limit == 1_000_000
    counted = await google.models.count_tokens(model=MODEL, contents="Hello there")
    assert counted.total_tokens == 6
