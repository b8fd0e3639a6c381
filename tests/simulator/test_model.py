"""What the scripted model says."""

import itertools
from typing import Any

import orjson
import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.model import reply_to
from qwenproxy.simulator.reply import Choice, Reply
from qwenproxy.wire.openai import Json
from tests.support.simulated import MODEL, WEATHER, png

THINKING = Row(thinking="on", max_completion_tokens=True)
CITY = "What is the weather in Riga?"
ROUND: list[Json] = [
    {"role": "user", "content": CITY},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "get_weather"}}]},
    {"role": "tool", "tool_call_id": "a", "content": "4 degrees"},
]


def reply(said: str | list[Json], row: Row | None = None, **fields: Any) -> Reply:
    messages = [{"role": "user", "content": said}] if isinstance(said, str) else said
    ids = itertools.count(1)
    ask = Ask({"model": MODEL, "messages": messages, **fields}, row or Row())
    return reply_to(ask, {}, lambda: str(next(ids)))


def only(said: str | list[Json], row: Row | None = None, **fields: Any) -> Choice:
    (choice,) = reply(said, row, **fields).choices
    return choice


def test_it_names_itself_and_quotes_the_last_user_message() -> None:
    told = only([{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}])
    assert MODEL in told.text
    assert "“Two”" in told.text
    assert (told.thinking, told.calls, told.finish) == ("", (), "stop")


def test_it_says_the_same_to_the_same() -> None:
    assert reply("Hello") == reply("Hello")


def test_it_does_not_quote_markers() -> None:
    assert "[sim" not in only("[sim: crlf] Hello").text


def test_it_quotes_the_beginning_of_a_long_prompt() -> None:
    assert "“" + "a" * 200 + "…”" in only("a" * 5000).text


@pytest.mark.parametrize(
    ("row", "fields", "thinks"),
    [
        (Row(thinking="on"), {}, True),
        (Row(thinking="off"), {}, False),
        (Row(thinking="off"), {"enable_thinking": True}, True),
        (Row(thinking="on"), {"enable_thinking": False}, False),
        (Row(thinking="off"), {"reasoning_effort": "low"}, True),
        (Row(thinking="on"), {"reasoning_effort": "none"}, False),
        (Row(thinking="on"), {"thinking": {"type": "disabled"}}, False),
        (Row(thinking="off"), {"thinking": {"type": "enabled"}}, True),
        (Row(thinking="never"), {"enable_thinking": True}, False),
        (Row(thinking="always"), {"enable_thinking": False}, True),
    ],
    ids=str,
)
def test_it_thinks_if_the_row_and_the_request_say_so(row: Row, fields: Json, thinks: bool) -> None:
    assert bool(only("Hello", row, **fields).thinking) is thinks


def test_thinking_keeps_to_its_budget() -> None:
    assert only("Hello", THINKING, thinking_budget=3).thinking_tokens == 3


def test_it_calls_the_tool_that_fits() -> None:
    told = only(CITY, tools=[WEATHER])
    assert [(call.id, call.name, call.arguments) for call in told.calls] == [
        ("call_1", "get_weather", '{"city": "Riga"}')
    ]
    assert (told.text, told.finish) == ("", "tool_calls")


def test_it_answers_with_what_the_tools_gave_back() -> None:
    told = only(ROUND, tools=[WEATHER])
    assert "get_weather says: “4 degrees”" in told.text
    assert (told.calls, told.finish) == ((), "stop")


def test_it_answers_though_the_tools_pictures_follow_as_a_user_message() -> None:
    messages = [*ROUND, {"role": "user", "content": [{"type": "image_url", "image_url": {"url": png(20, 20)}}]}]
    assert "4 degrees" in only(messages, tools=[WEATHER]).text


def test_a_new_question_after_an_answer_calls_again() -> None:
    messages = [
        *ROUND,
        {"role": "assistant", "content": "4 degrees."},
        {"role": "user", "content": "The weather in Oslo?"},
    ]
    assert only(messages, tools=[WEATHER]).calls[0].arguments == '{"city": "Oslo"}'


