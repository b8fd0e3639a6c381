"""One round of a conversation with tools, as it is heard."""

from collections.abc import Sequence
from typing import Any

import pytest

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.turn import Called, Manner, Told, Turn, result_message
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.support import wellformed

ROLE = Delta(0, {"role": "assistant"})
OWN = Manner(frozenset({"look"}))
JSON = OWN._replace(json=True)


def says(text: str) -> Delta:
    return Delta(0, {"content": text})


def thinks(text: str) -> Delta:
    return Delta(0, {"reasoning_content": text})


def calls(index: int, name: str, arguments: str = "{}") -> Delta:
    function = {"name": name, "arguments": arguments}
    return Delta(0, {"tool_calls": [{"index": index, "id": f"id-{index}", "type": "function", "function": function}]})


def more(index: int, arguments: str) -> Delta:
    return Delta(0, {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]})


def finish(reason: str = "tool_calls") -> Delta:
    return Delta(0, {}, reason)


def heard(*events: ChatEvent, manner: Manner = OWN, told: Told | None = None) -> tuple[Turn, list[ChatEvent]]:
    """A round with *events*, one at a time, and what the app is told."""
    turn = Turn(manner, told or Told())
    return turn, [out for event in events for out in turn.hear([event])]


def texts(events: Sequence[ChatEvent], channel: str = "content") -> list[str]:
    return [event.delta[channel] for event in events if isinstance(event, Delta) and channel in event.delta]


def entries(events: Sequence[ChatEvent]) -> list[Json]:
    """The pieces of calls among *events*."""
    return [call for event in events if isinstance(event, Delta) for call in event.delta.get("tool_calls", ())]


def test_words_go_on_to_the_app_as_they_come() -> None:
    turn = Turn(OWN, Told())
    for event in (ROLE, thinks("Hm"), says("Hel"), says("lo"), Delta(0, {"refusal": "No."})):
        assert turn.hear([event]) == [event]
    assert turn.hear([finish("stop")]) == []
    assert turn.close() == [finish("stop")]
    assert (turn.ours, turn.apps) == ((), [])


BATCHES: list[list[ChatEvent]] = [
    [says("a"), says("b")],
    [says("a"), thinks("b"), says("c")],
    [thinks("a"), thinks("b")],
    [says("a"), Delta(0, {"refusal": "b"})],
    [says("a"), says("")],
    [says("a"), finish("stop")],
    [says("a"), Usage({"total_tokens": 1})],
    [says("a"), calls(0, "now"), more(0, " ")],
    [says("a"), ProxyError(errors.UPSTREAM_CUT, "cut")],
    [*[says(str(n)) for n in range(40)], finish("stop"), Usage({"total_tokens": 1})],
    [*[says(str(n)) for n in range(40)], calls(0, "now"), *[more(0, " ") for _ in range(40)], finish()],
]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("first", [says("so"), thinks("so")])
@pytest.mark.parametrize("manner", [OWN, OWN._replace(json=True)])
def test_what_comes_at_once_is_heard_as_if_it_came_one_by_one(
    batch: list[ChatEvent], first: Delta, manner: Manner
) -> None:
    one, told = heard(first, *batch, manner=manner)
    other, also = heard(first, manner=manner)
    also += other.hear(batch)
    also += other.hear([says("more")])
    told += one.hear([says("more")])
    assert also == told
    assert (other.message(other.ours), other.usage, other.failed) == (one.message(one.ours), one.usage, one.failed)
    assert other.close() == one.close()


def test_calls_of_ours_are_kept_back_and_put_together() -> None:
    turn, told = heard(ROLE, calls(0, "clock", '{"zone"'), more(0, ': "Riga"}'), calls(1, "sums"), finish())
    assert told == [ROLE]
    assert turn.ours == [Called("id-0", "clock", '{"zone": "Riga"}'), Called("id-1", "sums", "{}")]


def test_the_apps_calls_reach_it_numbered_from_nothing() -> None:
    turn, told = heard(
        ROLE, calls(0, "clock"), calls(1, "look", "{"), calls(2, "sums"), calls(3, "look"), more(1, "}"), finish()
    )
    assert [(call["index"], call.get("id")) for call in entries(told)] == [(0, "id-1"), (1, "id-3"), (0, None)]
    assert turn.apps == ["id-1", "id-3"]
    assert [call.name for call in turn.ours] == ["clock", "sums"]
    wellformed.check([*told, *turn.close()])


def test_a_call_of_what_nobody_offers_is_not_the_apps() -> None:
    turn, told = heard(ROLE, calls(0, "made_up"), finish())
    assert told == [ROLE]
    assert turn.ours == [Called("id-0", "made_up", "{}")]


@pytest.mark.parametrize("first", ["clock", "look"])
def test_of_several_calls_only_the_first_counts_where_one_at_a_time_is_wanted(first: str) -> None:
    other = {"clock": "look", "look": "clock"}[first]
    turn, told = heard(ROLE, calls(0, first), calls(1, other), more(1, " "), finish(), manner=OWN._replace(single=True))
    assert [call.name for call in turn.ours] == [first] * (first == "clock")
    assert turn.apps == ["id-0"] * (first == "look")
    assert len(entries(told)) == len(turn.apps)
    assert [call["function"]["name"] for call in turn.message(turn.ours)["tool_calls"]] == [first]


