"""DashScope's native protocol read: what the golden answers leave open."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.normaliser import MAX_CHOICES
from qwenproxy.errors import UPSTREAM_CUT, UPSTREAM_GARBLED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json
from tests.dialects.dashscope_reading import answer, frame, play, reader
from tests.support import wellformed
from tests.support.answers import Answer


def read(*frames: Json) -> Answer:
    return Answer(play([frame(body) for body in frames]))


def whole(body: Any) -> Answer:
    return Answer(play([orjson.dumps(body)], content_type="application/json"))


def counted(answered: Any, index: Any = 0, finish: str = "null", **more: Any) -> Json:
    """A frame of one choice of several, with its counts."""
    choice = {"index": index, "message": {"role": "assistant", "content": "a"}, "finish_reason": finish}
    return {"output": {"choices": [choice]}, "usage": {"input_tokens": 5, "output_tokens": answered, **more}}


def test_the_answer_has_started_with_its_first_word() -> None:
    reading = reader()
    reading.feed(frame(answer("")))
    assert not reading.started
    reading.feed(frame(answer("", reasoning_content="A")))
    assert reading.started


def test_the_finish_waits_for_the_end() -> None:
    """Counts, and sources, may come behind it."""
    reading = reader()
    assert reading.feed(frame(answer("Riga", "stop")))[-1] == Delta(0, {"content": "Riga"})
    assert (reading.answered, reading.finished) == (True, False)
    assert reading.feed(b"")[-1] == Delta(0, {}, "stop")


def test_after_an_error_there_is_nothing() -> None:
    reading = reader()
    reading.feed(frame({"code": "X", "message": "no"}, kind="error", status=400))
    assert reading.finished
    assert reading.feed(frame(answer("Riga"))) == []


@pytest.mark.parametrize("finish", ["null", None, "", 5, []])
def test_no_word_of_an_end_is_a_cut(finish: Any) -> None:
    error = read(answer("Riga", finish)).error
    assert error is not None
    assert error.failure is UPSTREAM_CUT


@pytest.mark.parametrize("finish", ["null", None])
def test_a_whole_answer_that_goes_on_is_a_cut(finish: Any) -> None:
    error = whole(answer("Riga", finish)).error
    assert error is not None
    assert error.failure is UPSTREAM_CUT


FINISHES = [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("tool_call", "stop")]


@pytest.mark.parametrize(("told", "meant"), FINISHES)
def test_the_end_has_its_reason(told: str, meant: str) -> None:
    assert read(answer("Riga", told)).finish == meant


CONTENTS: list[tuple[str, Any, str]] = [
    ("a string", "Riga", "Riga"),
    ("parts", [{"text": "Ri"}, {"text": "ga"}], "Riga"),
    ("strings", ["Ri", "ga"], "Riga"),
    ("a picture", [{"image": "https://a/b.png"}], "![image](https://a/b.png)"),
    (
        "what is no text",
        [{"text": "Riga"}, {"text": 5}, {"image": ""}, {"audio": "https://a"}, {}, 5, None, []],
        "Riga",
    ),
    ("a part alone", {"text": "Riga"}, "Riga"),
]


@pytest.mark.parametrize(("content", "text"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_text_is_read_in_every_form(content: Any, text: str) -> None:
    assert read(answer(content), answer("", "stop")).content == text


@pytest.mark.parametrize("content", ["", [], None, [{}], [{"text": ""}], 5])
def test_no_text_is_none(content: Any) -> None:
    error = read(answer(content)).error
    assert error is not None
    assert "without having said anything" in error.message


def test_choices_counted_one_by_one_are_summed() -> None:
    details = {"output_tokens_details": {"reasoning_tokens": 2, "text_tokens": 1}, "x": 1}
    usage = read(counted(1, 0), counted(1, 1), counted(3, 0, "stop", **details), counted(4, 1, "stop", **details)).usage
    assert usage is not None
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (5, 7, 12)
    assert usage["completion_tokens_details"] == {"reasoning_tokens": 4, "text_tokens": 2}


ODD_COUNTS: list[Any] = [None, "3", -1, [], {}, 1.5]


@pytest.mark.parametrize("odd", ODD_COUNTS)
def test_odd_counts_do_no_harm(odd: Any) -> None:
    usage = read(counted(odd, 0), counted(4, 1, "stop"), counted(odd, 0, "stop", output_tokens_details=odd)).usage
    assert usage is not None
    assert usage["prompt_tokens"] == 5
    assert read(answer("Riga"), {**answer("", "stop"), "usage": odd}).finish == "stop"


def test_counts_of_all_choices_replace_those_of_each() -> None:
    end = {"output": {}, "usage": {"input_tokens": 5, "output_tokens": 9, "total_tokens": 14}}
    usage = read(counted(1, 0, "stop"), counted(2, 1, "stop"), end).usage
    assert usage is not None
    assert usage["completion_tokens"] == 9


def test_too_many_choices_are_refused() -> None:
    error = Answer(play([frame(counted(1, 128))])).error
    assert error is not None
    assert error.failure is UPSTREAM_GARBLED


ODD: list[Any] = [
    {"output": None},
    {"output": []},
    {"output": {"choices": None}},
    {"output": {"choices": [None, 5, "a", []]}},
    {"output": {"choices": [{"message": None}]}},
    {"output": {"choices": [{"message": "Hi", "index": -1}]}},
    {"output": {"choices": [{"message": {"tool_calls": [None, {"function": None}]}}]}},
    {"output": {"search_info": 5}},
    {"output": {"search_info": {"search_results": "a", "extra_tool_info": None}}},
    {"output": {"search_info": {"search_results": [None]}}},
    {"code": "", "message": ""},
    {"code": None, "message": None, "output": {"text": None}},
    {"usage": None},
    [],
    None,
]


@pytest.mark.parametrize("odd", ODD)
def test_what_makes_no_sense_is_passed_over(odd: Any) -> None:
    read_on = read(odd, answer("Riga"), odd, answer("", "stop"))
    assert (read_on.content, read_on.finish, read_on.error) == ("Riga", "stop", None)


ERRORS: list[tuple[str, Json]] = [
    ("the service's", {"code": "Throttling", "message": "slow down", "request_id": "r1"}),
    ("with an output", {"code": "Throttling", "message": "slow down", "output": {}, "usage": {"total_tokens": 1}}),
    ("with no choices", {"code": "Throttling", "message": "slow down", "output": {"choices": [], "text": None}}),
    ("OpenAI's", {"error": {"code": "Throttling", "message": "slow down"}}),
]


@pytest.mark.parametrize("body", [row[1] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_an_error_is_one_in_every_framing(body: Json) -> None:
    for events in (play([frame(body)]), play([orjson.dumps(body)]), play([frame(answer("Ri")), frame(body)])):
        error = events[-1]
        assert isinstance(error, ProxyError)
        assert "slow down" in error.message


def test_the_status_of_an_error_is_that_of_its_frame() -> None:
    (error,) = play([frame({"code": "X", "message": "no"}, kind="error", status=429)])
    assert isinstance(error, ProxyError)
    assert error.message.startswith("429 ")


def test_an_answer_that_says_it_failed_has() -> None:
    error = read(answer("Ri"), answer("Something broke.", "error_finish")).error
    assert error is not None
    assert "Something broke." in error.message


def call(arguments: str | None, id: str = "call_a1", name: str | None = "lookup", **more: Any) -> Json:
    function = {} if name is None else {"name": name}
    return {"id": id, "type": "function", "function": {**function, "arguments": arguments}, **more}


def test_two_calls_without_indexes_one_after_the_other_are_two() -> None:
    calls = [call('{"q":'), call("1}", "", None), call('{"q":', "call_b2"), call("2}", "", None)]
    read_on = read(*(answer("", tool_calls=[piece]) for piece in calls), answer("", "tool_calls"))
    assert read_on.calls == [("call_a1", "lookup", '{"q":1}'), ("call_b2", "lookup", '{"q":2}')]


def test_the_same_call_twice_is_two_calls() -> None:
    pieces = [call('{"q":1}', index=0), call('{"q":1}', "call_b2", index=1)]
    read_on = read(*(answer("", tool_calls=[piece]) for piece in pieces), answer("", "tool_calls"))
    assert [arguments for _, _, arguments in read_on.calls] == ['{"q":1}', '{"q":1}']


def test_a_call_that_comes_with_the_finish_only_is_told() -> None:
    read_on = read(answer(""), answer("", "tool_calls", tool_calls=[call('{"q":1}')]))
    assert (read_on.calls, read_on.finish) == ([("call_a1", "lookup", '{"q":1}')], "tool_calls")


def sources(events: list[ChatEvent]) -> list[Any]:
    return [event.delta["annotations"] for event in events if isinstance(event, Delta) and "annotations" in event.delta]


def test_what_the_searchs_own_tools_say_is_noted() -> None:
    body = answer("Riga", "stop")
    body["output"]["search_info"] = {"search_results": [], "extra_tool_info": [{"tool": "weather", "result": "4 C"}]}
    reading = reader()
    events = [*reading.feed(frame(body)), *reading.feed(b"")]
    assert sources(events) == []
    assert any("extra_tool_info" in note for note in reading.repairs)


def test_sources_of_a_whole_answer_are_cited() -> None:
    body = answer("Riga[ref_1]", "stop")
    body["output"]["search_info"] = {"search_results": [{"index": 1, "title": "A", "url": "https://a"}]}
    events = play([orjson.dumps(body)])
    wellformed.check(events)
    citation = {"start_index": 4, "end_index": 11, "title": "A", "url": "https://a"}
    assert sources(events) == [[{"type": "url_citation", "url_citation": citation}]]


def test_choices_without_number_do_not_fill_memory() -> None:
    reading = reader()
    for index in range(1000):
        choice = {"index": index, "message": {"content": ""}, "finish_reason": "null"}
        reading.feed(frame({"output": {"choices": [choice]}, "usage": {"input_tokens": 5}}))
    assert len(reading._normaliser.totals) <= MAX_CHOICES
