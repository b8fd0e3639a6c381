"""Compatible mode read: errors inside an answer, and answers that are none."""

from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.errors import UPSTREAM_BLOCKED, UPSTREAM_CUT, UPSTREAM_ERROR, UPSTREAM_GARBLED, Failure
from qwenproxy.wire.openai import Delta
from tests.dialects.reading import STREAM, chunk, play, reader
from tests.support.answers import Answer, written

STOP = chunk({}, "stop")


def failure(*chunks: bytes, content_type: str = STREAM) -> Failure:
    error = Answer(play([b"".join(chunks)], content_type=content_type)).error
    assert error is not None
    return error.failure


def message(*chunks: bytes) -> str:
    error = Answer(play([b"".join(chunks)])).error
    assert error is not None
    assert error.failure is UPSTREAM_ERROR, "as the given translation has it"
    return error.message


ERRORS: dict[str, tuple[Any, int]] = {
    "OpenAI's": ({"error": {"message": "no", "type": "x", "param": None, "code": "y"}}, 0),
    "with choices beside it": ({"choices": [{"delta": {"content": "x"}}], "error": {"message": "no"}}, 0),
    "a mere text": ({"error": "no"}, 0),
    "DashScope's": ({"code": "Throttling", "message": "no", "request_id": "r"}, 0),
    "DashScope's with a status": ({"status_code": 429, "code": "Throttling", "message": "no"}, 429),
    "vLLM's": ({"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400}, 400),
    "a status as code": ({"error": {"message": "no", "code": 503}}, 503),
    "a status as text": ({"error": {"message": "no", "code": "429"}}, 429),
    "a status beside it": ({"error": {"message": "no"}, "status": 500}, 500),
    "a number that is no status": ({"error": {"message": "no", "code": 1305, "status": 200}}, 0),
    "a status that is none": ({"error": {"message": "no", "code": "42901", "status": "5xx"}}, 0),
    "an error by name": ({"object": "error"}, 0),
    "a failed response that says no more": ({"status": "failed"}, 0),
    "a failed response": ({"status": "failed", "error": {"code": "server_error", "message": "no"}}, 0),
}


@pytest.mark.parametrize(("body", "status"), ERRORS.values(), ids=ERRORS.keys())
def test_an_error_in_an_answer_is_translated(body: Any, status: int) -> None:
    expected = f"{status} {orjson.dumps(body).decode()}"
    assert message(orjson.dumps(body)) == expected
    assert message(sse.encode(orjson.dumps(body))) == expected
    assert message(chunk({"content": "Hi"}), sse.encode(orjson.dumps(body)), STOP, sse.DONE) == expected


@pytest.mark.parametrize("finish", ["error_finish", "error", "abort"])
def test_a_failed_finish_is_an_error_and_its_text_is_not_the_answers(finish: str) -> None:
    events = play([chunk({"content": "Hi"}) + chunk({"content": "too busy"}, finish) + STOP])
    answer = Answer(events)
    assert answer.content == "Hi"
    assert answer.error is not None
    assert orjson.loads(answer.error.message.removeprefix("0 "))["error"]["message"] == "too busy"


def test_a_failed_finish_may_hold_an_error_body() -> None:
    body = '{"error":{"message":"too busy","code":"429"}}'
    assert message(chunk({"content": body}, "error_finish")) == f"429 {body}"


def test_a_failed_finish_without_a_word_is_an_error_too() -> None:
    assert "ended its answer with an error" in message(chunk({}, "error_finish"))


CUT: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b"\n\n",
    "comments": b": keep-alive\n\n",
    "a role": chunk({"role": "assistant", "content": ""}),
    "a role and the end": chunk({"role": "assistant", "content": ""}) + sse.DONE,
    "the end": sse.DONE,
    "usage": sse.encode(b'{"choices":[],"usage":{"prompt_tokens":1}}'),
    "an object": b"{}",
    "no choices": b'{"choices":[],"usage":{"prompt_tokens":1}}',
}


@pytest.mark.parametrize("data", CUT.values(), ids=CUT.keys())
def test_an_answer_that_said_nothing_may_be_asked_for_again(data: bytes) -> None:
    reading = reader()
    *before, error = [event for piece in (data, b"") for event in reading.feed(piece)]
    assert [event.delta for event in before if isinstance(event, Delta)] == [{"role": "assistant"}] * len(before)
    assert written(error)["error"] == UPSTREAM_CUT.code
    assert not reading.started
    assert reading.finished


def test_pages_and_garbage_are_errors() -> None:
    assert failure(b"<html>", content_type="text/html") is UPSTREAM_BLOCKED
    assert failure(b"Bad gateway", content_type="text/plain") is UPSTREAM_GARBLED
    assert failure(chunk({"content": "Hi"}), b"data: {]\n\n", STOP) is UPSTREAM_GARBLED
    assert failure(chunk({"content": "Hi"}, index=10**12)) is UPSTREAM_GARBLED
