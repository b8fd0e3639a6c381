"""One app request for legacy completions with its rounds, without mitmproxy."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from qwenproxy import completion
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.completion import AT_ONCE, Completion
from qwenproxy.endpoints.completions import CompletionCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Head, Json
from tests.support import completions as qwen
from tests.support.simulated import until
from tests.support.upstream import Connection, Reply, upstream
from tests.support.upstream import Upstream as Scripted

HEAD = Head("cmpl-1", "davinci-002", 1_700_000_000)
GAP = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"


def prompt_of(connection: Connection) -> str:
    said: str = connection.asked.json["messages"][-1]["content"]
    return said


async def repeat(connection: Connection) -> None:
    """Says the prompt again, in capitals."""
    text = prompt_of(connection).upper()
    stream = connection.asked.json["stream"]
    await connection.send(qwen.streamed(*text) if stream else qwen.completion(text))


def but(prompt: str, other: Reply) -> Reply:
    """Repeats, but for one prompt."""

    async def reply(connection: Connection) -> None:
        if prompt_of(connection) != prompt:
            await repeat(connection)
        elif isinstance(other, bytes):
            await connection.send(other)
        else:
            await other(connection)

    return reply


class Desk:
    """A service with one line, and its exchanges."""

    def __init__(self, found: Scripted, face: str) -> None:
        self.found = found
        self.settings = Settings(idle_timeout=5.0)
        address = f"http://127.0.0.1:{found.port}{face}"
        line = Line(Upstream(address, ApiKey("sk-1"), idle_timeout=5.0), self.settings)
        self.service = Service(self.settings, [line])
        self.record = Record("req_1", "POST", "completions", lambda: 0.0)

    @property
    def asked(self) -> list[Any]:
        return [asked.json for asked in self.found.asked]

    async def open(self, **fields: Any) -> Answer:
        call = CompletionCall(orjson.dumps({"model": "davinci-002", **fields}))
        return await Completion(self.service, call, HEAD, self.record, agent="app/1").open()

    async def whole(self, **fields: Any) -> Json:
        body = (await self.open(**fields)).body
        assert isinstance(body, bytes)
        answer: Json = orjson.loads(body)
        return answer

    async def stream(self, **fields: Any) -> list[Any]:
        """The payloads of a streamed answer."""
        body = (await self.open(stream=True, **fields)).body
        assert not isinstance(body, bytes)
        data = b""
        while piece := await body.read():
            data += piece
        await body.close()
        events = [line.removeprefix(b"data: ") for line in data.split(b"\n\n") if line.startswith(b"data: ")]
        return [event if event == b"[DONE]" else orjson.loads(event) for event in events]


@asynccontextmanager
async def desk(*replies: Reply, face: str = "/compatible-mode/v1") -> AsyncIterator[Desk]:
    async with upstream(*(replies or (repeat,))) as found:
        made = Desk(found, face)
        try:
            yield made
        finally:
            await made.service.retire()


def texts(answer: Json) -> list[str]:
    return [choice["text"] for choice in answer["choices"]]


async def test_one_prompt_is_one_call() -> None:
    async with desk() as found:
        answer = await found.whole(prompt="a")
    assert texts(answer) == ["A"]
    assert answer["usage"].items() >= qwen.USAGE.items()
    assert len(found.asked) == 1
    assert found.asked[0]["max_tokens"] == 16


@pytest.mark.parametrize("count", [2, AT_ONCE + 1, 3 * AT_ONCE])
async def test_every_prompt_has_its_choice_in_its_place(count: int) -> None:
    prompts = [f"prompt {n}" for n in range(count)]
    async with desk() as found:
        answer = await found.whole(prompt=prompts)
    assert texts(answer) == [prompt.upper() for prompt in prompts]
    assert [choice["index"] for choice in answer["choices"]] == list(range(count))
    assert answer["usage"]["total_tokens"] == 5 * count
    assert found.record.rounds == count


async def test_each_prompt_has_so_many_choices() -> None:
    async with desk() as found:
        answer = await found.whole(prompt=["a", "b"], n=2, echo=True)
    assert texts(answer) == ["aA", "aA", "bB", "bB"]
    assert answer["usage"]["total_tokens"] == 20


async def test_all_prompts_come_in_one_stream() -> None:
    prompts = [f"p{n}" for n in range(AT_ONCE + 2)]
    async with desk() as found:
        *chunks, usage, done = await found.stream(prompt=prompts, stream_options={"include_usage": True})
    said = [""] * len(prompts)
    finishes: list[int] = []
    for (choice,) in (chunk["choices"] for chunk in chunks):
        said[choice["index"]] += choice["text"]
        finishes += [choice["index"]] if choice["finish_reason"] else []
    assert said == [prompt.upper() for prompt in prompts]
    assert sorted(finishes) == list(range(len(prompts)))
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 5 * len(prompts), b"[DONE]")


async def test_the_first_prompt_goes_alone() -> None:
    """What it is refused for all would be."""
    async with desk(qwen.refused(400, "No.", code="invalid_parameter_error")) as found:
        with pytest.raises(ProxyError):
            await found.whole(prompt=["a", "b", "c"])
    assert len(found.asked) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_one_failure_fails_all(stream: bool) -> None:
    limited = qwen.refused(429, "Too many.", code="limit_requests")
    async with desk(but("b", limited)) as found:
        if stream:
            *_, last = await found.stream(prompt=["a", "b", "c"])
            assert last["error"]["code"] == "rate_limit_exceeded"
        else:
            with pytest.raises(ProxyError) as caught:
                await found.whole(prompt=["a", "b", "c"])
            assert caught.value.status == 429


async def test_a_fault_of_ours_is_told_rather_than_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: completion.Answers, events: Any, place: int) -> Any:
        raise ZeroDivisionError

    async with desk() as found:
        monkeypatch.setattr(completion.Answers, "_counted_on", fail)
        with pytest.raises(ProxyError) as caught:
            await asyncio.wait_for(found.whole(prompt=["a", "b"]), 5)
    assert caught.value.failure.code == "internal_error"


async def test_an_app_that_leaves_takes_its_calls_along() -> None:
    left = 0

    async def hang(connection: Connection) -> None:
        nonlocal left
        await connection.gone()
        left += 1

    async with desk(but("b", hang)) as found:
        asking = asyncio.create_task(found.whole(prompt=["a", "b", "b", "b"]))
        assert await until(lambda: len(found.asked) == 4)
        asking.cancel()
        assert await until(lambda: left == 3)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_gap_is_filled_by_the_models_own_call(stream: bool) -> None:
    async def fill(connection: Connection) -> None:
        text = orjson.dumps({"choices": [{"index": 0, "text": "return", "finish_reason": "stop"}]})
        head = b"content-type: text/event-stream\r\n" if stream else b"content-type: application/json\r\n"
        body = b"data: " + text + b"\n\ndata: [DONE]\n\n" if stream else text
        await connection.send(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body))

    fields = {"model": "qwen-coder-turbo", "prompt": "a", "suffix": "b", "max_tokens": 9}
    async with desk(fill) as found:
        if stream:
            chunk, *_ = await found.stream(**fields)
        else:
            chunk = await found.whole(**fields)
    assert texts(chunk) == ["return"]
    (asked,) = found.found.asked
    assert asked.path == "/compatible-mode/v1/completions"
    assert asked.json.items() >= {"model": "qwen-coder-turbo", "prompt": GAP, "max_tokens": 9}.items()
    assert not asked.json.keys() & {"messages", "suffix", "reasoning_effort", "enable_thinking"}


@pytest.mark.parametrize(
    ("model", "face"), [("qwen3-coder-plus", "/compatible-mode/v1"), ("qwen-coder-turbo", "/api/v1")]
)
async def test_a_suffix_is_refused_where_nothing_fills_gaps(model: str, face: str) -> None:
    async with desk(face=face) as found:
        with pytest.raises(ProxyError) as caught:
            await found.whole(model=model, prompt="a", suffix="b")
    assert (caught.value.status, caught.value.param) == (400, "suffix")
    assert found.asked == []


async def test_a_prompt_in_a_models_own_words_goes_by_chat_where_nothing_else_fills_gaps() -> None:
    async with desk() as found:
        assert texts(await found.whole(model="qwen3-coder-plus", prompt=GAP)) == [GAP.upper()]
