"""Items in order, whatever order the deltas come in."""

from collections.abc import Sequence

import pytest

from qwenproxy.endpoints.responses.output import Output, Wanted
from qwenproxy.endpoints.responses.stage import Stage
from qwenproxy.wire.openai import Delta, Json
from tests.endpoints.responses.asking import CALLED, LENGTH, STOP, calling, more, text


def said(*deltas: Delta, wanted: Wanted | None = None) -> list[Json]:
    stage = Stage("")
    output = Output(stage, wanted or Wanted())
    for delta in deltas:
        output.add(delta)
    return stage.output


def short(items: Sequence[Json]) -> list[str]:
    """Each item in a few words."""
    return [
        item["arguments"]
        if item["type"] == "function_call"
        else "".join(part["text"] for part in item.get("content", ()))
        for item in items
    ]


THOUGHT = text("hm", "reasoning_content")
CASES: dict[str, tuple[list[Delta], list[str]]] = {
    "in order": (
        [THOUGHT, text("a"), calling(0, "f", "{}"), calling(1, "f", '{"b":1}'), CALLED],
        ["", "a", "{}", '{"b":1}'],
    ),
    "pieces of two calls mixed": (
        [calling(0, "f", "{"), calling(1, "f", "{"), more(1, '"b":1'), more(0, '"a":1}'), more(1, "}"), CALLED],
        ['{"a":1}', '{"b":1}'],
    ),
    "a call without arguments in front": ([calling(0, "f"), calling(1, "f", '{"b":1}'), CALLED], ["{}", '{"b":1}']),
    "blanks after a call that is over": (
        [calling(0, "f", "{}"), calling(1, "f", "{}"), more(0, "\n"), CALLED],
        ["{}", "{}"],
    ),
    "text between the pieces of a call": (
        [calling(0, "f", "{"), text("a"), more(0, "}"), text("b"), CALLED],
        ["{}", "ab"],
    ),
    "text after a call": ([text("a"), calling(0, "f", "{}"), text("b"), STOP], ["a", "{}", "b"]),
    "thinking after the text": ([text("a"), THOUGHT, text("b"), STOP], ["ab", ""]),
    "thinking after a call": ([THOUGHT, calling(0, "f", "{}"), THOUGHT, STOP], ["", "{}", ""]),
    "nothing": ([STOP], [""]),
    "thinking only": ([THOUGHT, STOP], ["", ""]),
    "another choice": ([text("a"), Delta(1, {"content": "b"}), STOP], ["a"]),
}


@pytest.mark.parametrize("name", CASES)
def test_items_come_one_after_the_other(name: str) -> None:
    deltas, expected = CASES[name]
    assert short(said(*deltas)) == expected


@pytest.mark.parametrize(
    ("deltas", "statuses"),
    [
        ([text("a"), LENGTH], ["incomplete"]),
        ([text("a"), calling(0, "f", '{"a'), LENGTH], ["completed", "incomplete"]),
        ([calling(0, "f", "{"), calling(1, "f", "{"), LENGTH], ["completed", "incomplete"]),
        ([THOUGHT, LENGTH], [None]),
        ([text("a"), Delta(0, {}, "content_filter")], ["incomplete"]),
        ([text("a"), STOP], ["completed"]),
    ],
)
def test_the_last_item_tells_that_the_answer_was_cut(deltas: list[Delta], statuses: list[str | None]) -> None:
    assert [item.get("status") for item in said(*deltas)] == statuses


def test_text_is_told_at_once() -> None:
    stage = Stage("")
    output = Output(stage, Wanted())
    output.add(text("a"))
    stage.drain()
    output.add(text("b"))
    assert [event["delta"] for event in stage.drain()] == ["b"]
