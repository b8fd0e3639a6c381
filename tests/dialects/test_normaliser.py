"""The normaliser keeps every promise of an answer, whatever a reader tells it and in whatever order."""

from collections.abc import Callable

import pytest

from qwenproxy.dialects import normaliser as module
from qwenproxy.dialects.normaliser import MAX_CHOICES, MAX_REPAIRS, Normaliser
from qwenproxy.dialects.toolcalls import MAX_CALLS
from qwenproxy.errors import OVERLOADED, UPSTREAM_CUT, UPSTREAM_GARBLED, Failure, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Usage
from tests.support import wellformed
from tests.support.answers import Answer, numbered_ids

ROLE = Delta(0, {"role": "assistant"})


def made(tools: frozenset[str] = frozenset({"look"})) -> Normaliser:
    return Normaliser(tools, new_id=numbered_ids())


def failed(events: list[ChatEvent]) -> Failure:
    error = events[-1]
    assert isinstance(error, ProxyError)
    return error.failure


def test_an_answer_from_beginning_to_end() -> None:
    normaliser = made()
    normaliser.content(0, "Hi")
    assert not normaliser.started, "before the events are out"
    assert normaliser.drain() == [ROLE, Delta(0, {"content": "Hi"})]
    assert normaliser.started
    normaliser.content(0, " you")
    normaliser.content(0, "!")
    normaliser.finish(0, "stop")
    normaliser.usage({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
    assert normaliser.drain() == [Delta(0, {"content": " you"}), Delta(0, {"content": "!"})]
    normaliser.end(complete=True)
    *_, finish, usage = events = normaliser.drain()
    assert len(events) == 2
    assert finish == Delta(0, {}, "stop")
    assert isinstance(usage, Usage)
    assert normaliser.finished
    assert normaliser.repairs == []


def test_choices_are_kept_apart() -> None:
    normaliser = made()
    for index, text in ((1, "a"), (0, "b"), (1, "c"), (0, "<think>d"), (0, "</think>e")):
        normaliser.content(index, text)
    normaliser.call(1, 0, "x", "look", "{}")
    normaliser.finish(0, "length")
    normaliser.finish(1, "stop")
    normaliser.end(complete=False)
    events = normaliser.drain()
    first, second = Answer(events, 0), Answer(events, 1)
    assert (first.content, first.finish) == ("b<think>d</think>e", "length")
    assert (second.content, second.calls, second.finish) == ("ac", [("x", "look", "{}")], "tool_calls")


def test_two_answers_share_nothing() -> None:
    one, other = made(), made()
    one.content(0, "a")
    other.reasoning(0, "b")
    one.note("c")
    assert one.drain() == [ROLE, Delta(0, {"content": "a"})]
    assert other.drain() == [ROLE, Delta(0, {"reasoning_content": "b"})]
    assert other.repairs == []


@pytest.mark.parametrize("complete", [True, False])
def test_an_answer_that_said_nothing_is_an_error(complete: bool) -> None:
    normaliser = made()
    normaliser.usage({"prompt_tokens": 1})
    normaliser.end(complete=complete)
    events = normaliser.drain()
    assert failed(events) is UPSTREAM_CUT
    assert len(events) == 1
    assert not normaliser.started


NOTHING: dict[str, Callable[[Normaliser], None]] = {
    "empty content": lambda normaliser: normaliser.content(0, ""),
    "empty reasoning": lambda normaliser: normaliser.reasoning(0, ""),
    "an empty refusal": lambda normaliser: normaliser.refusal(0, ""),
    "an empty piece of a call": lambda normaliser: normaliser.call(0, 0, "", "", ""),
    "no finish": lambda normaliser: normaliser.finish(0, ""),
    "the word null": lambda normaliser: normaliser.finish(0, "null"),
}


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING.keys())
def test_what_says_nothing_is_nothing(nothing: Callable[[Normaliser], None]) -> None:
    normaliser = made()
    nothing(normaliser)
    assert not normaliser.spoken(0)
    normaliser.end(complete=True)
    assert failed(normaliser.drain()) is UPSTREAM_CUT


def test_a_choice_may_begin_without_a_word() -> None:
    normaliser = made()
    normaliser.open(0)
    normaliser.open(0)
    assert normaliser.drain() == [ROLE]
    assert not normaliser.started, "it could be asked for again"
    assert not normaliser.spoken(0)
    normaliser.content(0, "Hi")
    assert normaliser.spoken(0)
    assert normaliser.drain() == [Delta(0, {"content": "Hi"})]
    assert normaliser.started


def test_what_has_started_stays_started() -> None:
    normaliser = made()
    normaliser.content(0, "Hi")
    normaliser.drain()
    normaliser.fail(ProxyError(OVERLOADED, "busy"))
    normaliser.drain()
    assert normaliser.started


def test_empty_pieces_are_left_out_in_mid_answer_too() -> None:
    normaliser = made()
    for text in ("a", "b", "", "c"):
        normaliser.content(0, text)
        normaliser.reasoning(1, text)
    texts = [event.delta for event in normaliser.drain() if isinstance(event, Delta)]
    assert texts.count({"content": ""}) + texts.count({"reasoning_content": ""}) == 0
    assert len(texts) == 8


def test_logprobs_alone_say_something() -> None:
    normaliser = made()
    normaliser.content(0, "", {"content": [1]})
    normaliser.content(0, "a")
    assert normaliser.drain() == [ROLE, Delta(0, {"content": "a"}, None, {"content": [1]})]


def test_a_call_may_begin_with_its_id_alone() -> None:
    normaliser = made()
    normaliser.call(0, 0, "x", "", "")
    normaliser.call(0, 0, "", "look", "")
    normaliser.end(complete=True)
    assert Answer(normaliser.drain()).calls == [("x", "look", "{}")]


@pytest.mark.parametrize("rescue", [True, False])
def test_calls_written_as_text_are_made_calls_only_if_asked_for(rescue: bool) -> None:
    normaliser = Normaliser(frozenset({"look"}), new_id=numbered_ids(), rescue_calls=rescue)
    normaliser.content(0, '<tool_call>{"name": "look"}</tool_call>')
    normaliser.finish(0, "stop")
    normaliser.end(complete=True)
    answer = Answer(normaliser.drain())
    assert (answer.finish, answer.content == "") == ("tool_calls" if rescue else "stop", rescue)


def test_a_finish_alone_is_an_answer() -> None:
    """A stop word may come first."""
    normaliser = made()
    normaliser.finish(0, "stop")
    normaliser.end(complete=False)
    assert normaliser.drain() == [ROLE, Delta(0, {}, "stop")]
    assert normaliser.started


@pytest.mark.parametrize("finished", [[], [0], [1]])
def test_an_answer_that_breaks_off_is_an_error_and_never_a_stop(finished: list[int]) -> None:
    normaliser = made()
    for index in (0, 1):
        normaliser.content(index, "Hi")
    for index in finished:
        normaliser.finish(index, "stop")
    assert not normaliser.answered
    normaliser.end(complete=False)
    events = normaliser.drain()
    wellformed.check(events)
    assert failed(events) is UPSTREAM_CUT
    assert not any(isinstance(event, Delta) and event.finish_reason for event in events)


def test_an_answer_that_is_done_without_a_finish_stops() -> None:
    normaliser = made()
    normaliser.content(0, "Hi")
    normaliser.end(complete=True)
    assert Answer(normaliser.drain()).finish == "stop"
    assert normaliser.repairs == ["choice 0: ended without a finish_reason"]


def test_an_answered_answer_needs_no_end() -> None:
    normaliser = made()
    assert not normaliser.answered
    normaliser.content(0, "Hi")
    assert not normaliser.answered
    normaliser.finish(0, "stop")
    assert normaliser.answered


def test_of_several_totals_the_last_count() -> None:
    normaliser = made()
    for count in (1, 2, 3):
        normaliser.usage({"prompt_tokens": 5, "completion_tokens": count})
    normaliser.finish(0, "stop")
    normaliser.end(complete=True)
    usage = Answer(normaliser.drain()).usage
    assert usage is not None
    assert usage["completion_tokens"] == 3


def test_an_error_ends_it() -> None:
    normaliser = made()
    normaliser.content(0, "Hi")
    error = ProxyError(OVERLOADED, "busy")
    normaliser.fail(error)
    normaliser.fail(ProxyError(OVERLOADED, "still busy"))
    normaliser.content(0, " you")
    normaliser.reasoning(0, "a")
    normaliser.call(0, 0, "x", "look", "{}")
    normaliser.finish(0, "stop")
    normaliser.end(complete=True)
    assert normaliser.drain() == [ROLE, Delta(0, {"content": "Hi"}), error]
    assert normaliser.finished


def test_the_end_ends_it() -> None:
    normaliser = made()
    normaliser.finish(0, "stop")
    normaliser.end(complete=True)
    normaliser.content(0, "Hi")
    normaliser.fail(ProxyError(OVERLOADED, "busy"))
    normaliser.end(complete=True)
    assert normaliser.drain() == [ROLE, Delta(0, {}, "stop")]


@pytest.mark.parametrize("index", [-1, MAX_CHOICES, 10**9])
def test_too_many_choices_are_refused(index: int) -> None:
    normaliser = made()
    normaliser.content(index, "Hi")
    assert failed(normaliser.drain()) is UPSTREAM_GARBLED


def test_too_many_calls_and_too_long_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{module.__package__}.arguments.LIMIT", 10)
    for arguments in ("{}", '{"a": "xxxxxxx'):
        normaliser = made()
        for number in range(MAX_CALLS + 1):
            normaliser.call(0, number, "", "look", arguments)
        events = normaliser.drain()
        wellformed.check(events)
        assert failed(events) is UPSTREAM_GARBLED


def test_calls_that_come_apart_at_the_end_may_be_too_many_too() -> None:
    normaliser = made()
    normaliser.call(0, 0, "", "look", '{"a":')
    normaliser.call(0, 0, "", "", '{"a":1}' + "".join(f'{{"a":{number}}}' for number in range(MAX_CALLS)))
    normaliser.finish(0, "stop")
    normaliser.end(complete=True)
    events = normaliser.drain()
    wellformed.check(events)
    assert failed(events) is UPSTREAM_GARBLED


def test_notes_are_bounded() -> None:
    normaliser = made()
    for number in range(MAX_REPAIRS * 2):
        normaliser.note(str(number))
    assert len(normaliser.repairs) == MAX_REPAIRS
