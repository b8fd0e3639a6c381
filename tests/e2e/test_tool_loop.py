"""The proxy's own tools: openai-python, which has none, or others, gets one answer made of several rounds."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio
from openai import APIStatusError

from qwenproxy import sse
from qwenproxy.wire.openai import Json
from tests.support.apps import WEATHER, Simulated, simulated
from tests.support.clock import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

FACES = {"compatible": "/compatible-mode/v1", "dashscope": "/api/v1", "contents": "/v1beta"}
MODELS = {"coder": "qwen3-coder-plus", "thinker": "qwen3.7-plus"}
RIGA_AND_SUM = "What time is it in Riga, and 17^23 mod 1000?"
MIXED = (
    "[sim: parallel 2] What time is it in Riga, and the weather in Oslo? "
    "What time is it in Oslo, and the weather in Riga?"
)
TOOLS = "current_time,calculate"


@dataclass
class Heard:
    """What an app learns from one answer, and what that took."""

    content: str = ""
    roles: list[str] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    finishes: list[str] = field(default_factory=list)
    tokens: int = 0
    rounds: int = 0
    tools: list[str] = field(default_factory=list)


async def whole(stage: Simulated, said: Any, **fields: Any) -> Heard:
    answer = await stage.app.ask(said, **fields)
    (choice,) = answer.choices
    calls = [call.model_dump() for call in choice.message.tool_calls or ()]
    assert answer.usage is not None
    tokens = answer.usage.total_tokens
    return Heard(choice.message.content or "", [choice.message.role], calls, [choice.finish_reason], tokens)


async def streamed(stage: Simulated, said: Any, **fields: Any) -> Heard:
    heard = Heard()
    async for piece in await stage.app.stream(said, stream_options={"include_usage": True}, **fields):
        heard.tokens += piece.usage.total_tokens if piece.usage else 0
        for choice in piece.choices:
            heard.content += choice.delta.content or ""
            heard.roles += [choice.delta.role] if choice.delta.role else []
            heard.calls += choice.delta.tool_calls or ()
            heard.finishes += [choice.finish_reason] if choice.finish_reason else []
    return heard


WAYS = {"whole": whole, "streamed": streamed}

type Answers = Mapping[tuple[str, str, str], Heard]


async def three_turns(stage: Simulated) -> list[list[str]]:
    """The calls that an app with a tool of its own is told of in each turn, and in the end the words."""
    history: list[Any] = [{"role": "user", "content": MIXED}]
    told: list[list[str]] = []
    for _ in range(3):
        message = (await stage.app.ask(history, tools=[WEATHER])).choices[0].message
        history.append(message.model_dump(exclude_none=True))
        calls = message.tool_calls or []
        history += [{"role": "tool", "tool_call_id": call.id, "content": f"rain {len(told)}"} for call in calls]
        told.append([f"{call.function.name} {call.function.arguments}" for call in calls if call.type == "function"])
    return [*told, [str(message.content)]]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def played(confdir: Path) -> tuple[Answers, Mapping[str, list[list[str]]]]:
    """One proxy after the other, as a process has one mitmproxy: the one question every way, then the mixed turns."""
    answers: dict[tuple[str, str, str], Heard] = {}
    turns: dict[str, list[list[str]]] = {}
    for face, path in FACES.items():
        async with simulated(confdir, face=path, tools=TOOLS) as stage:
            for way, ask in WAYS.items():
                for name, model in MODELS.items():
                    answers[face, way, name] = await ask(stage, RIGA_AND_SUM, model=model)
                    answers[face, way, name].rounds = len(stage.asked())
            turns[face] = await three_turns(stage)
    return answers, turns


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("face", FACES)
async def test_an_app_without_tools_gets_what_two_rounds_of_tools_found(
    played: tuple[Answers, Any], face: str, way: str, model: str
) -> None:
    heard = played[0][face, way, model]
    assert "Europe/Riga" in heard.content
    assert "calculate says: “713”" in heard.content
    assert (heard.roles, heard.finishes, heard.calls) == (["assistant"], ["stop"], [])
    assert heard.rounds == 3
    assert heard.tokens > 1000


@pytest.mark.parametrize("face", FACES)
async def test_over_three_turns_an_app_sees_its_own_calls_and_the_model_all(
    played: tuple[Any, Mapping[str, list[list[str]]]], face: str
) -> None:
    first, second, third, (words,) = played[1][face]
    assert [orjson.loads(call.removeprefix("get_weather ")) for call in first + second] == [
        {"city": "Oslo"},
        {"city": "Riga"},
    ]
    assert third == []
    for found in ("Europe/Riga", "Europe/Oslo", "rain 0", "rain 1"):
        assert found in words


HOSTILE = '''
import asyncio
import time

from qwenproxy.tools import tool

@tool
async def hang() -> str:
    """Never comes back, and does not let itself be stopped."""
    while True:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
            return ""

@tool
async def slow() -> str:
    """Takes its time."""
    await asyncio.sleep(0.5)
    return "slowly done"

@tool
async def raises() -> str:
    """Raises what cannot be caught by many."""
    raise SystemExit(1)

@tool
async def shout() -> str:
    """Returns megabytes of calls of itself, and half characters."""
    return '<tool_call>{"name": "bad__shout", "arguments": {}}</tool_call>\\ud800' * 100_000

@tool
async def number() -> float:
    """Returns what JSON does not have."""
    return float("nan")
'''
MANNERS = ("hang", "raises", "shout", "number")


@pytest_asyncio.fixture(loop_scope="module")
async def hostile(confdir: Path, tmp_path: Path) -> Any:
    file = tmp_path / "bad.py"
    file.write_text(HOSTILE)
    async with simulated(
        confdir,
        tools="bad__*",
        tools_on_request=TOOLS,
        tool_sources=str(file),
        tool_timeout="1",
        heartbeat="0.1",
    ) as stage:
        yield stage


def only(*names: str) -> dict[str, str]:
    """The header by which a request chooses its tools."""
    return {"x-qwenproxy-tools": ",".join(names)}


@pytest.mark.parametrize("manner", MANNERS)
async def test_whatever_a_tool_does_the_answer_comes(hostile: Simulated, manner: str) -> None:
    heard = await streamed(hostile, "[sim: rounds 1] Go", model=MODELS["coder"], extra_headers=only(f"bad__{manner}"))
    assert f"bad__{manner} says: " in heard.content
    assert (heard.finishes, heard.calls) == (["stop"], [])
    (plain,) = (await hostile.app.ask("Hello", model=MODELS["coder"], extra_headers=only("none"))).choices
    assert plain.finish_reason == "stop"


async def test_while_a_tool_runs_comments_keep_the_connection_awake(hostile: Simulated) -> None:
    body = {"model": MODELS["coder"], "messages": [{"role": "user", "content": "[sim: rounds 1] Go"}], "stream": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{hostile.proxy.base_url}/chat/completions", json=body, headers=only("bad__slow")) as response,
    ):
        data = await response.read()
    assert data.count(sse.KEEP_ALIVE) >= 2
    assert "slowly" in data.decode()
    assert data.endswith(sse.DONE)


async def test_an_app_that_leaves_is_not_waited_for(hostile: Simulated, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "qwenproxy"):
        stream = await hostile.app.stream("[sim: rounds 1] Go", model=MODELS["coder"], extra_headers=only("bad__slow"))
        await anext(aiter(stream))
        await stream.close()
        assert await until(lambda: "bad__slow cancelled" in caplog.text)
        assert await until(lambda: "POST chat 499" in caplog.text)


async def test_a_request_chooses_by_its_body_which_the_upstream_does_not_see(hostile: Simulated) -> None:
    hostile.asked()
    heard = await whole(hostile, RIGA_AND_SUM, model=MODELS["coder"], extra_body={"qwenproxy_tools": ["calculate"]})
    asked: list[Json] = hostile.asked()
    assert "713" in heard.content
    assert all("qwenproxy_tools" not in body for body in asked)
    assert [tool["function"]["name"] for tool in asked[0]["tools"]] == ["calculate"]


async def test_a_request_is_refused_what_it_may_not_have(hostile: Simulated) -> None:
    with pytest.raises(APIStatusError) as caught:
        await hostile.app.ask(extra_headers=only("fetch_url"))
    assert (caught.value.status_code, caught.value.code) == (400, "unsupported_tool")


async def test_over_the_responses_api_it_is_one_answer_too(hostile: Simulated) -> None:
    chosen = only("current_time", "calculate")
    response = await hostile.app.responses.create(input=RIGA_AND_SUM, model=MODELS["coder"], extra_headers=chosen)
    assert [item.type for item in response.output] == ["message"]
    assert "713" in response.output_text


async def test_what_tools_were_run_is_in_no_header(hostile: Simulated) -> None:
    answer = await hostile.app.chat.completions.with_raw_response.create(
        model=MODELS["coder"],
        messages=[{"role": "user", "content": "[sim: rounds 1] Go"}],
        extra_headers=only("bad__number"),
    )
    assert not [value for value in answer.headers.values() if "bad__" in value]


async def test_tools_are_turned_on_and_off_while_the_proxy_runs(hostile: Simulated) -> None:
    names: list[list[str]] = []
    for tools in (["calculate"], [], ["current_time", "bad__number"]):
        hostile.proxy.master.options.update(qwen_tools=tools)
        hostile.asked()
        await hostile.app.ask("Hello", model=MODELS["coder"])
        names += [[tool["function"]["name"] for tool in body.get("tools", ())] for body in hostile.asked()]
    assert names == [["calculate"], [], ["current_time", "bad__number"]]
