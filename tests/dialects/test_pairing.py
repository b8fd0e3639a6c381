"""Tool calls and results: what a compacted, cut or shuffled history becomes."""

import pytest

from qwenproxy.dialects.pairing import NO_RESULT, pair
from qwenproxy.wire.openai import Json


def _calls(*ids: str) -> Json:
    calls = [{"id": made, "type": "function", "function": {"name": "f", "arguments": "{}"}} for made in ids]
    return {"role": "assistant", "content": "", "tool_calls": calls}


def _result(made: str, content: str = "done") -> Json:
    return {"role": "tool", "tool_call_id": made, "content": content}


def _stub(made: str) -> Json:
    return _result(made, NO_RESULT)


USER: Json = {"role": "user", "content": "go on"}

HISTORIES: list[tuple[str, list[Json], list[Json], int]] = [
    ("whole", [USER, _calls("a"), _result("a"), USER], [USER, _calls("a"), _result("a"), USER], 0),
    ("two at once", [_calls("a", "b"), _result("b"), _result("a")], [_calls("a", "b"), _result("b"), _result("a")], 0),
    ("an orphan in front", [_result("x"), USER], [USER], 1),
    ("an orphan in between", [_calls("a"), _result("a"), _result("x")], [_calls("a"), _result("a")], 1),
    ("answered twice", [_calls("a"), _result("a", "1"), _result("a", "2")], [_calls("a"), _result("a", "1")], 1),
    ("a result before its call", [_result("a"), _calls("a")], [_calls("a"), _stub("a")], 2),
    ("none at the end", [USER, _calls("a")], [USER, _calls("a"), _stub("a")], 1),
    ("one of two", [_calls("a", "b"), _result("b"), USER], [_calls("a", "b"), _result("b"), _stub("a"), USER], 1),
    ("a message in between", [_calls("a"), USER, _result("a")], [_calls("a"), _result("a"), USER], 0),
    (
        "ids counted anew in each turn",
        [_calls("0"), _result("0", "1"), USER, _calls("0"), _result("0", "2")],
        [_calls("0"), _result("0", "1"), USER, _calls("0"), _result("0", "2")],
        0,
    ),
    (
        "ids counted anew, the first unanswered",
        [_calls("0"), USER, _calls("0"), _result("0", "2")],
        [_calls("0"), _stub("0"), USER, _calls("0"), _result("0", "2")],
        1,
    ),
    ("an id left out", [USER, {"role": "tool", "content": "x"}], [USER], 1),
]


@pytest.mark.parametrize(
    ("history", "repaired", "noted"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES]
)
def test_every_call_is_followed_by_its_result(history: list[Json], repaired: list[Json], noted: int) -> None:
    notes: list[str] = []
    assert pair(history, notes) == repaired
    assert len(notes) == noted


def test_a_repaired_history_needs_no_further_repair() -> None:
    for _, history, _, _ in HISTORIES:
        once = pair(history, [])
        notes: list[str] = []
        assert pair(once, notes) == once
        assert not notes