@pytest.mark.parametrize("reason", ["length", "content_filter", "stop"])
def test_calls_of_an_answer_that_broke_off_are_not_made(reason: str) -> None:
    turn, _ = heard(ROLE, says("Well"), calls(0, "clock", '{"zo'), finish(reason))
    assert turn.ours == ()
    assert turn.close() == [finish(reason)]


def test_the_history_has_all_that_was_said() -> None:
    turn, _ = heard(ROLE, thinks("Hm"), says("Let "), says("me see."), calls(0, "clock"), calls(1, "look"), finish())
    message = turn.message(turn.ours)
    assert (message["role"], message["content"], message["reasoning_content"]) == ("assistant", "Let me see.", "Hm")
    assert [call["id"] for call in message["tool_calls"]] == ["id-0", "id-1"]
    assert [call["id"] for call in turn.message(())["tool_calls"]] == ["id-1"]


def test_a_history_without_words_says_null_and_without_calls_has_none() -> None:
    turn, _ = heard(ROLE, calls(0, "clock"), finish())
    assert turn.message(turn.ours)["content"] is None
    assert turn.message(()) == {"role": "assistant", "content": None}


def test_over_several_rounds_there_is_one_role_and_words_are_parted() -> None:
    told = Told()
    _, first = heard(ROLE, thinks("Hm"), says("Let me see."), calls(0, "clock"), finish(), told=told)
    last, second = heard(ROLE, thinks("So"), thinks("."), says("It is "), says("noon."), finish("stop"), told=told)
    events = [*first, *second, *last.close()]
    wellformed.check(events)
    assert "".join(texts(events)) == "Let me see.\n\nIt is noon."
    assert "".join(texts(events, "reasoning_content")) == "Hm\n\nSo."


def test_words_that_are_parted_already_are_not_parted_again() -> None:
    told = Told()
    heard(ROLE, says("\n\n"), calls(0, "clock"), finish(), told=told)
    _, second = heard(ROLE, says("Noon."), told=told)
    assert texts(second) == ["Noon."]


@pytest.mark.parametrize(
    ("said", "reason"), [([], "length"), (["It is noon."], "stop")], ids=["without a word", "with words"]
)
def test_calls_in_the_last_round_are_passed_over(said: list[str], reason: str) -> None:
    turn, _ = heard(ROLE, *map(says, said), calls(0, "clock"), finish())
    assert turn.close() == [finish(reason)]


def test_an_error_is_told_and_ends_it() -> None:
    error = ProxyError(errors.UPSTREAM_CUT, "cut")
    turn, told = heard(ROLE, error)
    assert told == [ROLE, error]
    assert turn.failed


def test_usage_is_kept_back() -> None:
    turn, told = heard(ROLE, finish("stop"), Usage({"total_tokens": 5}))
    assert told == [ROLE]
    assert turn.usage == {"total_tokens": 5}


def test_a_role_alone_is_something_told() -> None:
    told = Told()
    heard(calls(0, "clock"), told=told)
    assert not told.anything
    heard(ROLE, told=told)
    assert told.anything


@pytest.mark.parametrize("pieces", [['{"a"', ": 1}"], [" ", "\n", " [", "]"]], ids=["object", "list behind spaces"])
def test_json_is_told_as_it_comes(pieces: list[str]) -> None:
    turn, told = heard(ROLE, *map(says, pieces), manner=JSON)
    assert "".join(texts(told)) == "".join(pieces)
    assert turn.hear([says("!")]) == [says("!")]


def test_where_json_is_wanted_words_beside_calls_of_ours_do_not_reach_the_app() -> None:
    told = Told()
    first, before = heard(ROLE, says("Let me {see}."), calls(0, "clock"), finish(), manner=JSON, told=told)
    last, after = heard(ROLE, says('{"time": "noon"}'), finish("stop"), manner=JSON, told=told)
    assert [call.name for call in first.ours] == ["clock"]
    assert first.message(first.ours)["content"] == "Let me {see}."
    assert "".join(texts([*before, *after, *last.close()])) == '{"time": "noon"}'


def test_where_json_is_wanted_calls_of_ours_behind_it_are_not_made() -> None:
    turn, told = heard(ROLE, says('{"time": "noon"}'), calls(0, "clock"), finish(), manner=JSON)
    assert turn.ours == ()
    assert [*told, *turn.close()][-1] == finish("stop")


def test_an_answer_that_is_no_json_though_it_should_be_is_told_in_the_end() -> None:
    turn, told = heard(ROLE, says("I "), says("cannot."), finish("stop"), manner=JSON)
    assert texts(told) == []
    assert texts(turn.close()) == ["I ", "cannot."]


def test_a_result_is_a_message_of_its_call() -> None:
    expected: dict[str, Any] = {"role": "tool", "tool_call_id": "id-0", "content": "noon"}
    assert result_message(Called("id-0", "clock", "{}"), "noon") == expected
