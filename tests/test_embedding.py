"""One app request for embeddings with its rounds, without mitmproxy."""

import asyncio
import base64
import logging
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from qwenproxy import errors
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.embedding import AT_ONCE, Embedding, patience, placed
from qwenproxy.endpoints.embeddings import EmbeddingCall
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.lines import ROWS_KEPT, Line
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Json
from tests.support.completions import refused
from tests.support.simulated import until
from tests.support.upstream import Connection, Reply, upstream, whole
from tests.support.upstream import Upstream as Scripted

V4 = "text-embedding-v4"
NO_QUOTA = refused(429, "Free allocated quota exceeded.", code="insufficient_quota")
TOO_MANY = refused(
    400, "batch size is invalid, it should not be larger than 4.: input.contents", code="InvalidParameter"
)
LIMITED = refused(429, "Too many requests.", code="limit_requests", headers={"retry-after": "0.02"})
BUSY = refused(503, "Busy.", code="ModelUnavailable", headers={"retry-after": "0.02"})


def number(text: str) -> float:
    """The one number of the vector of *text*, which ends in it."""
    return float(text.rpartition(" ")[2])


async def embed(connection: Connection) -> None:
    """Answers as the compatible mode does, last input first."""
    texts = connection.asked.json["input"]
    data = [{"index": i, "embedding": [number(text), 0.5]} for i, text in enumerate(texts)]
    await connection.send(whole({"data": data[::-1], "usage": {"prompt_tokens": len(texts)}}))


def unless(fits: Callable[[Sequence[str]], bool], other: Reply) -> Reply:
    """Embeds, but for calls whose inputs are such that *fits*: those get *other*."""

    async def reply(connection: Connection) -> None:
        if not fits(connection.asked.json["input"]):
            await embed(connection)
        elif isinstance(other, bytes):
            await connection.send(other)
        else:
            await other(connection)

    return reply


def once(fits: Callable[[Sequence[str]], bool], other: Reply) -> Reply:
    """The same, the first time only."""
    times = iter([True])
    return unless(lambda texts: fits(texts) and next(times, False), other)


class Desk:
    """A service with one line for each upstream, and its exchanges."""

    def __init__(self, *upstreams: Scripted, face: str = "/compatible-mode/v1", **settings: Any) -> None:
        self.upstreams = upstreams
        self.settings = Settings(**{"idle_timeout": 5.0, **settings})
        self.service = Service(self.settings, [self._line(found.port, face) for found in upstreams])
        self.records: list[Record] = []

    def _line(self, port: int, face: str) -> Line:
        address = f"http://127.0.0.1:{port}{face}"
        return Line(Upstream(address, ApiKey("sk-1"), idle_timeout=self.settings.idle_timeout), self.settings)

    @property
    def asked(self) -> list[Any]:
        """The bodies of all calls."""
        return [asked.json for found in self.upstreams for asked in found.asked]

    async def ask(self, count: int = 1, **fields: Any) -> Answer:
        body: Json = {"model": V4, "input": [f"text {n}" for n in range(count)], **fields}
        call = EmbeddingCall(orjson.dumps(body))
        record = Record("req_1", "POST", "embeddings", asyncio.get_running_loop().time)
        record.model = call.model
        self.records.append(record)
        return await Embedding(self.service, call, record, agent="app/1").open()


@asynccontextmanager
async def desk(*replies: Reply, **settings: Any) -> AsyncIterator[Desk]:
    """A service of one line."""
    async with upstream(*(replies or (embed,))) as found:
        made = Desk(found, **settings)
        try:
            yield made
        finally:
            await made.service.retire()


