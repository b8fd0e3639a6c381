"""A response in which nothing is generated."""

import time

from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.exchange import Answer
from qwenproxy.prewarming import Prepared, Prewarming
from qwenproxy.record import Record
from qwenproxy.wire.openai import Head
from tests.support.responses import read


async def prepared() -> tuple[Answer, Record]:
    record = Record("req_1", "WEBSOCKET", "responses", time.monotonic)
    call = ResponsesCall({"model": "gpt-4o", "input": [], "stream": True})
    return await Prewarming(call, Head("resp_1", "gpt-4o", 1), record).open(), record


async def test_it_is_completed_at_once_and_empty() -> None:
    answer, record = await prepared()
    assert isinstance(answer.body, Prepared)
    events = read(await answer.body.read())
    assert [event["type"] for event in events] == ["response.created", "response.in_progress", "response.completed"]
    assert [event["sequence_number"] for event in events] == [0, 1, 2]
    ended = events[-1]["response"]
    assert (ended["id"], ended["status"], ended["output"]) == ("resp_1", "completed", [])
    assert ended["usage"]["total_tokens"] == 0
    assert ended["completed_at"] is not None
    assert await answer.body.read() == b""
    await answer.body.close()
    assert record.facts()["status"] == 200


async def test_an_app_that_leaves_before_has_left() -> None:
    answer, record = await prepared()
    assert isinstance(answer.body, Prepared)
    await answer.body.close()
    assert record.facts()["status"] == 499
