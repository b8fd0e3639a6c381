"""Tool calls put together from pieces that say little, too much, or wrong things about where they belong."""

from typing import Any

import pytest

from qwenproxy.dialects.toolcalls import MAX_CALLS, ToolCalls, TooManyCalls
from qwenproxy.wire.openai import Delta, Json
from tests.support.answers import Answer, numbered_ids

type Piece = tuple[int | None, str, str, str]
"""Position, id, name, arguments."""

TOOLS = frozenset({"roll", "roll_twice", "look", "now"})
A, B = '{"a":1}', '{"b":2}'


def entries(*pieces: Piece, tools: frozenset[str] = TOOLS, truncated: bool = False) -> tuple[list[Json], list[str]]:
    """The entries that *pieces* make, and the repairs."""
    repairs: list[str] = []
    calls = ToolCalls(tools, numbered_ids(), repairs.append)
    out = [entry for piece in pieces for entry in calls.piece(*piece)]
    out += calls.end(truncated=truncated)
    return out, repairs


def called(*pieces: Piece, **options: Any) -> list[tuple[str, str, str]]:
    """(id, name, arguments) of every call, all promises checked."""
    out, _ = entries(*pieces, **options)
    deltas = [Delta(0, {"tool_calls": [entry]}) for entry in out]
    finish = "tool_calls" if out else "stop"
    return Answer([Delta(0, {"role": "assistant"}), *deltas, Delta(0, {}, finish)]).calls


ONE_CALL: dict[str, list[Piece]] = {
    "as OpenAI streams it": [(0, "x", "look", ""), (0, "", "", '{"a"'), (0, "", "", ":1}")],
    "in one piece": [(0, "x", "look", A)],
    "id, name repeated": [(0, "x", "look", ""), (0, "x", "look", '{"a"'), (0, "x", "look", ":1}")],
    "name repeated without the id": [(0, "x", "look", ""), (0, "", "look", '{"a"'), (0, "", "look", ":1}")],
    "everything repeated when it is complete": [(0, "x", "look", A), (0, "x", "look", ""), (0, "x", "look", A)],
    "all repeated but the id": [(0, "x", "look", A), (0, "", "look", A), (0, "", "look", A)],
    "the arguments repeated": [(0, "x", "look", ""), (0, "", "", A), (0, "", "", A), (0, "", "", A)],
    "the arguments repeated in one piece": [(0, "x", "look", A + A), (0, "", "", A)],
    "a new id in every piece": [(0, "x", "look", ""), (0, "y", "", '{"a"'), (0, "z", "", ":1}")],
    "a new id and the name in every piece": [(0, "x", "look", '{"a"'), (0, "y", "look", ":1"), (0, "z", "look", "}")],
    "no index": [(None, "x", "look", ""), (None, "", "", '{"a"'), (None, "", "", ":1}")],
    "a wrong index, but the right id": [(0, "x", "look", ""), (1, "x", "", '{"a"'), (2, "x", "", ":1}")],
    "the name behind the arguments": [(0, "x", "", '{"a"'), (0, "", "", ":1}"), (0, "", "look", "")],
    "the name with the last arguments": [(0, "x", "", '{"a"'), (0, "", "look", ":1}")],
    "a new id in every piece, the name last": [(0, "x", "", '{"a"'), (0, "y", "", ":1}"), (0, "z", "look", "")],
    "another name in mid arguments, which nobody offers": [(0, "x", "look", '{"a"'), (0, "", "lookup", ":1}")],
    "the id with the name repeated": [(0, "", "look", ""), (0, "x", "look", A)],
    "the name repeated without ids": [(0, "", "look", A), (0, "", "look", "")],
    "the name in pieces": [(0, "x", "lo", ""), (0, "", "ok", ""), (0, "", "", A)],
    "the name growing": [(0, "x", "lo", ""), (0, "", "look", ""), (0, "", "", A)],
    "the name in pieces, then the arguments with it": [(0, "x", "lo", ""), (0, "x", "ok", A)],
    "blanks around the name": [(0, "x", " look\n", A)],
    "cumulative": [(0, "x", "look", '{"a'), (0, "x", "look", '{"a":1'), (0, "x", "look", A), (0, "x", "look", A)],
    "cumulative without ids": [(0, "", "look", '{"a'), (0, "", "look", A), (0, "", "look", A)],
}


@pytest.mark.parametrize("pieces", ONE_CALL.values(), ids=ONE_CALL.keys())
def test_pieces_of_one_call_make_one_call(pieces: list[Piece]) -> None:
    ((id, name, arguments),) = called(*pieces)
    assert id == ("x" if pieces[0][1] else "call_new0")
    assert (name, arguments) == ("look", A)