def said(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return orjson.loads(answer.body)


def numbers(answer: Answer) -> list[float]:
    """The first number of each vector, in order."""
    data = said(answer)["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return [item["embedding"][0] for item in data]


async def test_one_input_is_one_call() -> None:
    async with desk() as at:
        answer = await at.ask(user="anne")
        assert said(answer) == {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": [0.0, 0.5]}],
            "model": V4,
            "usage": {"prompt_tokens": 1, "total_tokens": 1},
        }
        assert answer.headers.pop("openai-processing-ms").isdigit()
        assert answer.headers == {
            "content-type": "application/json",
            "x-request-id": "req_1",
            "x-qwenproxy-model": V4,
            "x-qwenproxy-dropped": "user",
            "openai-version": "2020-10-01",
        }
        assert at.asked == [{"model": V4, "input": ["text 0"], "encoding_format": "float"}]


@pytest.mark.parametrize(("count", "calls"), [(10, 1), (11, 2), (23, 3), (2048, 205)])
async def test_many_inputs_are_several_calls_put_together_in_order(count: int, calls: int) -> None:
    async with desk() as at:
        answer = await at.ask(count)
        assert numbers(answer) == [float(n) for n in range(count)]
        assert said(answer)["usage"] == {"prompt_tokens": count, "total_tokens": count}
        assert max(len(body["input"]) for body in at.asked) == min(count, 10)
        assert (len(at.asked), at.records[0].rounds) == (calls, calls)


async def test_base64_is_made_of_the_numbers() -> None:
    async with desk() as at:
        (item,) = said(await at.ask(encoding_format="base64"))["data"]
        assert struct.unpack("<2f", base64.b64decode(item["embedding"])) == (0.0, 0.5)
        assert at.asked[0]["encoding_format"] == "float"


async def test_openais_model_becomes_qwens_with_vectors_of_the_same_length() -> None:
    async def sized(connection: Connection) -> None:
        await connection.send(whole({"data": [{"embedding": [0.0] * connection.asked.json["dimensions"]}]}))

    async with desk(sized) as at:
        answer = await at.ask(model="text-embedding-3-small")
        assert (said(answer)["model"], answer.headers["x-qwenproxy-model"]) == ("text-embedding-3-small", V4)
        assert len(said(answer)["data"][0]["embedding"]) == 1536
        assert at.records[0].changed == ("dimensions: 1536, as text-embedding-3-small gives",)


async def test_the_line_of_the_log_has_the_figures(caplog: pytest.LogCaptureFixture) -> None:
    async with desk() as at:
        await at.ask(23, user="anne")
        with caplog.at_level(logging.INFO):
            at.records[0].close()
    facts = at.records[0].facts()
    told = {name: facts[name] for name in ("used", "prompt_tokens", "rounds", "dropped")}
    assert told == {"used": V4, "prompt_tokens": 23, "rounds": 3, "dropped": ["user"]}


class Gates:
    """Embeds as soon as so many calls wait at once, the first one alone."""

    def __init__(self, at_once: int) -> None:
        self._waiting = asyncio.Barrier(at_once)
        self._first = True
        self.most = self._now = 0

    async def __call__(self, connection: Connection) -> None:
        self._now += 1
        self.most = max(self.most, self._now)
        if not self._first:
            await self._waiting.wait()
        self._first = False
        self._now -= 1
        await embed(connection)


async def test_the_first_call_goes_alone_and_so_many_at_once_after_it() -> None:
    gates = Gates(AT_ONCE)
    async with desk(gates) as at, asyncio.timeout(5):
        assert len(numbers(await at.ask(10 + 3 * 10 * AT_ONCE))) == 250
    assert gates.most == AT_ONCE


async def test_what_the_first_call_is_refused_for_the_others_are_not_asked() -> None:
    async with desk(refused(400, "No.")) as at:
        with pytest.raises(ProxyError, match=r"No\. .*\(It is about input\[0\] to input\[9\]\.\)") as caught:
            await at.ask(100)
        assert caught.value.failure is errors.INVALID_REQUEST
        assert len(at.asked) == 1


async def test_a_later_call_that_is_refused_fails_all_and_the_others_are_cancelled() -> None:
    left = asyncio.Event()

    async def never(connection: Connection) -> None:
        await connection.gone()
        left.set()

    async def late(connection: Connection) -> None:
        texts = connection.asked.json["input"]
        if "text 0" in texts:
            await embed(connection)
        elif "text 10" in texts:
            await connection.send(refused(400, "No."))
        else:
            await never(connection)

    async with desk(late) as at:
        with pytest.raises(ProxyError, match=r"No\. .*\(It is about input\[10\] to input\[19\]\.\)"):
            await at.ask(40)
        await asyncio.wait_for(left.wait(), 5)


async def test_an_app_that_leaves_ends_every_call() -> None:
    gone: list[str] = []

    async def never(connection: Connection) -> None:
        await connection.gone()
        gone.append(connection.asked.json["input"][0])

    async with desk(unless(lambda texts: "text 0" not in texts, never)) as at:
        asking = asyncio.create_task(at.ask(30))
        assert await until(lambda: len(at.asked) == 3)
        asking.cancel()
        assert await until(lambda: sorted(gone) == ["text 10", "text 20"])
        with pytest.raises(asyncio.CancelledError):
            await asking


@pytest.mark.parametrize("trouble", [LIMITED, BUSY], ids=["limited", "busy"])
async def test_an_upstream_that_is_overrun_is_waited_for_once_others_have_answered(trouble: bytes) -> None:
    async with desk(once(lambda texts: "text 15" in texts, trouble)) as at:
        assert numbers(await at.ask(30)) == [float(n) for n in range(30)]
        assert at.records[0].rounds == 4


async def test_it_is_not_waited_for_for_ever() -> None:
    async with desk(unless(lambda texts: "text 15" in texts, LIMITED)) as at:
        with pytest.raises(ProxyError) as caught:
            await at.ask(30)
        assert caught.value.failure is errors.RATE_LIMIT
        assert [body["input"][0] for body in at.asked].count("text 10") == 3


async def test_the_first_call_leaves_the_waiting_to_the_app() -> None:
    async with desk(LIMITED) as at:
        with pytest.raises(ProxyError) as caught:
            await at.ask()
        assert caught.value.retry_after == 0.02
        assert len(at.asked) == 1


async def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    cut = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"

    async def breaking(connection: Connection) -> None:
        await connection.send(cut)
        connection.writer.close()

    async with desk(once(lambda texts: True, breaking)) as at:
        assert numbers(await at.ask()) == [0.0]
    async with desk(once(lambda texts: True, whole(b'{"data":[{"index":0,"embedding":[0.'))) as at:
        assert numbers(await at.ask()) == [0.0], "a proxy in between may call half an answer whole"


async def test_a_limit_that_there_is_no_room_to_keep_is_kept_to_all_the_same() -> None:
    async with desk(unless(lambda texts: len(texts) > 4, TOO_MANY)) as at:
        line = at.service.lines[0]
        line.batches.update({f"model-{number}": 5 for number in range(ROWS_KEPT)})
        assert numbers(await at.ask(9)) == [float(n) for n in range(9)]
        assert [len(body["input"]) for body in at.asked] == [9, 4, 4, 1]


async def test_a_limit_that_nobody_knew_is_learned_and_kept() -> None:
    async with desk(unless(lambda texts: len(texts) > 4, TOO_MANY)) as at:
        answer = await at.ask(9)
        assert numbers(answer) == [float(n) for n in range(9)]
        assert answer.headers["x-qwenproxy-learned"] == "batch=4"
        assert "x-qwenproxy-learned" not in (await at.ask(9)).headers
        assert [len(body["input"]) for body in at.asked] == [9, 4, 4, 1, 4, 4, 1]


async def test_a_limit_that_teaches_nothing_is_an_error() -> None:
    async with desk(TOO_MANY) as at:
        with pytest.raises(ProxyError, match="should not be larger than 4"):
            await at.ask(9)
        assert [len(body["input"]) for body in at.asked] == [9, 4]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ["a", "word " * 9_000]}, "input[1]"),
        ({"dimensions": 1000}, "dimensions"),
        ({"output_type": "sparse"}, "output_type"),
        ({"model": "qwen3-vl-embedding"}, "model"),
    ],
)
async def test_what_is_sure_to_be_refused_is_not_sent(fields: Json, param: str) -> None:
    async with desk() as at:
        with pytest.raises(ProxyError) as caught:
            await at.ask(**fields)
        assert (caught.value.status, caught.value.param) == (400, param)
        assert not at.asked


