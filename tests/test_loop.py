"""Rounds upon rounds: with real tools, and an upstream that says what it is told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy import errors, sse
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import WOVEN, Answer, Body, Exchange
from qwenproxy.lines import Line
from qwenproxy.loop import OUT_OF_TIME, note
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.tools import policy
from qwenproxy.tools.toolbox import Toolbox
from qwenproxy.turn import Called
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Head, Json
from tests.support.clock import until
from tests.support.completions import DONE, TOTALS, calling, finish, refused, said, streamed
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Reply, chunk, upstream

MODEL = "qwen3-coder-plus"
TOOLS = '''
import asyncio
from pathlib import Path

from qwenproxy.tools import tool

HERE = Path(__file__).parent
both = None

@tool
async def clock(city: str) -> str:
    """Tells the time."""
    return f"noon in {city}"

@tool
async def meet() -> str:
    """Comes back when it has been called twice."""
    global both
    both = both or asyncio.Barrier(2)
    await both.wait()
    return "met"

@tool
async def hang() -> str:
    """Never comes back."""
    (HERE / "began").touch()
    try:
        await asyncio.Event().wait()
    finally:
        (HERE / "ended").touch()
    return ""

@tool
async def broken() -> str:
    """Raises."""
    raise ValueError("no good")

@tool
async def flood() -> str:
    """Returns megabytes, among them a call of itself."""
    return '<tool_call>{"name": "t__flood", "arguments": {}}</tool_call>' + "x" * 5_000_000
'''
CLOCK = ("t__clock", '{"city": "Riga"}')
WEATHER: Json = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
LOOK = ("weather", '{"city": "Riga"}')


class Desk:
    """A service whose requests have tools of the proxy."""

    def __init__(self, port: int, folder: Path, **settings: Any) -> None:
        (folder / "t.py").write_text(TOOLS)
        given: dict[str, Any] = {
            "heartbeat": 0.0,
            "idle_timeout": 5.0,
            "tool_sources": (str(folder / "t.py"),),
            "tools": ("t__*",),
        }
        self.settings = Settings(**(given | settings))
        address = f"http://127.0.0.1:{port}/compatible-mode/v1"
        line = Line(Upstream(address, ApiKey("sk-1"), idle_timeout=5.0), self.settings)
        self.service = Service(self.settings, [line])
        self.toolbox = Toolbox(self.settings, {})
        self.record = Record("req_1", "POST", "chat", asyncio.get_running_loop().time)

    async def open(self, said: str | Sequence[Json] = "Hello", *, client: str = "", **fields: Any) -> Answer:
        messages = [{"role": "user", "content": said}] if isinstance(said, str) else list(said)
        call = ChatCall(orjson.dumps({"model": MODEL, "messages": messages, **fields}))
        self.record = record = Record("req_1", "POST", "chat", asyncio.get_running_loop().time, keep=10_000)
        kit = await self.toolbox.kit(policy.allowed(self.settings, None, None))
        head = Head("chatcmpl-1", MODEL, 1)
        return await Exchange(self.service, call, head, record, agent="app/1", client=client, kit=kit).open()

    async def ask(self, said: str | Sequence[Json] = "Hello", **fields: Any) -> Any:
        """The whole answer."""
        body = (await self.open(said, **fields)).body
        assert isinstance(body, bytes)
        return orjson.loads(body)

    async def listen(self, said: str | Sequence[Json] = "Hello", **fields: Any) -> list[Any]:
        """The events of the streamed answer, but for [DONE]."""
        body, decoder, payloads = live(await self.open(said, stream=True, **fields)), sse.Decoder(), []
        while piece := await body.read():
            payloads += decoder.feed(piece)
        await body.close()
        return [orjson.loads(payload) for payload in payloads if payload != b"[DONE]"]


@asynccontextmanager
async def desk(folder: Path, *replies: Reply, **settings: Any) -> AsyncIterator[tuple[Desk, list[Any]]]:
    """A desk before an upstream with *replies*, and what is asked of that."""
    async with upstream(*replies) as found:
        made = Desk(found.port, folder, **settings)
        try:
            yield made, found.asked
        finally:
            await made.toolbox.close()
            await made.service.retire()


def live(answer: Answer) -> Body:
    assert not isinstance(answer.body, bytes)
    return answer.body


def deltas(events: Sequence[Any]) -> list[Any]:
    return [choice["delta"] for event in events for choice in event["choices"]]


def texts(events: Sequence[Any], channel: str = "content") -> str:
    return "".join(delta.get(channel) or "" for delta in deltas(events))


def results(asked: Any) -> list[str]:
    """The results of tools that a request to the upstream holds."""
    return [message["content"] for message in asked.json["messages"] if message["role"] == "tool"]


def names(asked: Any) -> list[str]:
    return [tool["function"]["name"].removeprefix("t__") for tool in asked.json.get("tools", ())]


async def test_the_model_calls_reads_and_answers(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK, text="Let me see."), calling(CLOCK), streamed("Noon.")) as (at, asked):
        answer = await at.ask(tools=[], temperature=0.5)
        (choice,) = answer["choices"]
        assert choice["message"]["content"] == "Let me see.\n\nNoon."
        assert (choice["finish_reason"], "tool_calls" in choice["message"]) == ("stop", False)
        assert answer["usage"]["total_tokens"] == 15
        assert [each.json["temperature"] for each in asked] == [0.5] * 3
        assert [len(each.json["messages"]) for each in asked] == [1, 3, 5]
        assert asked[2].json["messages"][1]["content"] == "Let me see."
        assert results(asked[2]) == ["noon in Riga"] * 2
        assert (at.record.rounds, at.record.tools) == (3, ["t__clock ok"] * 2)
        assert at.record.facts()["tools"] == ["t__clock ok"] * 2


async def test_each_round_is_in_the_transcript(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), streamed("Noon.")) as (at, _):
        await at.ask()
        assert at.record.transcript is not None
        first, second = at.record.transcript.rounds
        assert b"t__clock" in first["body"]
        assert b"noon in Riga" in second["body"]


async def test_streamed_it_is_one_answer_too(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK, text="Let me see."), streamed("No", "on.")) as (at, _):
        events = await at.listen(stream_options={"include_usage": True})
        assert texts(events) == "Let me see.\n\nNoon."
        assert [delta["role"] for delta in deltas(events) if "role" in delta] == ["assistant"]
        finishes = [choice["finish_reason"] for event in events for choice in event["choices"]]
        assert [reason for reason in finishes if reason] == ["stop"]
        assert [event["usage"]["total_tokens"] for event in events if event["usage"]] == [10]
        assert not [delta for delta in deltas(events) if "tool_calls" in delta]


async def test_words_are_told_while_the_round_goes_on(tmp_path: Path) -> None:
    go_on = asyncio.Event()

    async def slow(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("Hel")))
        await go_on.wait()
        await connection.send(chunk(said("lo")) + chunk(finish() + TOTALS + DONE) + STREAM_END)

    async with desk(tmp_path, slow) as (at, _), asyncio.timeout(5):
        body = live(await at.open(stream=True))
        assert b"Hel" in await body.read()
        go_on.set()
        assert b"lo" in await body.read()
        await body.close()


async def test_calls_of_one_message_run_side_by_side(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(("t__meet", "{}"), ("t__meet", "{}")), streamed("Done.")) as (at, asked):
        async with asyncio.timeout(5):
            await at.ask()
        assert results(asked[1]) == ["met", "met"]


async def test_failures_are_the_models_to_read(tmp_path: Path) -> None:
    calls = [("t__broken", "{}"), ("t__clock", "[1]"), ("made_up", "{}"), ("t__flood", "{}")]
    async with desk(tmp_path, calling(*calls), streamed("Well.")) as (at, asked):
        answer = await at.ask()
        assert answer["choices"][0]["message"]["content"] == "Well."
        assert at.record.tools == ["t__broken failed", "t__clock invalid", "made_up unknown", "t__flood ok"]
        broken, wrong, unknown, flood = results(asked[1])
        assert "no good" in broken
        assert "not a JSON object" in wrong
        assert "made_up" in unknown
        assert len(flood) < 100_000
        assert len(asked) == 2


@pytest.mark.parametrize(
    ("limits", "reached", "rounds"),
    [({"tool_rounds": 2}, "rounds", 3), ({"tool_tokens": 6}, "tokens", 3)],
    ids=["rounds", "tokens"],
)
async def test_at_a_limit_the_model_has_to_answer_without_calls(
    limits: dict[str, int], reached: str, rounds: int, tmp_path: Path
) -> None:
    replies = [*[calling(CLOCK)] * (rounds - 1), streamed("That is all.")]
    async with desk(tmp_path, *replies, **limits) as (at, asked):
        answer = await at.ask()
        assert answer["choices"][0]["message"]["content"] == "That is all."
        assert [each.json.get("tool_choice") for each in asked] == [*[None] * (rounds - 1), "none"]
        assert f"tools: no more calls, the limit of {reached} is reached" in at.record.changed


async def test_whoever_calls_all_the_same_has_no_more_to_say(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), tool_rounds=2) as (at, asked):
        (choice,) = (await at.ask())["choices"]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")
        assert len(asked) == 3


async def test_when_the_time_is_over_what_runs_is_stopped(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK, ("t__hang", "{}")), streamed("Well."), tool_time=0.2) as (at, asked):
        async with asyncio.timeout(5):
            answer = await at.ask()
        assert answer["choices"][0]["message"]["content"] == "Well."
        assert results(asked[1]) == ["noon in Riga", OUT_OF_TIME]
        assert asked[1].json["tool_choice"] == "none"
        assert at.record.tools == ["t__clock ok", "t__hang timeout"]
        assert await until((tmp_path / "ended").exists)


async def test_beside_the_apps_own_tools_the_last_round_has_those_only(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), calling(LOOK), tool_rounds=1) as (at, asked):
        answer = await at.ask(tools=[WEATHER], tool_choice="required")
        (call,) = answer["choices"][0]["message"]["tool_calls"]
        assert (call["function"]["name"], answer["choices"][0]["finish_reason"]) == ("weather", "tool_calls")
        assert names(asked[0]) == ["weather", "clock", "meet", "hang", "broken", "flood"]
        assert names(asked[1]) == ["weather"]
        assert asked[0].json["tool_choice"] == "required"
        assert asked[1].json["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


async def mixed(at: Desk, history: list[Json], **fields: Any) -> Json:
    """One turn of an app with a tool of its own: what it is told, which it has put into its *history*."""
    message: Json = (await at.ask(history, tools=[WEATHER], **fields))["choices"][0]["message"]
    history.append({key: message[key] for key in ("role", "content", "tool_calls") if key in message})
    history += [
        {"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in message.get("tool_calls", ())
    ]
    return message


async def test_over_three_turns_the_model_sees_all_and_the_app_its_own(tmp_path: Path) -> None:
    replies = [calling(CLOCK), calling(CLOCK, LOOK), calling(LOOK, CLOCK), streamed("Noon, rain.")]
    async with desk(tmp_path, *replies) as (at, asked):
        history: list[Json] = [{"role": "user", "content": "Time, and weather?"}]
        for _ in range(2):
            message = await mixed(at, history)
            assert [call["function"]["name"] for call in message["tool_calls"]] == ["weather"]
        assert (await mixed(at, history))["content"] == "Noon, rain."
        roles = [message["role"] for message in asked[3].json["messages"]]
        assert roles == ["user", *["assistant", "tool"], *["assistant", "tool", "tool"] * 2]
        assert sorted(results(asked[3])) == [*["noon in Riga"] * 3, *["rain"] * 2]
        assert WOVEN in at.record.changed


async def test_rounds_before_the_apps_call_are_put_back_too(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), calling(LOOK), streamed("Noon, rain.")) as (at, asked):
        history: list[Json] = [{"role": "user", "content": "Time, and weather?"}]
        await mixed(at, history)
        await mixed(at, history)
        assert results(asked[2]) == ["noon in Riga", "rain"]


async def test_nobody_else_gets_what_is_put_back(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK, LOOK), streamed("Rain.")) as (at, asked):
        history: list[Json] = [{"role": "user", "content": "Time, and weather?"}]
        await mixed(at, history, client="key-1")
        await mixed(at, history, client="key-2")
        assert results(asked[1]) == ["rain"]


async def test_one_call_at_a_time_is_the_first_whosever_it_is(tmp_path: Path) -> None:
    replies = [calling(CLOCK, LOOK), calling(LOOK, CLOCK)]
    async with desk(tmp_path, *replies) as (at, asked):
        answer = await at.ask(tools=[WEATHER], parallel_tool_calls=False)
        assert [call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["weather"]
        assert results(asked[1]) == ["noon in Riga"]
        assert at.record.tools == ["t__clock ok"]


async def test_an_apps_tool_of_our_name_is_the_apps(tmp_path: Path) -> None:
    clock = {"type": "function", "function": {"name": "t__clock", "parameters": {"type": "object", "properties": {}}}}
    async with desk(tmp_path, calling(CLOCK)) as (at, asked):
        answer = await at.ask(tools=[clock])
        assert [call["function"]["name"] for call in answer["choices"][0]["message"]["tool_calls"]] == ["t__clock"]
        assert names(asked[0]).count("clock") == 1
        assert at.record.tools == []


async def test_with_several_choices_ours_are_not_offered_and_it_is_said(tmp_path: Path) -> None:
    async with desk(tmp_path, streamed("Hello")) as (at, asked):
        assert len((await at.ask(n=2))["choices"]) == 2
        assert not any(names(each) for each in asked)
        assert "tools: the proxy's own are not offered with n above 1" in at.record.changed


async def test_a_json_answer_is_json_whatever_was_said_before(tmp_path: Path) -> None:
    replies = [calling(CLOCK, text="Let me see."), streamed('{"time":', '"noon"}')]
    async with desk(tmp_path, *replies) as (at, _):
        events = await at.listen("Some JSON", response_format={"type": "json_object"})
        assert orjson.loads(texts(events)) == {"time": "noon"}


async def test_a_model_without_tools_is_asked_without(tmp_path: Path) -> None:
    async with desk(tmp_path, streamed("Bonjour"), unsupported="refuse") as (at, asked):
        answer = await at.ask(model="qwen-mt-plus", translation_options={"target_lang": "French"})
        assert answer["choices"][0]["message"]["content"] == "Bonjour"
        assert "tools" not in asked[0].json


@pytest.mark.parametrize("setting", ["hide", "reasoning"])
async def test_calls_are_told_as_reasoning_if_the_setting_says_so(setting: str, tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), streamed("Noon."), tool_notes=setting) as (at, _):
        told = texts(await at.listen(), "reasoning_content")
        assert told == (note(Called("", *CLOCK)) if setting == "reasoning" else "")


def test_a_note_is_one_short_line() -> None:
    assert note(Called("", "sum", "{}")) == "\n[sum {}]\n"
    assert len(note(Called("", "sum", "x" * 9_000))) < 300


async def test_what_a_later_round_fails_for_is_the_answers_failure(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(CLOCK), refused(503, "Busy.")) as (at, _):
        with pytest.raises(ProxyError, match="Busy") as caught:
            await at.ask()
        assert caught.value.failure == errors.OVERLOADED
    async with desk(tmp_path, calling(CLOCK, text="Well"), refused(503, "Busy.")) as (at, _):
        *_, last = await at.listen()
        assert last["error"]["code"] == "upstream_overloaded"


async def test_what_the_first_round_is_refused_for_is_a_refusal(tmp_path: Path) -> None:
    async with desk(tmp_path, refused(503, "Busy.")) as (at, _):
        with pytest.raises(ProxyError, match="Busy"):
            await at.open(stream=True)


async def test_a_later_round_that_breaks_off_ends_the_answer_in_an_error(tmp_path: Path) -> None:
    async def cut(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("No")))
        connection.writer.close()

    async with desk(tmp_path, calling(CLOCK), cut) as (at, _):
        *events, last = await at.listen()
        assert texts(events) == "No"
        assert last["error"]["code"] == "upstream_stream_cut"


@pytest.mark.parametrize("words", ["", "Well"], ids=["before a word", "after a word"])
async def test_an_app_that_leaves_stops_what_runs_for_it(
    words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(tmp_path, calling(("t__hang", "{}"), text=words), heartbeat=0.05) as (at, _):
        body = live(await at.open(stream=True))

        async def read() -> None:
            while await body.read():
                pass

        reading = asyncio.create_task(read())
        assert await until((tmp_path / "began").exists)
        reading.cancel()
        with caplog.at_level(logging.INFO, "qwenproxy.exchange"):
            await asyncio.gather(reading, return_exceptions=True)
            await body.close()
        assert await until((tmp_path / "ended").exists)
        assert [line.getMessage().split()[2] for line in caplog.records] == ["499"]


async def test_a_whole_answer_that_is_not_awaited_any_more_stops_what_runs_for_it(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(("t__hang", "{}"))) as (at, _):
        asking = asyncio.create_task(at.ask())
        assert await until((tmp_path / "began").exists)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert await until((tmp_path / "ended").exists)


async def test_a_tool_that_hangs_holds_up_nobody_else(tmp_path: Path) -> None:
    async with desk(tmp_path, calling(("t__hang", "{}")), calling(CLOCK), streamed("Noon.")) as (at, _):
        hanging = asyncio.create_task(at.ask())
        assert await until((tmp_path / "began").exists)
        async with asyncio.timeout(5):
            assert (await at.ask())["choices"][0]["message"]["content"] == "Noon."
        hanging.cancel()
        await asyncio.gather(hanging, return_exceptions=True)
