"""The checker of events lets no broken promise through."""

from typing import Any

import pytest

from qwenproxy.errors import OVERLOADED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.support.wellformed import check

ROLE = Delta(0, {"role": "assistant"})
HI = Delta(0, {"content": "Hi"})
STOP = Delta(0, {}, "stop")
CALLED = Delta(0, {}, "tool_calls")
ERROR = ProxyError(OVERLOADED, "busy")
COUNTS: Json = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
DETAILS: Json = {"prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": 0}}
USAGE = Usage(COUNTS | DETAILS)


def first(index: Any = 0, id: Any = "x", name: Any = "look", arguments: Any = "") -> Delta:
    function = {"name": name, "arguments": arguments}
    return Delta(0, {"tool_calls": [{"index": index, "id": id, "type": "function", "function": function}]})


def later(index: int = 0, arguments: Any = "{}", **more: Any) -> Delta:
    return Delta(0, {"tool_calls": [{"index": index, "function": {"arguments": arguments}} | more]})


def cited(kind: str = "url_citation", **more: Any) -> Delta:
    citation = {"start_index": 0, "end_index": 0, "title": "", "url": "https://a"} | more
    return Delta(0, {"annotations": [{"type": kind, "url_citation": citation}]})


GOOD: dict[str, list[ChatEvent]] = {
    "an answer": [ROLE, HI, STOP],
    "with usage": [ROLE, HI, STOP, USAGE],
    "of two choices": [ROLE, Delta(1, {"role": "assistant"}), HI, Delta(1, {}, "length"), STOP, USAGE],
    "that calls": [ROLE, first(), later(), first(1, "y"), later(1), CALLED],
    "with sources": [ROLE, HI, cited(), STOP],
    "that failed": [ROLE, HI, ERROR],
    "that failed after a finish": [ROLE, HI, STOP, ERROR],
    "that failed at once": [ERROR],
}

BAD: dict[str, list[ChatEvent]] = {
    "nothing": [],
    "only usage": [USAGE],
    "no role": [HI, STOP],
    "two roles": [ROLE, ROLE, HI, STOP],
    "a role with content": [Delta(0, {"role": "assistant", "content": "Hi"}), STOP],
    "no finish": [ROLE, HI],
    "two finishes": [ROLE, HI, STOP, STOP],
    "a finish with content": [ROLE, Delta(0, {"content": "Hi"}, "stop")],
    "something behind the finish": [ROLE, STOP, HI],
    "an unknown finish": [ROLE, Delta(0, {}, "null")],
    "one choice of two without a finish": [ROLE, Delta(1, {"role": "assistant"}), STOP],
    "an empty piece": [ROLE, Delta(0, {"content": ""}), STOP],
    "a piece of nothing": [ROLE, Delta(0, {}), STOP],
    "a strange piece": [ROLE, Delta(0, {"audio": {}}), STOP],
    "an annotation of another kind": [ROLE, HI, cited("file_citation"), STOP],
    "an annotation of more": [ROLE, HI, cited(icon=""), STOP],
    "a null": [ROLE, Delta(0, {"content": None}), STOP],
    "half a character": [ROLE, Delta(0, {"content": "\ud83d"}), STOP],
    "usage before the finish": [ROLE, USAGE, STOP],
    "usage twice": [ROLE, STOP, USAGE, USAGE],
    "usage in another shape": [ROLE, STOP, Usage(COUNTS)],
    "usage that is no number": [ROLE, STOP, Usage(COUNTS | DETAILS | {"total_tokens": 3.0})],
    "something behind an error": [ROLE, ERROR, HI],
    "two errors": [ERROR, ERROR],
    "a negative choice": [Delta(-1, {"role": "assistant"}), Delta(-1, {}, "stop")],
    "calls without saying so": [ROLE, first(), later(), STOP],
    "no calls, but it says so": [ROLE, HI, CALLED],
    "an index left out": [ROLE, first(1), CALLED],
    "an index that never began": [ROLE, later(), CALLED],
    "an id twice": [ROLE, first(), later(id="x"), CALLED],
    "two calls under one id": [ROLE, first(), first(1), CALLED],
    "an empty id": [ROLE, first(id=""), CALLED],
    "no name": [ROLE, first(name=""), CALLED],
    "null arguments": [ROLE, first(arguments=None), CALLED],
    "an empty piece of arguments": [ROLE, first(), later(arguments=""), CALLED],
}


@pytest.mark.parametrize("events", GOOD.values(), ids=GOOD.keys())
def test_good_answers_pass(events: list[ChatEvent]) -> None:
    check(events)


@pytest.mark.parametrize("events", BAD.values(), ids=BAD.keys())
def test_broken_promises_are_found(events: list[ChatEvent]) -> None:
    with pytest.raises((AssertionError, TypeError)):
        check(events)
