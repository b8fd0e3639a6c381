"""What a refusal teaches about a model: mended at once without the app noticing, and remembered."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from openai import BadRequestError

from tests.support.apps import WEATHER, scripted, simulated
from tests.support.completions import completion, refused
from tests.support.heard import Heard, hear
from tests.support.upstream import Connection

CODER, GUEST = "qwen3-coder-plus", "glm-5"
"""A model that does not think, and one that takes JSON without the word."""


@dataclass(frozen=True)
class Case:
    """The service's row differs from the proxy's in *rows*; a request with *fields* meets that."""

    rows: tuple[str, ...]
    learned: str
    fields: dict[str, Any] = field(default_factory=dict)
    model: str = CODER
    rounds: int = 2
    again: int = 1
    """Upstream calls for the next request of the kind."""


def forced(choice: Any, *others: Any) -> dict[str, Any]:
    return {"tools": [WEATHER, *others], "tool_choice": choice}


CLOCK = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}


SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "x", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}},
}
NAMED = {"type": "function", "function": {"name": "get_weather"}}

CASES: dict[str, Case] = {
    "max_tokens": Case(("max_output=64",), "max_output=64", {"max_tokens": 1000}),
    "max_completion_tokens": Case(
        ("max_output=64",), "max_output=64", {"max_completion_tokens": 1000}, model="qwen3.7-plus"
    ),
    "tool_choice": Case(("thinking=on",), "thinking=on", forced("required")),
    "required choice": Case(
        ("required_choice=false",), "required_choice=false, named_choice=false", forced("required", CLOCK)
    ),
    "named choice": Case(("named_choice=false",), "named_choice=false", forced(NAMED)),
    "thinking": Case(
        ("thinking=on", "thinks_only_streaming=true"), "thinking=on, thinks_only_streaming=true", {"stream": False}
    ),
    "streams only": Case(("streams_only=true",), "streams_only=true", {"stream": False}),
    "json word": Case(
        (), "json_word=true", {"response_format": {"type": "json_object"}}, f"{GUEST}#row=json_word=true"
    ),
    "no schemas": Case(("json_schema=false",), "json_schema=false", {"response_format": SCHEMA}),
    "flat text": Case(("flat_text=true",), "flat_text=true"),
    "n": Case(("max_choices=1",), "max_choices=1", {"n": 2}, model="qwen-plus", rounds=3, again=2),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_lesson_is_learned_once(confdir: Path, caplog: pytest.LogCaptureFixture, case: Case) -> None:
    caplog.set_level("INFO", "qwenproxy.exchange")
    marks = " ".join(f"[sim: row {row}]" for row in case.rows)
    said = [{"type": "text", "text": f"Hello {marks}"}, {"type": "text", "text": "and good morning"}]
    messages: Any = [{"role": "user", "content": said}]
    async with simulated(confdir) as stage:
        for learned, rounds in ((case.learned, case.rounds), (None, case.again)):
            answer = await stage.app.chat.completions.with_raw_response.create(
                model=case.model, messages=messages, **case.fields
            )
            assert answer.headers.get("x-qwenproxy-learned") == learned
            assert answer.parse().choices[0].finish_reason in ("stop", "length", "tool_calls")
            assert len(stage.asked()) == rounds
    first, second = [record.getMessage() for record in caplog.records]
    assert f"learned={orjson.dumps(case.learned.split(', ')).decode()}".replace('","', '", "') in first
    assert "learned" not in second


async def test_a_streamed_request_learns_as_well(confdir: Path) -> None:
    async with simulated(confdir) as stage, aiohttp.ClientSession() as http:
        said = "Hello [sim: row max_output=64]"
        for rounds in (2, 1):
            heard = await hear(http, stage.proxy.base_url, said, model=CODER, stream=True, max_tokens=1000)
            assert (heard.error, heard.finish) == (None, "stop")
            assert [body["max_tokens"] for body in stage.asked()] == [1000, 64][-rounds:]


async def test_what_one_model_has_taught_is_not_held_against_another(confdir: Path) -> None:
    async with simulated(confdir) as stage:
        await stage.app.ask("Hello [sim: row max_output=64]", model=CODER, max_tokens=1000)
        stage.asked()
        await stage.app.ask("Hello", model="qwen3-coder-flash", max_tokens=1000)
        assert [body["max_tokens"] for body in stage.asked()] == [1000]


REFUSED = "<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 64]"


async def test_a_refusal_that_teaches_nothing_new_is_passed_on(confdir: Path) -> None:
    refusal = refused(400, REFUSED, code="invalid_parameter_error")
    async with scripted(confdir, refusal) as stage:
        with pytest.raises(BadRequestError, match="Range of max_tokens") as caught:
            await stage.app.ask(model=CODER, max_tokens=1000)
        assert caught.value.param == "max_tokens"
        assert [asked.json["max_tokens"] for asked in stage.upstream.asked] == [1000, 64]


async def test_several_faults_of_one_request_are_learned_in_turn(confdir: Path) -> None:
    async with simulated(confdir) as stage, aiohttp.ClientSession() as http:
        said = "Hello [sim: row max_output=64] [sim: row streams_only=true]"
        heard = await hear(http, stage.proxy.base_url, said, model=CODER, max_tokens=1000)
        assert heard.headers["x-qwenproxy-learned"] == "max_output=64, streams_only=true"
        assert len(stage.asked()) == 3


async def test_a_reserved_name_is_replaced_and_put_back(confdir: Path) -> None:
    """The app never hears of the other name."""

    async def reply(connection: Connection) -> None:
        name = connection.asked.json["tools"][0]["function"]["name"]
        if name == "lookup":
            message = "Tool names are not allowed to be [lookup]"
            await connection.send(refused(400, message, code="invalid_parameter_error"))
            return
        call = {"index": 0, "id": "call_1", "type": "function", "function": {"name": name, "arguments": "{}"}}
        await connection.send(completion("", tool_calls=[call]))

    tool = {"type": "function", "function": {"name": "lookup", "parameters": {"type": "object", "properties": {}}}}
    async with scripted(confdir, reply) as stage, aiohttp.ClientSession() as http:
        heard: list[Heard] = [
            await hear(http, stage.proxy.base_url, "Hello", model=CODER, tools=[tool]) for _ in range(2)
        ]
        assert [each.calls for each in heard] == [[("lookup", "{}")]] * 2
        assert len(stage.upstream.asked) == 3


async def test_the_lessons_outlive_a_change_of_settings(confdir: Path) -> None:
    refusal = refused(400, REFUSED, code="invalid_parameter_error")
    async with scripted(confdir, refusal, completion()) as stage:
        await stage.app.ask(model=CODER, max_tokens=1000)
        stage.proxy.master.options.set("qwen_reasoning=hide")
        await stage.app.ask(model=CODER, max_tokens=1000)
        assert [asked.json["max_tokens"] for asked in stage.upstream.asked] == [1000, 64, 64]