TWO_CALLS: dict[str, list[Piece]] = {
    "as OpenAI streams them": [(0, "x", "look", ""), (0, "", "", A), (1, "y", "roll", ""), (1, "", "", B)],
    "in turn": [(0, "x", "look", ""), (1, "y", "roll", ""), (0, "", "", '{"a"'), (1, "", "", B), (0, "", "", ":1}")],
    "the index used again": [(0, "x", "look", ""), (0, "", "", A), (0, "y", "roll", ""), (0, "", "", B)],
    "in turn by id, the index always 0": [(0, "x", "look", ""), (0, "y", "roll", ""), (0, "x", "", A), (0, "y", "", B)],
    "in turn by id, no index": [
        (None, "x", "look", ""),
        (None, "y", "roll", ""),
        (None, "x", "", A),
        (None, "y", "", B),
    ],
    "no index, one after the other": [
        (None, "x", "look", ""),
        (None, "", "", A),
        (None, "y", "roll", ""),
        (None, "", "", B),
    ],
    "indexes with a gap": [(3, "x", "look", A), (7, "y", "roll", B)],
    "another id, all at once": [(0, "x", "look", A), (0, "y", "roll", B)],
    "another id in mid arguments": [(0, "x", "look", '{"a":1'), (0, "y", "roll", B)],
    "another id, its arguments no JSON": [(0, "x", "look", A), (0, "y", "roll", "<parameter=b>2</parameter>")],
    "another id while the first has no arguments": [(0, "x", "look", ""), (0, "y", "roll", B), (0, "x", "", A)],
}


@pytest.mark.parametrize("pieces", TWO_CALLS.values(), ids=TWO_CALLS.keys())
def test_pieces_of_two_calls_make_two_calls(pieces: list[Piece]) -> None:
    assert called(*pieces) == [("x", "look", A), ("y", "roll", B)]


NAMELESS: dict[str, tuple[list[Piece], list[tuple[str, str]]]] = {
    "by index": ([(0, "", "look", A), (1, "", "roll", B)], [("look", A), ("roll", B)]),
    "by name, the index always 0": ([(0, "", "look", A), (0, "", "roll", B)], [("look", A), ("roll", B)]),
    "by name, without arguments": ([(0, "", "look", ""), (0, "", "now", "")], [("look", "{}"), ("now", "{}")]),
    "by name, in mid arguments": ([(0, "", "look", '{"a":1'), (0, "", "roll", B)], [("look", A), ("roll", B)]),
    "by name, one without arguments": ([(0, "", "look", A), (0, "", "now", "")], [("look", A), ("now", "{}")]),
    "the same tool again": ([(0, "", "roll", A), (0, "", "roll", B)], [("roll", A), ("roll", B)]),
    "the very same call again": ([(0, "", "roll", "{}"), (0, "", "roll", "{}")], [("roll", "{}"), ("roll", "{}")]),
    "no index, no id": ([(None, "", "roll", A), (None, "", "roll", A)], [("roll", A), ("roll", A)]),
    "glued": ([(0, "", "look", A + B)], [("look", A), ("look", B)]),
    "glued, in pieces": ([(0, "", "look", '{"a":1}{"b'), (0, "", "", '":2}')], [("look", A), ("look", B)]),
    "glued three times": ([(0, "", "look", A + B + A)], [("look", A), ("look", B), ("look", A)]),
}


@pytest.mark.parametrize(("pieces", "calls"), NAMELESS.values(), ids=NAMELESS.keys())
def test_calls_without_ids_are_told_apart(pieces: list[Piece], calls: list[tuple[str, str]]) -> None:
    found = called(*pieces)
    assert [(name, arguments) for _, name, arguments in found] == calls
    assert [id for id, _, _ in found] == [f"call_new{n}" for n in range(len(calls))]


def test_the_same_call_under_another_id_is_another_call() -> None:
    assert called((0, "x", "roll", "{}"), (0, "y", "roll", "{}")) == [("x", "roll", "{}"), ("y", "roll", "{}")]


def test_one_id_for_two_calls_is_kept_for_the_first() -> None:
    pieces: list[Piece] = [(0, "x", "look", ""), (1, "x", "roll", ""), (0, "x", "", A), (1, "x", "", B)]
    assert called(*pieces) == [("x", "look", A), ("call_new0", "roll", B)]


def test_a_glued_call_goes_on_under_the_id_of_the_first() -> None:
    """SGLang repeats the id in every piece."""
    assert called((0, "x", "look", A + '{"b'), (0, "x", "", '":2}')) == [("x", "look", A), ("call_new0", "look", B)]


def test_an_id_that_comes_late_is_too_late() -> None:
    """What was announced keeps its id."""
    assert called((0, "", "look", ""), (0, "x", "", A)) == [("call_new0", "look", A)]
    assert called((0, "", "roll", ""), (0, "x", "", A)) == [("x", "roll", A)], "a name that may grow waits"


def test_a_call_is_announced_as_soon_as_its_name_is_known() -> None:
    calls = ToolCalls(TOOLS, numbered_ids(), lambda _: None)
    announced = {"index": 0, "id": "x", "type": "function", "function": {"name": "look", "arguments": ""}}
    assert calls.piece(0, "x", "look", "") == [announced]
    assert calls.piece(0, "x", "", "{") == [{"index": 0, "function": {"arguments": "{"}}]
    assert calls.count == 1