async def test_an_input_that_the_upstream_finds_too_long_is_named() -> None:
    long = refused(400, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 8192]")
    async with desk(unless(lambda texts: "text 10" in texts, long)) as at:
        with pytest.raises(ProxyError, match="Split the input") as caught:
            await at.ask(11)
        assert (caught.value.failure, caught.value.param) == (errors.CONTEXT_LENGTH, "input[10]")


@pytest.mark.parametrize(
    ("reply", "failure", "message"),
    [
        (whole({"data": []}), errors.UPSTREAM_GARBLED, "0 vectors for 1 inputs"),
        (whole({"data": [{"embedding": [None] * 512}]}), errors.UPSTREAM_GARBLED, "no numbers"),
        (whole({"data": [{"embedding": [0.5]}]}), errors.UPSTREAM_GARBLED, "1 dimensions, not 512"),
        (whole(b"<html>Please slide.</html>", content_type="text/html"), errors.UPSTREAM_BLOCKED, "Please slide"),
        (whole({"error": {"message": "Broken.", "code": "internal_error"}}), errors.UPSTREAM_ERROR, "Broken"),
    ],
    ids=["none", "nulls", "another size", "a page", "an error in a 200"],
)
async def test_what_is_no_answer_is_an_error(reply: bytes, failure: Failure, message: str) -> None:
    async with desk(reply) as at:
        with pytest.raises(ProxyError, match=message) as caught:
            await at.ask(dimensions=512)
        assert caught.value.failure is failure


async def test_vectors_of_two_lengths_are_an_error() -> None:
    short = whole({"data": [{"embedding": [0.5]}]})
    async with desk(unless(lambda texts: "text 10" in texts, short)) as at:
        with pytest.raises(ProxyError, match="1 dimensions, not 2"):
            await at.ask(11)


@asynccontextmanager
async def two_lines(first: Reply, second: Reply, **settings: Any) -> AsyncIterator[Desk]:
    async with upstream(first) as one, upstream(second) as other:
        made = Desk(one, other, **settings)
        try:
            yield made
        finally:
            await made.service.retire()


