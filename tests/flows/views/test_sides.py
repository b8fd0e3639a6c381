"""The parts of a view."""

from typing import Any

import pytest
from mitmproxy import http

from qwenproxy.flows.views import notes, sides
from qwenproxy.flows.views.notes import Notes
from qwenproxy.transcript import Kept
from tests.support.exchanges import ASKED, SAID, URL, noted, recorded


def notes_on(**made: Any) -> Notes:
    found = notes.of(noted(recorded(**made)))
    assert found is not None
    return found


def round_of(**made: Any) -> Kept:
    return notes_on(**made)["rounds"][0]


def test_the_summary_tells_the_exchange() -> None:
    found = notes_on(repairs=["ids"])
    found["exchange"]["error"] = "upstream_error: it broke"
    found["left_out"] = 2
    assert list(sides.summary(found)) == [
        "chat gpt-4o -> qwen3.7-plus",
        "200, 24+118 tokens, 1.00 s (first 1.00 s), id req_1",
        "dropped: logit_bias",
        "repaired: ids",
        "error: upstream_error: it broke",
        "2 more rounds were not kept",
    ]


def test_the_apps_request_comes_with_what_became_of_it() -> None:
    request = noted().request
    lines = list(sides.request_of_app(request.raw_content or b"", request, notes_on()))
    assert lines[1] == "===== from the app to Qwen (- dropped, + added, ~ changed) ====="
    assert lines[2:5] == ['- logit_bias: {"1": 1}', '~ model: "gpt-4o" -> "qwen3.7-plus"', "+ stream: true"]
    assert lines[-2] == "===== as the app sent it: POST /v1/chat/completions ====="
    assert f'"model": "{ASKED["model"]}"' in lines[-1]


def test_a_request_that_went_nowhere_is_shown_alone() -> None:
    request = noted().request
    lines = list(sides.request_of_app(b"{}", request, notes_on(answers=())))
    assert lines[1:] == ["===== as the app sent it: POST /v1/chat/completions =====", "{}"]


def test_qwens_request_is_shown_as_it_was_sent() -> None:
    title, *lines, body = sides.request_to_qwen(round_of())
    assert title == f"POST {URL}, sent at 0.000 s"
    assert lines == ["user-agent: app/1", "dropped: logit_bias", sides.EMPTY]
    assert '"model": "qwen3.7-plus"' in body


def test_qwens_answer_is_shown_as_its_message() -> None:
    title, *lines = sides.answer_of_qwen(round_of(repairs=["ids"]), "")
    assert title == f"200, head at 1.000 s, first event at 1.000 s, last at 1.000 s, {len(SAID)} bytes"
    assert lines == ["repaired: ids", "content: |\n  Hi\nfinish: stop"]


def test_what_the_app_got_just_so_is_not_shown_twice() -> None:
    assert sides.answer_of_qwen(round_of(), "content: |\n  Hi\nfinish: stop")[1:] == ["the same message"]


def test_a_refusal_is_no_message() -> None:
    kept = round_of(status=400, answers=[b'{"error":{"message":"No."}}'])
    kept["learned"] = ["max_output=64"]
    title, *lines = sides.answer_of_qwen(kept, "")
    assert title.startswith("400, ")
    assert lines == ["learned: max_output=64"]


def test_a_round_without_an_answer_says_why() -> None:
    kept = round_of()
    kept |= {"status": None, "answered": None, "first": None, "last": None, "answer_size": 0, "answer": b""}
    kept |= {"answer_headers": [], "error": "could not be reached"}
    assert sides.answer_of_qwen(kept, "") == ["no answer, 0 bytes", "error: could not be reached"]
    assert sides.raw_of_qwen(kept) == []


def test_what_was_not_kept_is_said() -> None:
    kept = round_of(keep=20)
    assert sides.request_to_qwen(kept)[0].endswith(f"20 bytes of {kept['size']}")
    assert sides.raw_of_qwen(kept)[0] == f"200, 20 bytes of {len(SAID)}"


@pytest.mark.parametrize(
    ("content_type", "body", "last"),
    [
        ("text/event-stream", SAID, SAID.decode().rstrip()),
        ("application/json", b'{"a":1}', '{\n  "a": 1\n}'),
    ],
)
def test_a_raw_answer_has_its_headers_and_its_body(content_type: str, body: bytes, last: str) -> None:
    kept = round_of(answers=[body])
    kept["answer_headers"] = [["Content-Type", content_type]]
    assert sides.raw_of_qwen(kept)[1:] == [f"Content-Type: {content_type}", sides.EMPTY, last]


def titles(found: Notes) -> list[str]:
    return [line for line in sides.each_round(found, "sent", lambda kept: ["x"]) if "sent" in line]


def test_rounds_are_told_apart_by_number_and_choice() -> None:
    assert titles(notes_on()) == ["===== sent: x ====="]
    found = notes_on(answers=[SAID, SAID])
    assert titles(found) == ["===== sent, round 1 of 2: x =====", "===== sent, round 2 of 2: x ====="]
    found["rounds"][1]["choice"] = 1
    assert titles(found)[1] == "===== sent, round 2 of 2, choice 1: x ====="


def response(body: bytes, content_type: str) -> http.Response:
    found = noted(answer=body).response
    assert found is not None
    found.headers["content-type"] = content_type
    return found


@pytest.mark.parametrize(
    ("content_type", "body", "shown", "raw"),
    [
        ("text/event-stream", SAID, "content: |\n  Hi\nfinish: stop", SAID.decode().rstrip()),
        ("text/event-stream", b": hi\n\n", "", ": hi"),
        ("application/json", b'{"error":{"message":"No."}}', '{\n  "error": {\n    "message": "No."\n  }\n}', None),
    ],
    ids=["stream", "heartbeats", "error"],
)
def test_what_the_app_got_is_shown_once(content_type: str, body: bytes, shown: str, raw: str | None) -> None:
    found = response(body, content_type)
    _, title, told = sides.answer_to_app(body, found)
    within = " in 2.50 s" if content_type.startswith("text/") else ""
    assert title == f"===== as the app got it: 200 {content_type}, {len(body)} bytes{within} ====="
    assert told == shown
    assert list(sides.raw_to_app(body, found))[2:] == ([] if raw is None else [raw])