def test_it_says_what_pictures_it_saw() -> None:
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in (png(640, 480), "https://example.com/a.png")]
    told = only([{"role": "user", "content": [{"type": "text", "text": "What is this?"}, *parts]}])
    assert "I see 2 images: image/png, 640x480 pixels; a link." in told.text


def test_one_picture_is_one() -> None:
    told = only([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": png(20, 30)}}]}])
    assert "I see 1 image: image/png, 20x30 pixels." in told.text


def test_json_is_json() -> None:
    told = orjson.loads(only("Hello as JSON", response_format={"type": "json_object"}).text)
    assert told == {"model": MODEL, "you_wrote": "Hello as JSON", "simulated": True}


def test_json_fits_its_schema() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert orjson.loads(only("I live in Riga", response_format=wanted).text) == {"city": "Riga"}


def test_a_missing_schema_is_any_object() -> None:
    assert orjson.loads(only("Hello", response_format={"type": "json_schema"}).text) == {}


def test_max_tokens_cuts_the_answer_short() -> None:
    told = only("Hello", max_tokens=5)
    assert (told.answer_tokens, told.finish) == (5, "length")


def test_max_tokens_counts_the_answer_only() -> None:
    whole = only("Hello", THINKING)
    told = only("Hello", THINKING, max_tokens=5)
    assert (told.thinking, told.answer_tokens) == (whole.thinking, 5)


def test_max_completion_tokens_counts_the_thinking_too() -> None:
    whole = only("Hello", THINKING)
    told = only("Hello", THINKING, max_completion_tokens=whole.thinking_tokens + 5)
    assert (told.answer_tokens, told.finish) == (5, "length")


def test_max_tokens_breaks_a_call_off() -> None:
    whole = only(CITY, tools=[WEATHER])
    told = only(CITY, tools=[WEATHER], max_tokens=whole.answer_tokens - 2)
    assert whole.calls[0].arguments.startswith(told.calls[0].arguments)
    assert (told.answer_tokens, told.finish) == (whole.answer_tokens - 2, "length")


def test_calls_that_do_not_fit_are_not_made() -> None:
    one = only(CITY, tools=[WEATHER]).answer_tokens
    both = only("What is the weather in Riga and Oslo?", tools=[WEATHER])
    told = only("What is the weather in Riga and Oslo?", tools=[WEATHER], max_tokens=one)
    assert (len(both.calls), len(told.calls)) == (2, 1)


def test_an_answer_that_fits_is_whole() -> None:
    whole = only("Hello")
    assert only("Hello", max_tokens=whole.answer_tokens) == whole


@pytest.mark.parametrize("stop", ["simulated", ["nothing", "simulated"], ["network", "simulated"]])
def test_it_stops_before_the_first_stop_word(stop: str | list[str]) -> None:
    told = only("Hello", stop=stop)
    assert told.text == f"Hello! This is {MODEL}, "
    assert told.finish == "stop"


@pytest.mark.parametrize("stop", [None, "", [], ["", 7]])
def test_empty_stops_stop_nothing(stop: Any) -> None:
    assert only("Hello", stop=stop) == only("Hello")


def test_n_makes_so_many_answers() -> None:
    texts = [choice.text for choice in reply("Hello", n=3).choices]
    assert [text[:4] for text in texts] == ["(1) ", "(2) ", "(3) "]


def test_logprobs_are_for_rows_that_have_them() -> None:
    assert reply("Hello", Row(logprobs=True), logprobs=True, top_logprobs=2).logprobs == 2
    assert reply("Hello", Row(logprobs=True), logprobs=True).logprobs == 0
    assert reply("Hello", Row(logprobs=True)).logprobs is None
    assert reply("Hello", logprobs=True, top_logprobs=2).logprobs is None
