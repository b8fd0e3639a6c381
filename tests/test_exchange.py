"""One app request with its rounds, without mitmproxy."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from qwenproxy import errors, sse
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer, Body, Exchange, header_text
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.rounds import NOT_CALLED
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Head, Json
from tests.support import completions
from tests.support.completions import END, completion, failure, refused, said, streamed
from tests.support.simulated import until
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, Reply, chunk, stream, upstream

CODER, THINKER = "qwen3-coder-plus", "qwen3.7-plus"
NO_QUOTA = refused(429, "Free allocated quota exceeded.", code="insufficient_quota")
HEAD = Head("chatcmpl-1", "gpt-4o", 1)


def request(**fields: Any) -> Json:
    return {"model": CODER, "messages": [{"role": "user", "content": "Hello"}], **fields}


class Desk:
    """A service with one line for each upstream, and its exchanges."""

    def __init__(self, *upstreams: Any, key: str = "sk-1", **settings: Any) -> None:
        self.upstreams = upstreams
        self.key = key
        self.settings = Settings(**{"heartbeat": 0.0, "idle_timeout": 5.0, **settings})
        self.service = Service(self.settings, [self._line(found.port) for found in upstreams])
        self.records: list[Record] = []

    def _line(self, port: int) -> Line:
        address = f"http://127.0.0.1:{port}/compatible-mode/v1"
        return Line(Upstream(address, ApiKey(self.key), idle_timeout=self.settings.idle_timeout), self.settings)

    async def ask(self, **fields: Any) -> Answer:
        call = ChatCall(orjson.dumps(request(**fields)))
        record = Record("req_1", "POST", "chat", asyncio.get_running_loop().time)
        record.model, record.stream = call.model, call.stream
        self.records.append(record)
        return await Exchange(self.service, call, HEAD, record, agent="app/1").open()


@asynccontextmanager
async def desk(*replies: Reply, **settings: Any) -> AsyncIterator[Desk]:
    """A service of one line."""
    async with upstream(*replies) as found:
        made = Desk(found, **settings)
        yield made
        await made.service.retire()


@asynccontextmanager
async def two_lines(first: Sequence[Reply], second: Sequence[Reply]) -> AsyncIterator[Desk]:
    async with upstream(*first) as one, upstream(*second) as other:
        made = Desk(one, other)
        yield made
        await made.service.retire()


def whole(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return orjson.loads(answer.body)


def text(answer: Answer) -> Any:
    return whole(answer)["choices"][0]["message"]["content"]


def body_of(answer: Answer) -> Body:
    assert not isinstance(answer.body, bytes)
    return answer.body


async def listen(answer: Answer) -> list[Any]:
    """The payloads of a live body, which is then closed."""
    body, decoder, payloads = body_of(answer), sse.Decoder(), []
    while piece := await body.read():
        payloads += decoder.feed(piece)
    assert await body.read() == b""
    await body.close()
    return [payload if payload == b"[DONE]" else orjson.loads(payload) for payload in payloads]


async def test_a_whole_answer_has_its_headers_and_its_body() -> None:
    async with desk(completion("Hi")) as at:
        answer = await at.ask(logit_bias={"1": 1})
        assert (answer.status, text(answer), whole(answer)["id"], whole(answer)["model"]) == (200, "Hi", *HEAD[:2])
        assert answer.headers.pop("openai-processing-ms").isdigit()
        assert answer.headers == {
            "content-type": "application/json",
            "x-request-id": "req_1",
            "x-qwenproxy-model": CODER,
            "x-qwenproxy-dropped": "logit_bias",
            "openai-version": "2020-10-01",
        }
        (record,) = at.records
        assert (record.used, record.rounds, record.usage and record.usage["total_tokens"]) == (CODER, 1, 5)


async def test_a_streamed_answer_is_live(caplog: pytest.LogCaptureFixture) -> None:
    async with desk(streamed("Hel", "lo"), heartbeat=9.0) as at:
        answer = await at.ask(stream=True)
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.heartbeat == 9.0
        with caplog.at_level(logging.INFO):
            *chunks, done = await listen(answer)
    assert done == b"[DONE]"
    assert "".join(piece["delta"].get("content", "") for chunk in chunks for piece in chunk["choices"]) == "Hello"
    (line,) = caplog.records
    assert line.getMessage().startswith(f"POST chat 200 {CODER} stream first=")
    assert " tokens=3+2 " in line.getMessage()


@pytest.mark.parametrize("fields", [{}, {"stream": True}], ids=["whole", "streamed"])
@pytest.mark.parametrize(
    "reply", [refused(503, "Busy."), stream(failure("Busy.", code="ModelUnavailable"))], ids=["status", "first event"]
)
async def test_a_refusal_is_raised_as_long_as_the_app_has_nothing(reply: bytes, fields: Json) -> None:
    async with desk(reply) as at:
        with pytest.raises(ProxyError, match="Busy") as caught:
            await at.ask(**fields)
        assert caught.value.failure == errors.OVERLOADED
        assert len(at.upstreams[0].asked) == 1


KEY = "open/sesame=no-form-at-all"
LEAKS = f"The key {KEY} is used up."


@pytest.mark.parametrize(
    "reply",
    [refused(503, LEAKS), stream(failure(LEAKS)), stream(said("Hel"), failure(LEAKS))],
    ids=["refused", "first event", "later"],
)
@pytest.mark.parametrize("fields", [{}, {"stream": True}], ids=["whole", "streamed"])
async def test_the_credential_in_use_is_masked_whatever_it_looks_like(
    reply: bytes, fields: Json, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(reply, key=KEY) as at:
        try:
            told = repr(await listen(await at.ask(model=THINKER, **fields)))
        except ProxyError as e:
            told = e.message
        assert at.upstreams[0].asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert "The key [secret] is used up." in told
    assert KEY not in caplog.text


async def test_an_answer_has_to_begin_in_time() -> None:
    async def never(connection: Connection) -> None:
        await connection.gone()

    for fields in ({}, {"stream": True}):
        async with desk(never, opening_timeout=0.1) as at:
            with pytest.raises(ProxyError, match=r"not begun within 0\.1 s") as caught:
                await at.ask(**fields)
            assert (caught.value.status, caught.value.limit) == (504, "opening_timeout")


async def babbles(connection: Connection) -> None:
    await connection.send(STREAM_HEAD)
    while True:
        await connection.send(chunk(said("la")))
        await asyncio.sleep(0.01)


async def stops(connection: Connection) -> None:
    await connection.send(STREAM_HEAD + chunk(said("la")))
    await connection.gone()


@pytest.mark.parametrize("endless", [babbles, stops])
async def test_a_stream_has_to_end_in_time(endless: Reply) -> None:
    async with desk(endless, exchange_timeout=0.2) as at:
        *_, last = await listen(await at.ask(stream=True))
        assert last["error"]["code"] == "upstream_timeout"
        assert "exchange_timeout" in last["error"]["message"]
        assert at.records[0].limit == "exchange_timeout"


async def test_a_whole_answer_that_fails_late_is_no_answer() -> None:
    async with desk(stream(said("Hel"), failure("Broken."))) as at:
        with pytest.raises(ProxyError, match="Broken"):
            await at.ask(model=THINKER)


async def test_a_streamed_answer_that_fails_late_ends_in_the_error(caplog: pytest.LogCaptureFixture) -> None:
    async with desk(stream(said("Hel"), failure("Broken."), END)) as at:
        with caplog.at_level(logging.INFO):
            *_, last = await listen(await at.ask(stream=True))
    assert last["error"]["code"] == "upstream_error"
    (line,) = caplog.records
    assert line.getMessage().startswith(f"POST chat 502 {CODER} stream")


async def test_a_streamed_answer_that_is_broken_off_ends_in_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def endless(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("Hel")))
        await connection.gone()

    async with desk(endless) as at:
        body = body_of(await at.ask(stream=True))
        assert b"Hel" in await body.read()
        reading = asyncio.ensure_future(body.read())
        await asyncio.sleep(0)
        reading.cancel()
        with caplog.at_level(logging.INFO):
            told = await body.fail(ProxyError(errors.STOPPING, "The proxy is stopping."))
            assert await body.read() == b""
            assert await body.fail(ProxyError(errors.STOPPING, "The proxy is stopping.")) == b"", "once is enough"
            await body.close()
    assert orjson.loads(told.removeprefix(b"data: "))["error"]["code"] == "proxy_stopping"
    (line,) = caplog.records
    assert line.getMessage().startswith(f"POST chat 503 {CODER} stream")


async def test_a_stream_is_opened_when_a_heartbeat_is_due() -> None:
    go_on = asyncio.Event()

    async def late(connection: Connection) -> None:
        await go_on.wait()
        await connection.send(streamed("Hello"))

    async with desk(late, heartbeat=0.05) as at:
        answer = await at.ask(stream=True)
        go_on.set()
        assert (await listen(answer))[-1] == b"[DONE]"


async def test_a_body_that_is_closed_before_it_began_ends_the_call(caplog: pytest.LogCaptureFixture) -> None:
    left = asyncio.Event()

    async def never(connection: Connection) -> None:
        await connection.gone()
        left.set()

    async with desk(never, heartbeat=0.05) as at:
        answer = await at.ask(stream=True)
        assert await until(lambda: bool(at.upstreams[0].asked))
        with caplog.at_level(logging.INFO):
            await body_of(answer).close()
        await asyncio.wait_for(left.wait(), 5)
    assert [line.getMessage().split()[2] for line in caplog.records] == ["499"]


async def test_a_body_is_closed_even_if_whoever_closes_it_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """The end of a chunked answer comes late: until then closing waits."""
    go_on = asyncio.Event()

    async def late(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("Hello") + END))
        await go_on.wait()
        await connection.send(STREAM_END)

    async with desk(late) as at:
        body = body_of(await at.ask(stream=True))
        while await body.read():
            pass
        with caplog.at_level(logging.INFO):
            closing = asyncio.create_task(body.close())
            await asyncio.sleep(0.01)
            closing.cancel()
            go_on.set()
            assert await until(lambda: bool(caplog.records))
    assert caplog.records[0].getMessage().split()[2] == "200"


class Gates:
    """Replies that wait until so many have been asked for at once."""

    def __init__(self, at_once: int) -> None:
        self._waiting = asyncio.Barrier(at_once)

    async def __call__(self, connection: Connection) -> None:
        await self._waiting.wait()
        await connection.send(completion("Hello"))


async def test_of_several_rounds_the_first_goes_alone_and_the_others_at_once() -> None:
    async with desk(completion("Hello"), Gates(3)) as at, asyncio.timeout(5):
        answer = await at.ask(n=4)
        assert [choice["index"] for choice in whole(answer)["choices"]] == [0, 1, 2, 3]
        assert whole(answer)["usage"]["total_tokens"] == 20
        assert at.records[0].rounds == 4


async def test_what_the_first_round_is_refused_for_the_others_are_not_asked() -> None:
    async with desk(refused(400, "No.")) as at:
        with pytest.raises(ProxyError, match="No"):
            await at.ask(n=4)
        assert len(at.upstreams[0].asked) == 1


async def test_if_a_later_round_is_refused_all_are_and_nothing_stays_open() -> None:
    left = asyncio.Event()

    async def first(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + chunk(said("Hello")))
        await connection.gone()
        left.set()

    async with desk(first, refused(503, "Busy.")) as at:
        with pytest.raises(ProxyError, match="Busy"):
            await at.ask(n=3, stream=True)
        await asyncio.wait_for(left.wait(), 5)


async def test_an_answer_that_says_nothing_is_asked_for_once_more() -> None:
    empty = stream(completions.TOTALS, completions.DONE)
    async with desk(empty, streamed("Hello")) as at:
        assert text(await at.ask(model=THINKER)) == "Hello"
    async with desk(empty) as at:
        with pytest.raises(ProxyError) as caught:
            await at.ask(model=THINKER)
        assert caught.value.failure == errors.UPSTREAM_CUT
        assert len(at.upstreams[0].asked) == 2


async def test_what_a_refusal_teaches_is_mended_and_told() -> None:
    refusal = refused(400, "Range of max_tokens should be [1, 64]", code="invalid_parameter_error")
    async with desk(refusal, completion("Hi")) as at:
        answer = await at.ask(max_tokens=1000)
        assert answer.headers["x-qwenproxy-learned"] == "max_output=64"
        assert "x-qwenproxy-learned" not in (await at.ask(max_tokens=1000)).headers
        assert [asked.json["max_tokens"] for asked in at.upstreams[0].asked] == [1000, 64, 64]


async def test_a_key_without_quota_is_put_aside_for_the_next_line() -> None:
    async with two_lines([NO_QUOTA], [completion("Hello from the second")]) as at:
        for _ in range(2):
            assert text(await at.ask()) == "Hello from the second"
        assert [len(found.asked) for found in at.upstreams] == [1, 2]


async def test_what_is_wrong_with_the_request_is_not_tried_on_another_line() -> None:
    async with two_lines([refused(400, "No.")], [completion()]) as at:
        with pytest.raises(ProxyError, match="No"):
            await at.ask()
        assert at.upstreams[1].asked == []


async def test_if_every_line_is_without_quota_the_last_one_says_so() -> None:
    async with two_lines([NO_QUOTA], [NO_QUOTA]) as at:
        with pytest.raises(ProxyError) as caught:
            await at.ask(stream=True)
        assert caught.value.failure == errors.QUOTA


async def test_a_forced_call_that_does_not_come_is_told_in_the_log() -> None:
    look = {"type": "function", "function": {"name": "look"}}
    async with desk(completion("Hi")) as at:
        assert text(await at.ask(tools=[look], tool_choice="required")) == "Hi"
        assert NOT_CALLED in at.records[0].changed


def test_a_header_is_printable_whatever_a_model_is_called() -> None:
    assert header_text("my\r\nmodel-é 1") == "my??model-? 1"
    assert len(header_text("x" * 9_000)) == 500
