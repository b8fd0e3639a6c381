"""Compatible mode read: every oddity of the wire by itself."""

from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.errors import UPSTREAM_BLOCKED, UPSTREAM_CUT, UPSTREAM_ERROR, UPSTREAM_GARBLED, Failure
from qwenproxy.wire.openai import Delta, Json
from tests.dialects.reading import STREAM, chunk, play, reader
from tests.support.answers import Answer, written


def answered(*chunks: bytes, done: bool = True) -> Answer:
    return Answer(play([b"".join(chunks) + (sse.DONE if done else b"")]))


STOP = chunk({}, "stop")


def test_events_come_as_soon_as_they_are_known() -> None:
    reading = reader()
    assert len(reading.feed(chunk({"role": "assistant", "content": ""}))) == 1
    assert not reading.started, "a role says nothing: the request could be sent again"
    assert len(reading.feed(chunk({"content": "Hi"}))) == 1
    assert reading.started
    assert len(reading.feed(chunk({"content": " you"}) * 3)) == 3
    assert reading.feed(STOP) == []
    assert reading.answered
    assert not reading.finished
    assert len(reading.feed(sse.DONE)) == 1
    assert reading.finished
    assert reading.feed(chunk({"content": "!"})) == []
    assert reading.feed(b"") == []


def test_whole_and_streamed_answers_say_the_same() -> None:
    call = {"index": 0, "id": "x", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    message = {"role": "assistant", "content": "<think>a</think>b", "refusal": "c", "tool_calls": [call]}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}], "usage": {}}
    streamed = {"choices": [{"index": 0, "delta": message, "finish_reason": "stop", "logprobs": None}], "usage": {}}
    assert play([orjson.dumps(whole)]) == play([sse.encode(orjson.dumps(streamed)) + sse.DONE])
    assert play([orjson.dumps(whole)], content_type="application/json") == play([orjson.dumps(whole)])


def test_whole_answers_with_several_choices() -> None:
    choices = [{"index": at, "message": {"content": text}, "finish_reason": "stop"} for at, text in enumerate("abc")]
    events = play([orjson.dumps({"choices": choices})])
    assert [Answer(events, at).content for at in range(3)] == ["a", "b", "c"]


DELTAS: dict[str, tuple[Any, str]] = {
    "text": ("Hi", "Hi"),
    "parts": ([{"type": "text", "text": "H"}, {"text": "i"}], "Hi"),
    "parts that are text": (["H", "i"], "Hi"),
    "one part": ({"type": "text", "text": "Hi"}, "Hi"),
    "parts of other kinds": ([{"type": "image", "image": "x"}, {"text": 5}, None, 1, [["x"]], {"text": "Hi"}], "Hi"),
    "a number": (5, ""),
    "a truth": (True, ""),
    "nothing": (None, ""),
}


@pytest.mark.parametrize(("value", "text"), DELTAS.values(), ids=DELTAS.keys())
@pytest.mark.parametrize("key", ["content", "reasoning_content", "reasoning", "refusal"])
def test_texts_come_in_several_shapes(key: str, value: Any, text: str) -> None:
    answer = answered(chunk({key: value}), STOP)
    assert {answer.content, answer.reasoning, answer.refusal} == {text, ""}


def test_reasoning_under_both_names_is_said_once() -> None:
    assert answered(chunk({"reasoning_content": "a", "reasoning": "a"}), STOP).reasoning == "a"
    assert answered(chunk({"reasoning_content": "", "reasoning": "a"}), STOP).reasoning == "a"


def test_reasoning_comes_before_content_and_content_before_calls() -> None:
    call = {"id": "x", "function": {"name": "now"}}
    events = play([chunk({"tool_calls": [call], "content": "b", "reasoning_content": "a"}, "stop") + sse.DONE])
    keys = [next(iter(written(event)["delta"]), None) for event in events]
    assert keys == ["role", "reasoning_content", "content", "tool_calls", "tool_calls", None]


INDEXES: dict[str, tuple[Any, int]] = {
    "a number": (1, 1),
    "a whole float": (1.0, 1),
    "a broken float": (1.5, 0),
    "a negative number": (-1, 0),
    "text": ("1", 0),
    "a truth": (True, 0),
    "nothing": (None, 0),
    "a list": ([], 0),
}


@pytest.mark.parametrize(("index", "choice"), INDEXES.values(), ids=INDEXES.keys())
def test_an_index_that_is_none_is_the_place(index: Any, choice: int) -> None:
    events = play([chunk({"content": "Hi"}, "stop", index=index) + sse.DONE])
    assert Answer(events, choice).content == "Hi"


def failure(*chunks: bytes, content_type: str = STREAM) -> Failure:
    error = Answer(play([b"".join(chunks)], content_type=content_type)).error
    assert error is not None
    return error.failure


def message(*chunks: bytes) -> str:
    error = Answer(play([b"".join(chunks)])).error
    assert error is not None
    assert error.failure is UPSTREAM_ERROR, "as the given translation has it"
    return error.message


ARGUMENTS: dict[str, tuple[Any, str]] = {
    "text": ('{"a": 1}', '{"a": 1}'),
    "an object": ({"a": 1}, '{"a":1}'),
    "an empty object": ({}, "{}"),
    "nothing": (None, "{}"),
    "a list": ([1], "[1]"),
    "a number": (5, "5"),
    "no": (False, "false"),
}


