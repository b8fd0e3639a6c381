"""What only the contents format has, through the whole proxy: the simulator is as strict as Google's own service."""

from pathlib import Path
from typing import Any

import openai
import pytest

from qwenproxy.simulator.contents.web import BASE
from tests.support.apps import IN_TWO_CITIES, WEATHER, Simulated, simulated, text_of
from tests.support.simulated import png

MODEL = "qwen3-coder-plus"
SIGNED = f"[sim: signatures] {IN_TWO_CITIES}"
RESULTS = {"Riga": "4 C", "Oslo": "-3 C"}


async def called(stage: Simulated) -> list[Any]:
    """A conversation up to the results of the calls that the model has made."""
    answer = await stage.app.ask(SIGNED, MODEL, tools=[WEATHER])
    said = answer.choices[0].message.model_dump(exclude_none=True)
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(said["tool_calls"], RESULTS.values(), strict=True)
    ]
    return [{"role": "user", "content": SIGNED}, said, *results]


def signed(stage: Simulated) -> list[bool]:
    """Which calls in the last request had a signature."""
    body = stage.asked()[-1]
    parts = [part for content in body["contents"] for part in content["parts"]]
    return ["thoughtSignature" in part for part in parts if "functionCall" in part]


async def test_calls_go_back_with_their_signatures(confdir: Path) -> None:
    """Which the app, having no place for them, does not know of; changed settings forget none."""
    async with simulated(confdir, face=BASE) as stage:
        history = await called(stage)
        for setting in (None, "qwen_reasoning=hide"):
            if setting is not None:
                stage.proxy.master.options.set(setting)
            answer = await stage.app.ask(history, MODEL, tools=[WEATHER])
            assert all(result in (answer.choices[0].message.content or "") for result in RESULTS.values())
            assert signed(stage) == [True, False]  # of several calls at once the first has one


async def test_calls_that_another_proxy_saw_signed_are_refused_with_the_reason(confdir: Path) -> None:
    async with simulated(confdir, face=BASE) as stage:
        history = await called(stage)
    async with simulated(confdir, face=BASE) as stage:
        with pytest.raises(openai.BadRequestError, match="missing a thought_signature"):
            await stage.app.ask(history, MODEL, tools=[WEATHER])


async def test_an_image_is_seen_where_two_spellings_are_refused(confdir: Path) -> None:
    """Both go out first, as many gateways read one only; what refuses that is sent one, then and later."""
    seen = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": png(64, 48)}}]}]
    async with simulated(confdir, face=BASE) as stage:
        for _ in range(2):
            answer = await stage.app.ask(seen, "qwen3.7-plus")
            assert "64x48" in (answer.choices[0].message.content or "")
        spelt = [set(body["contents"][0]["parts"][0]) for body in stage.asked()]
        assert spelt == [{"inlineData", "inline_data"}, {"inlineData"}, {"inlineData"}]


async def test_an_error_behind_the_events_is_told(confdir: Path) -> None:
    """Google's front end does not frame it."""
    async with simulated(confdir, face=BASE) as stage:
        with pytest.raises(openai.APIError, match="Model is unavailable") as caught:
            await text_of(await stage.app.stream("[sim: raw-error model_unavailable] [sim: words 200]", MODEL))
        assert caught.value.code == "upstream_overloaded"
