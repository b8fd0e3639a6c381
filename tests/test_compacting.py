"""Two rounds of one exchange: a summary, and the answer to what it leaves."""

import asyncio
from typing import Any

import orjson
import pytest

from qwenproxy.compacting import NOTE, Compacting
from qwenproxy.endpoints.responses import compaction
from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.endpoints.responses.compaction import PREFACE, REQUEST, Stand
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.wire.openai import Json
from tests.endpoints.responses import asking as a
from tests.support import responses
from tests.support.completions import DONE, USAGE, completion, event, finish, refused, said, streamed
from tests.support.upstream import stream
from tests.test_exchange import CODER, Desk, body_of, desk, whole

SAID: list[Json] = [
    {"role": "developer", "content": "Be brief."},
    {"role": "user", "content": "I am Ann."},
    {"role": "assistant", "content": "Hi Ann."},
    {"role": "user", "content": "Who am I?"},
]
SUMMARY = {"role": "user", "content": f"{PREFACE}Ann said hello."}


def opening(at: Desk, **fields: Any) -> tuple[Compacting, Record]:
    call = ResponsesCall(orjson.dumps(a.asking(SAID, model=CODER, **fields)), seal=a.SEAL)
    record = Record("req_1", "POST", "responses", asyncio.get_running_loop().time)
    record.model, record.stream = call.model, call.stream
    return Compacting(at.service, call, a.HEAD, record, compacts=call, agent="app/1"), record


async def heard(exchange: Compacting) -> Json:
    """The response that a stream ends with, every event of which is checked."""
    body = body_of(await exchange.open())
    data = b""
    while piece := await body.read():
        data += piece
    await body.close()
    return responses.check(responses.read(data))


async def answered(exchange: Compacting) -> Json:
    response: Json = whole(await exchange.open())
    responses.validate_response(response)
    return response


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streamed"])
async def test_the_answer_is_to_the_summary_and_the_last_question(streams: bool) -> None:
    says = streamed if streams else completion
    async with desk(says("Ann said hello."), says("Ann.")) as at:
        exchange, record = opening(at, stream=streams)
        response = await (heard if streams else answered)(exchange)
        first, second = [asked.json["messages"] for asked in at.upstreams[0].asked]
        assert [message["content"] for message in first] == ["Be brief.", "I am Ann.", "Hi Ann.", REQUEST]
        assert [message["content"] for message in second] == ["Be brief.", SUMMARY["content"], "Who am I?"]
        standing, message = response["output"]
        assert compaction.opened(standing, a.SEAL, "") == Stand([SUMMARY, SAID[-1]], users=False)
        assert message["content"][0]["text"] == "Ann."
        assert response["usage"]["total_tokens"] == 2 * USAGE["total_tokens"]
        assert NOTE in record.changed
        assert record.rounds == 2


HALF: dict[str, bytes] = {
    "cut off by length": stream(said("Ann"), finish("length"), DONE),
    "filtered": stream(said("Ann"), finish("content_filter"), DONE),
    "blank": streamed(" "),
    "broken off": stream(said("Ann")),
    "failed on the way": stream(said("Ann"), event(error={"message": "x", "code": "internal_error"})),
    "refused": refused(400, "Too long.", code="invalid_parameter_error"),
}


@pytest.mark.parametrize("name", HALF)
async def test_on_half_a_summary_nothing_is_answered(name: str) -> None:
    async with desk(HALF[name], streamed("Whoever."), heartbeat=0.0) as at:
        exchange, _ = opening(at, stream=True)
        with pytest.raises(ProxyError):
            await exchange.open()
        assert len(at.upstreams[0].asked) == 1
