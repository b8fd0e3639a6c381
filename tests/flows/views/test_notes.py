"""What an exchange leaves on its flow."""

from io import BytesIO
from typing import Any

import pytest
from mitmproxy import flowfilter, http, io

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.flows.views import notes
from tests.support.exchanges import flow, noted, recorded

FACTS: dict[str, Any] = {
    "endpoint": "chat",
    "status": 200,
    "model": "gpt-4o",
    "used": "qwen3.7-plus",
    "total_ms": 2312,
}


@pytest.mark.parametrize(
    ("facts", "comment"),
    [
        ({}, "chat gpt-4o -> qwen3.7-plus, 200, 2.31 s"),
        ({"used": "gpt-4o"}, "chat gpt-4o, 200, 2.31 s"),
        ({"model": "", "used": ""}, "chat, 200, 2.31 s"),
        (
            {"prompt_tokens": 24, "completion_tokens": 118, "first_ms": 310},
            "chat gpt-4o -> qwen3.7-plus, 200, 24+118 tokens, 2.31 s (first 0.31 s)",
        ),
        ({"rounds": 1}, "chat gpt-4o -> qwen3.7-plus, 200, 2.31 s"),
        ({"rounds": 3}, "chat gpt-4o -> qwen3.7-plus, 200, 2.31 s, 3 rounds"),
        (
            {"dropped": ["user", "store"], "learned": ["max_output=64"], "changed": ["n 9 -> 4"], "repaired": ["ids"]},
            "chat gpt-4o -> qwen3.7-plus, 200, 2.31 s, dropped user; store, learned max_output=64, changed n 9 -> 4, "
            "repaired ids",
        ),
        ({"error": "e" * 200}, f"chat gpt-4o -> qwen3.7-plus, 200, 2.31 s, {'e' * 100}"),
    ],
)
def test_a_comment_tells_an_exchange_at_a_glance(facts: dict[str, Any], comment: str) -> None:
    assert notes.comment(FACTS | facts) == comment


@pytest.mark.parametrize(
    ("facts", "mark"),
    [
        ({}, ""),
        ({"dropped": ["user"]}, ""),
        ({"learned": ["max_output=64"]}, ":wrench:"),
        ({"repaired": ["ids"]}, ":wrench:"),
        ({"changed": ["n 9 -> 4"]}, ":wrench:"),
        ({"status": 429, "learned": ["x"]}, ":warning:"),
        ({"status": 499}, ":scissors:"),
        ({"status": 502}, ":x:"),
    ],
)
def test_what_stands_out_is_marked(facts: dict[str, Any], mark: str) -> None:
    assert notes.mark(FACTS | facts) == mark


def test_while_it_goes_on_it_says_so() -> None:
    found = flow()
    record = recorded()
    notes.take(found, record, live=True)
    assert (found.comment, found.marked) == ("chat gpt-4o -> qwen3.7-plus, answering", "")
    record.failed(ProxyError(errors.UPSTREAM_CUT, "It broke off."))
    notes.take(found, record)
    assert found.comment.startswith("❌ chat gpt-4o -> qwen3.7-plus, 502, 24+118 tokens, 1.00 s (first 1.00 s)")
    assert found.marked == ":x:"


def test_an_app_that_left_is_told() -> None:
    found = flow()
    notes.take(found, recorded(), left=True)
    assert (found.marked, found.comment[:35]) == (":scissors:", "✂ chat gpt-4o -> qwen3.7-plus, 499,")


def test_what_a_user_wrote_stays() -> None:
    found = flow()
    found.comment, found.marked = "mine", ":grapes:"
    notes.take(found, recorded())
    assert (found.comment, found.marked) == ("mine", ":grapes:")


def test_a_request_for_nothing_is_called_by_its_path() -> None:
    found = flow()
    found.request.path = "/v1/nothing?key=SECRET"
    record = recorded(answers=())
    record.endpoint, record.model, record.used = "-", "", ""
    notes.take(found, record)
    assert found.comment.startswith("POST /v1/nothing, 200, ")


def test_a_repair_is_told_once() -> None:
    record = recorded(repairs=["ids"])
    record.changed = ("n 9 -> 4", "ids")
    assert noted(record).comment.endswith("changed n 9 -> 4, repaired ids")


def test_notes_are_saved_and_read_with_their_flow() -> None:
    found = noted()
    file = BytesIO()
    io.FlowWriter(file).add(found)
    file.seek(0)
    (again,) = io.FlowReader(file).stream()
    assert isinstance(again, http.HTTPFlow)
    assert notes.of(again) == notes.of(found) is not None
    assert again.comment == found.comment


@pytest.mark.parametrize("metadata", [{}, {"qwenproxy": 1}, {"qwenproxy": {}}, {"qwenproxy": {"version": 99}}])
def test_notes_that_cannot_be_read_are_none(metadata: dict[str, Any]) -> None:
    found = flow()
    found.metadata |= metadata
    assert notes.of(found) is None


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("~comment 'qwen3.7-plus'", True),
        ("~comment 'dropped'", True),
        ("~comment learned", False),
        ("~marked", False),
        ("~marker x", False),
        ("~meta '\"stream\":true'", True),
        ("~meta nowhere", False),
    ],
)
def test_filters_find_an_exchange(expression: str, fits: bool) -> None:
    assert bool(flowfilter.match(expression, noted())) is fits