@pytest.mark.parametrize(
    ("name", "waits"), [("look", False), ("roll", True), ("roll_", True), ("roll_twice", False), ("x", True)]
)
def test_a_name_that_may_go_on_waits_for_the_arguments(name: str, waits: bool) -> None:
    calls = ToolCalls(TOOLS, numbered_ids(), lambda _: None)
    assert (calls.piece(0, "x", name, "") == []) == waits


@pytest.mark.parametrize("name", ["roll", "unheard_of"])
def test_arguments_end_the_name(name: str) -> None:
    calls = ToolCalls(TOOLS, numbered_ids(), lambda _: None)
    assert calls.piece(0, "x", name, "{")[0]["function"] == {"name": name, "arguments": "{"}


def test_a_name_that_nobody_offers_is_passed_on() -> None:
    """The app says so to the model."""
    assert called((0, "x", "unheard_of", "")) == [("x", "unheard_of", "{}")]


def test_without_known_tools_names_are_taken_as_they_come() -> None:
    assert called((0, "x", "lo", ""), (0, "", "ok", ""), (0, "", "", A), tools=frozenset()) == [("x", "look", A)]
    assert called((0, "", "a", A), (0, "", "b", B), tools=frozenset())[1][1:] == ("b", B)


def test_without_known_tools_arguments_wait_for_the_name() -> None:
    assert called((0, "x", "", '{"a"'), (0, "", "look", ":1}"), tools=frozenset()) == [("x", "look", A)]


def test_without_known_tools_another_name_is_another_call() -> None:
    pieces: list[Piece] = [(0, "", "a", '{"a":1'), (0, "", "b", B)]
    assert [call[1:] for call in called(*pieces, tools=frozenset())] == [("a", A), ("b", B)]


def test_a_name_that_is_the_beginning_of_another_may_grow_into_it() -> None:
    assert called((0, "x", "roll", ""), (0, "", "roll_twice", "")) == [("x", "roll_twice", "{}")]


def test_another_id_begins_another_call_before_the_first_has_arguments() -> None:
    pieces: list[Piece] = [(0, "x", "now", ""), (0, "y", "roll", "<parameter=b>2</parameter>")]
    assert called(*pieces) == [("x", "now", "{}"), ("y", "roll", B)]


def test_a_call_without_a_name_is_left_out_and_indexes_stay_dense() -> None:
    out, repairs = entries((0, "x", "", A), (1, "y", "look", B))
    assert [(entry["index"], entry["id"]) for entry in out] == [(0, "y")]
    assert repairs == ["left out a tool call without a name"]


def test_a_call_without_a_name_is_of_the_only_tool() -> None:
    only = frozenset({"look"})
    assert called((0, "x", "", A), tools=only) == [("x", "look", A)]
    assert entries((0, "x", "", A), tools=only)[1] == ["named a tool call 'look', the only tool there is"]
    assert entries((0, "x", "", ""), tools=only)[0] == [], "but there must be something of it"


REPAIRED: dict[str, tuple[list[Piece], list[str]]] = {
    "nothing": ([(0, "x", "look", A)], []),
    "no arguments": ([(0, "x", "now", "")], []),
    "closed": ([(0, "x", "now", '{"a":1')], ["tool call 0: closed unfinished JSON"]),
    "mended": ([(0, "x", "now", "{'a':1}")], ["tool call 0: mended arguments that were not JSON"]),
    "cumulative": ([(0, "x", "now", "{"), (0, "", "", A)], ["tool call 0: its arguments came cumulative"]),
    "repeated": ([(0, "x", "look", A + A)], ["left out a tool call's arguments that were said twice"]),
    "glued": ([(0, "x", "look", A + B)], ["tool call 1: parted from the call that it was glued to"]),
}


@pytest.mark.parametrize(("pieces", "repairs"), REPAIRED.values(), ids=REPAIRED.keys())
def test_every_repair_is_noted(pieces: list[Piece], repairs: list[str]) -> None:
    assert entries(*pieces)[1] == repairs


def test_truncated_calls_stay_as_they_are() -> None:
    assert called((0, "x", "look", '{"a":'), truncated=True) == [("x", "look", '{"a":')]
    assert called((0, "x", "look", ""), truncated=True) == [("x", "look", "")]


def test_whole_calls_stand_for_themselves() -> None:
    calls = ToolCalls(TOOLS, numbered_ids(), lambda _: None)
    out = calls.whole("roll", "{}") + calls.whole("roll", "{}") + calls.end(truncated=False)
    assert [entry["id"] for entry in out] == ["call_new0", "call_new1"]


def test_calls_without_end_are_refused() -> None:
    calls = ToolCalls(TOOLS, numbered_ids(), lambda _: None)
    for number in range(MAX_CALLS):
        calls.piece(number, "", "now", "")
    with pytest.raises(TooManyCalls, match="more than 128 tools"):
        calls.piece(MAX_CALLS, "", "now", "")
