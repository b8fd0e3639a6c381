"""Sources of a web search as annotations."""

from collections.abc import Sequence
from typing import Any

import pytest

from qwenproxy.dialects import citations as module
from qwenproxy.dialects.citations import Citations
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage

OPENING = Delta(0, {"role": "assistant"})
STOP = Delta(0, {}, "stop")
CUT = ProxyError(UPSTREAM_CUT, "cut")


def source(number: int) -> Json:
    return {"index": number, "title": f"Page {number}", "url": f"https://a/{number}", "site_name": "A", "icon": ""}


def text(words: str, choice: int = 0) -> Delta:
    return Delta(choice, {"content": words})


def spans(events: Sequence[ChatEvent], choice: int = 0) -> list[tuple[str, int, int]]:
    """URL, start and end of each citation of a choice."""
    found = [
        e.delta["annotations"]
        for e in events
        if isinstance(e, Delta) and e.choice == choice and "annotations" in e.delta
    ]
    assert len(found) <= 1
    cited = [annotation["url_citation"] for annotations in found for annotation in annotations]
    return [(citation["url"], citation["start_index"], citation["end_index"]) for citation in cited]


def cited(*events: ChatEvent, results: Any = (), placed: bool = True) -> list[ChatEvent]:
    citations = Citations(placed=placed)
    citations.found(results)
    return citations.annotate(events)


TEXTS: dict[str, tuple[list[str], list[tuple[str, int, int]]]] = {
    "no mark": (["Riga [1]."], [("https://a/1", 0, 0), ("https://a/2", 0, 0)]),
    "a mark": (["Riga[ref_2]."], [("https://a/2", 4, 11), ("https://a/1", 0, 0)]),
    "a mark in pieces": (["Riga[", "ref_", "2].", ""], [("https://a/2", 4, 11), ("https://a/1", 0, 0)]),
    "marks of one source": (
        ["[ref_1] a [ref_1][ref_2]"],
        [("https://a/1", 0, 7), ("https://a/1", 10, 17), ("https://a/2", 17, 24)],
    ),
    "marks of nothing": (["[ref_3][ref_][ref_12345]"], [("https://a/1", 0, 0), ("https://a/2", 0, 0)]),
    "places are of characters": (["🌍é[ref_1]"], [("https://a/1", 2, 9), ("https://a/2", 0, 0)]),
    "no text": ([], [("https://a/1", 0, 0), ("https://a/2", 0, 0)]),
}


@pytest.mark.parametrize(("pieces", "expected"), TEXTS.values(), ids=TEXTS.keys())
def test_a_source_is_cited_where_the_text_names_it(pieces: list[str], expected: list[tuple[str, int, int]]) -> None:
    heard: list[ChatEvent] = [text(words) for words in pieces]
    assert spans(cited(OPENING, *heard, STOP, results=[source(1), source(2)])) == expected


def test_annotations_come_in_front_of_the_finish_and_nothing_else_changes() -> None:
    events: list[ChatEvent] = [OPENING, Delta(0, {"reasoning_content": "[ref_1]"}), text("a"), STOP, Usage({})]
    told = cited(*events, results=[source(1)])
    citation = {"start_index": 0, "end_index": 0, "title": "Page 1", "url": "https://a/1"}
    annotations = Delta(0, {"annotations": [{"type": "url_citation", "url_citation": citation}]})
    assert told == [*events[:3], annotations, *events[3:]]


def test_without_the_start_of_the_text_no_place_is_told() -> None:
    assert spans(cited(text("[ref_1]"), STOP, results=[source(1)], placed=False)) == [("https://a/1", 0, 0)]


def test_each_choice_has_its_own_places() -> None:
    events = cited(text("[ref_1]"), text("a[ref_1]", 1), STOP, Delta(1, {}, "stop"), results=[source(1)])
    assert spans(events) == [("https://a/1", 0, 7)]
    assert spans(events, 1) == [("https://a/1", 1, 8)]


ODD: dict[str, tuple[list[Any], list[str]]] = {
    "none": ([], []),
    "no results": ([None, 5, "a", []], []),
    "no address": ([{"index": 1, "title": "a"}, {"index": 2, "url": ""}, {"index": 3, "url": 5}], []),
    "no title": (
        [{"index": 1, "url": "https://a"}, {"index": 2, "url": "https://b", "title": 5}],
        ["https://a", "https://b"],
    ),
    "no numbers": ([{"url": "https://a"}, {"url": "https://b", "index": "x"}], ["https://a", "https://b"]),
    "listed again": ([source(1), source(1), source(2)], ["https://a/1", "https://a/2"]),
}


@pytest.mark.parametrize(("results", "urls"), ODD.values(), ids=ODD.keys())
def test_only_what_has_an_address_is_cited(results: list[Any], urls: list[str]) -> None:
    assert [url for url, _, _ in spans(cited(STOP, results=results))] == urls


def test_a_title_that_is_none_is_empty() -> None:
    told = cited(STOP, results=[{"url": "https://a", "title": None}])
    assert isinstance(told[0], Delta)
    assert told[0].delta["annotations"][0]["url_citation"]["title"] == ""


def test_sources_may_come_bit_by_bit() -> None:
    citations = Citations(placed=True)
    citations.found([source(1)])
    begun = citations.annotate([text("[ref_2]")])
    citations.found([source(1), source(2)])
    assert spans([*begun, *citations.annotate([STOP])]) == [("https://a/2", 0, 7), ("https://a/1", 0, 0)]


def test_a_broken_answer_is_not_annotated() -> None:
    assert cited(text("a"), CUT, results=[source(1)]) == [text("a"), CUT]


def test_their_number_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    assert len(spans(cited(text("[ref_1]" * 9), STOP, results=[source(1)]))) == 2
    assert len(spans(cited(STOP, results=[source(n) for n in range(9)]))) == 2