@pytest.mark.parametrize(("value", "text"), ARGUMENTS.values(), ids=ARGUMENTS.keys())
@pytest.mark.parametrize("shape", ["tool_calls", "a single object", "without function", "function_call"])
def test_calls_come_in_several_shapes(shape: str, value: Any, text: str) -> None:
    function = {"name": "now", "arguments": value}
    deltas: dict[str, Json] = {
        "tool_calls": {"tool_calls": [{"index": 0, "id": "x", "function": function}]},
        "a single object": {"tool_calls": {"id": "x", "function": function}},
        "without function": {"tool_calls": [{"id": "x", **function}]},
        "function_call": {"function_call": function},
    }
    answer = answered(chunk(deltas[shape]), chunk({}, "function_call"))
    id = "call_new0" if shape == "function_call" else "x"
    assert (answer.calls, answer.finish) == ([(id, "now", text)], "tool_calls")


def test_ids_may_be_numbers() -> None:
    assert answered(chunk({"tool_calls": [{"id": 7, "name": "now"}]}), STOP).calls == [("7", "now", "{}")]


def test_a_call_under_both_names_is_made_once() -> None:
    function = {"name": "now", "arguments": "{}"}
    answer = answered(chunk({"tool_calls": [{"id": "x", "function": function}], "function_call": function}), STOP)
    assert answer.calls == [("x", "now", "{}")]


@pytest.mark.parametrize("indexes", [(0, 0), (None, None), (0, None), ("0", "1")])
def test_calls_in_one_list_are_different_calls(indexes: tuple[Any, Any]) -> None:
    calls = [{"index": index, "function": {"name": "now", "arguments": "{}"}} for index in indexes]
    assert [name for _, name, _ in answered(chunk({"tool_calls": calls}), STOP).calls] == ["now", "now"]


@pytest.mark.parametrize("calls", [5, "x", [5, None, "x", []], [{}], [{"function": []}], [{"function": {"name": 5.5}}]])
def test_calls_that_are_none_are_passed_over(calls: Any) -> None:
    answer = answered(chunk({"content": "Hi", "tool_calls": calls}), STOP)
    assert (answer.content, answer.calls, answer.finish) == ("Hi", [], "stop")


@pytest.mark.parametrize("finish", [None, "", "null", 5, ["stop"], {"type": "stop"}, True])
def test_what_is_no_finish_is_none(finish: Any) -> None:
    assert Answer(play([chunk({"content": "Hi"}, finish)])).error is not None


def test_a_message_behind_deltas_says_nothing_new() -> None:
    summary = sse.encode(
        orjson.dumps({"choices": [{"index": 0, "message": {"content": "Hi you"}, "finish_reason": "stop"}]})
    )
    assert answered(chunk({"content": "Hi"}), chunk({"content": " you"}), summary).content == "Hi you"


def test_legacy_completions_are_read_too() -> None:
    texts = [
        sse.encode(orjson.dumps({"choices": [{"index": 0, "text": text, "logprobs": None}]})) for text in ("a", "b")
    ]
    assert answered(*texts, STOP).content == "ab"


LOGPROBS: dict[str, tuple[Any, Json | None]] = {
    "content": ({"content": [{"token": "Hi"}]}, {"content": [{"token": "Hi"}]}),
    "nothing in it": ({"content": None, "refusal": None}, None),
    "empty": ({}, None),
    "a list": ([1], None),
    "nothing": (None, None),
}


@pytest.mark.parametrize(("value", "said"), LOGPROBS.values(), ids=LOGPROBS.keys())
def test_logprobs_are_passed_on_if_they_say_anything(value: Any, said: Json | None) -> None:
    events = play([chunk({"content": "Hi"}, "stop", logprobs=value) + sse.DONE])
    assert written(events[1]).get("logprobs") == said


HOSTILE: list[Any] = [
    {},
    {"choices": None},
    {"choices": "x"},
    {"choices": 5},
    {"choices": {}},
    {"choices": [None, 1, "x", []]},
    {"choices": [{}]},
    {"choices": [{"delta": "x"}]},
    {"choices": [{"delta": []}]},
    {"choices": [{"delta": None, "message": "x"}]},
    {"choices": [{"delta": {"role": 5, "content": {}}}]},
    {"choices": [{"delta": {"audio": {"data": "x"}, "annotations": [1]}}]},
    {"choices": [{"text": 5}]},
    {"choices": [], "usage": [1]},
    {"choices": [], "usage": "x", "code": "", "message": "", "error": None},
]


@pytest.mark.parametrize("odd", HOSTILE, ids=str)
def test_what_makes_no_sense_is_passed_over(odd: Any) -> None:
    strange = sse.encode(orjson.dumps(odd))
    assert answered(strange, chunk({"content": "Hi"}), strange, STOP, strange).content == "Hi"


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


def test_repairs_are_told() -> None:
    reading = reader()
    reading.feed(
        chunk({"tool_calls": [{"id": "x", "function": {"name": "now", "arguments": "{'a': 1}"}}]}, "tool_calls")
    )
    reading.feed(sse.DONE)
    assert reading.repairs == ["tool call 0: mended arguments that were not JSON"]
