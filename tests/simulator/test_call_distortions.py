"""Oddities of calls, on the pieces of two calls; that every face shows them is seen with each face's scenarios."""

from collections.abc import Iterable

import pytest

from qwenproxy.simulator.call_distortions import distortions
from qwenproxy.simulator.face import Chunks
from qwenproxy.wire.openai import Json


def piece(index: int, id: str, name: str | None, arguments: str | None) -> Json:
    function: Json = {"arguments": arguments} if name is None else {"name": name, "arguments": arguments}
    return {"index": index, "id": id, "type": "function", "function": function}


def find(chunks: Chunks) -> Iterable[Json]:
    return (piece for chunk in chunks for piece in chunk["pieces"])


def stream() -> Chunks:
    pieces = [
        piece(0, "a", "first", ""),
        piece(0, "", None, "{"),
        piece(0, "", None, "}"),
        piece(1, "b", "second", ""),
        piece(1, "", "", None),
    ]
    return [{"pieces": [one]} for one in pieces]


type Told = list[tuple[object, object, object, object]]


def told(scenario: str) -> Told:
    """Index, id, name and arguments of each piece; `...` for what is left out."""
    distorted = distortions(find)[scenario](stream(), "")
    return [
        (one.get("index", ...), one.get("id", ...), one["function"].get("name", ...), one["function"]["arguments"])
        for one in find(distorted)
    ]


EXPECTED: dict[str, Told] = {
    "empty-ids": [
        (0, "a", "first", ""),
        (0, "", "", "{"),
        (0, "", "", "}"),
        (1, "b", "second", ""),
        (1, "", "", None),
    ],
    "repeated-names": [
        (0, "a", "first", ""),
        (0, "a", "first", "{"),
        (0, "a", "first", "}"),
        (1, "b", "second", ""),
        (1, "b", "second", None),
    ],
    "zero-index": [
        (0, "a", "first", ""),
        (0, "a", "first", "{"),
        (0, "a", "first", "}"),
        (0, "b", "second", ""),
        (0, "b", "second", None),
    ],
    "reused-index": [
        (0, "a", "first", ""),
        (0, "", ..., "{"),
        (0, "", ..., "}"),
        (0, "b", "second", ""),
        (0, "", "", None),
    ],
    "no-index": [
        (..., "a", "first", ""),
        (..., "", ..., "{"),
        (..., "", ..., "}"),
        (..., "b", "second", ""),
        (..., "", "", None),
    ],
    "no-ids": [
        (0, ..., "first", ""),
        (0, ..., ..., "{"),
        (0, ..., ..., "}"),
        (1, ..., "second", ""),
        (1, ..., "", None),
    ],
    "late-name": [
        (0, "a", ..., ""),
        (0, "", ..., "{"),
        (0, "", "first", "}"),
        (1, "b", ..., ""),
        (1, "", "second", None),
    ],
    "cumulative-arguments": [
        (0, "a", "first", ""),
        (0, "", ..., "{"),
        (0, "", ..., "{}"),
        (1, "b", "second", ""),
        (1, "", "", ""),
    ],
    "clean-calls": [
        (0, "a", "first", ""),
        (0, ..., ..., "{"),
        (0, ..., ..., "}"),
        (1, "b", "second", ""),
    ],
    "split-name": [
        (0, "a", "fi", ""),
        (0, "", "rst", ""),
        (0, "", ..., "{"),
        (0, "", ..., "}"),
        (1, "b", "sec", ""),
        (1, "", "ond", ""),
        (1, "", "", None),
    ],
}


def test_every_oddity_is_shown_here() -> None:
    assert EXPECTED.keys() == distortions(find).keys()


@pytest.mark.parametrize("scenario", EXPECTED)
def test_the_pieces_of_two_calls_become(scenario: str) -> None:
    assert told(scenario) == EXPECTED[scenario]
