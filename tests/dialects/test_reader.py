"""Compatible mode read: every oddity of the wire by itself."""

from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.wire.openai import Json
from tests.dialects.reading import chunk, play, reader
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


@pytest.mark.parametrize("indexes", [(0, 1), (0, 0), (None, None), (0, None), ("0", "1")])
def test_calls_in_one_list_are_different_calls(indexes: tuple[Any, Any]) -> None:
    first, then = (['{"a', '{"b'], ['":1}', '":2}'])
    opening = [{"index": at, "name": "now", "arguments": text} for at, text in zip(indexes, first, strict=True)]
    going_on = [{"index": at, "arguments": text} for at, text in zip(indexes, then, strict=True)]
    answer = answered(chunk({"tool_calls": opening}), chunk({"tool_calls": going_on}), STOP)
    assert [arguments for _, _, arguments in answer.calls] == ['{"a":1}', '{"b":2}']


def test_indexes_that_differ_are_believed() -> None:
    opening = [{"index": 1, "id": "x", "name": "now"}, {"index": 0, "id": "y", "name": "lookup"}]
    going_on = [chunk({"tool_calls": [{"index": at, "arguments": f'{{"a":{at}}}'}]}) for at in (0, 1)]
    answer = answered(chunk({"tool_calls": opening}), *going_on, STOP)
    assert answer.calls == [("x", "now", '{"a":1}'), ("y", "lookup", '{"a":0}')]


def test_a_piece_without_an_index_is_of_the_latest_call() -> None:
    opening = [{"index": at, "id": id, "name": "now"} for at, id in enumerate("xy")]
    answer = answered(chunk({"tool_calls": opening}), chunk({"tool_calls": [{"arguments": '{"a":1}'}]}), STOP)
    assert answer.calls == [("x", "now", "{}"), ("y", "now", '{"a":1}')]


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


def test_logprobs_of_half_a_character_are_not_lost() -> None:
    half, whole = ({"content": [{"token": token}]} for token in ("\\xc3", "\\xa9"))
    events = play([chunk({"content": ""}, logprobs=half) + chunk({"content": "é"}, "stop", logprobs=whole) + sse.DONE])
    assert written(events[1])["logprobs"] == {"content": [{"token": "\\xc3"}, {"token": "\\xa9"}]}


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
    {"choices": [], "code": "", "message": "", "error": None},
    {"choices": [], "usage": {}, "message": "success"},
    {"choices": [{"delta": {}}], "code": "Success", "message": "fine"},
]


@pytest.mark.parametrize("odd", HOSTILE, ids=str)
def test_what_makes_no_sense_is_passed_over(odd: Any) -> None:
    strange = sse.encode(orjson.dumps(odd))
    assert answered(strange, chunk({"content": "Hi"}), strange, STOP, strange).content == "Hi"


def test_repairs_are_told() -> None:
    reading = reader()
    reading.feed(
        chunk({"tool_calls": [{"id": "x", "function": {"name": "now", "arguments": "{'a': 1}"}}]}, "tool_calls")
    )
    reading.feed(sse.DONE)
    assert reading.repairs == ["tool call 0: mended arguments that were not JSON"]