async def test_a_key_without_quota_is_put_aside_for_the_next_line() -> None:
    async with two_lines(NO_QUOTA, embed) as at:
        for _ in range(2):
            assert numbers(await at.ask()) == [0.0]
        assert [len(found.asked) for found in at.upstreams] == [1, 2]


async def test_all_of_an_answer_is_from_one_line() -> None:
    async with two_lines(unless(lambda texts: "text 15" in texts, NO_QUOTA), embed) as at:
        assert numbers(await at.ask(20)) == [float(n) for n in range(20)]
        assert [len(found.asked) for found in at.upstreams] == [2, 2]


async def test_a_line_that_gives_other_vectors_is_not_fallen_over_to() -> None:
    async with upstream(NO_QUOTA) as one, upstream(embed) as other:
        compatible, native = Desk(one), Desk(other, face="/v1beta")
        at = Desk()
        at.service = Service(at.settings, [*compatible.service.lines, *native.service.lines])
        for _ in range(2):
            with pytest.raises(ProxyError) as caught:
                await at.ask()
            assert caught.value.failure is errors.QUOTA
        assert not other.asked
        await at.service.retire()


async def test_an_upstream_without_embeddings_says_so() -> None:
    settings = Settings()
    portal = Line(Upstream("https://portal.qwen.ai/v1", ApiKey("sk-1"), idle_timeout=5.0), settings)
    at = Desk()
    at.service = Service(settings, [portal])
    with pytest.raises(ProxyError, match="oauth-portal") as caught:
        await at.ask()
    assert (caught.value.status, caught.value.failure) == (404, errors.UNSUPPORTED_ENDPOINT)


async def test_unsupported_fields_are_refused_if_they_are_to_be() -> None:
    async with desk(unsupported="refuse") as at:
        with pytest.raises(ProxyError, match="'text_type' is not supported"):
            await at.ask(text_type="query")


async def test_an_answer_of_many_megabytes_comes_in_pieces(caplog: pytest.LogCaptureFixture) -> None:
    async def long(connection: Connection) -> None:
        data = [{"embedding": [0.123456789] * 20_000}] * len(connection.asked.json["input"])
        await connection.send(whole({"data": data, "usage": {"total_tokens": 1}}))

    async with desk(long) as at:
        answer = await at.ask(10)
        assert not isinstance(answer.body, bytes)
        pieces: list[bytes] = []
        while piece := await answer.body.read():
            pieces.append(piece)
        assert len(pieces) > 3
        assert len(orjson.loads(b"".join(pieces))["data"]) == 10
        with caplog.at_level(logging.INFO):
            await answer.body.close()
        assert caplog.records[0].getMessage().split()[2] == "200"


async def test_an_app_that_leaves_a_long_answer_is_noted(caplog: pytest.LogCaptureFixture) -> None:
    async def long(connection: Connection) -> None:
        await connection.send(whole({"data": [{"embedding": [0.123456789] * 200_000}] * 10}))

    async with desk(long) as at:
        answer = await at.ask(10)
        assert not isinstance(answer.body, bytes)
        await answer.body.read()
        with caplog.at_level(logging.INFO):
            await answer.body.close()
    assert caplog.records[0].getMessage().split()[2] == "499"


@pytest.mark.parametrize(
    ("failure", "retry_after", "answered", "seconds"),
    [
        (errors.UPSTREAM_CUT, None, False, 0.0),
        (errors.RATE_LIMIT, 5.0, True, 5.0),
        (errors.RATE_LIMIT, None, True, 0.5),
        (errors.OVERLOADED, 20.0, True, 20.0),
        (errors.RATE_LIMIT, 20.1, True, None),
        (errors.RATE_LIMIT, 5.0, False, None),
        (errors.QUOTA, None, True, None),
        (errors.INTERNAL, None, True, None),
        (errors.INVALID_REQUEST, None, True, None),
        (errors.UPSTREAM_KEY, None, True, None),
    ],
    ids=lambda value: value.code if isinstance(value, Failure) else str(value),
)
def test_what_is_worth_another_try(
    failure: Failure, retry_after: float | None, answered: bool, seconds: float | None
) -> None:
    assert patience(ProxyError(failure, "x", retry_after=retry_after), answered) == seconds


def test_an_error_about_the_only_input_needs_no_place() -> None:
    error = ProxyError(errors.RATE_LIMIT, "Wait.", retry_after=3, headers={"a": "b"})
    found = placed(error, (0,), 1)
    assert (found.message, found.param, found.headers()) == ("Wait.", None, error.headers())
    assert placed(error, (7,), 9).message == "Wait. (It is about input[7].)"
    assert placed(ProxyError(errors.CONTEXT_LENGTH, "x", param="messages"), (0,), 1).param == "input"
