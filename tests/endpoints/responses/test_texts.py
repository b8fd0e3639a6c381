"""Thinking and messages, piece by piece."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses.stage import Piece, Stage
from qwenproxy.endpoints.responses.texts import Message, Reasoning, logprob
from qwenproxy.wire.openai import Json

SUMMARY = {"type": "summary_text", "text": "Hm."}


class Seal:
    """Lets everybody read it."""

    def close(self, what: str, text: str) -> str:
        return f"<{what}: {text}>"

    def open(self, what: str, sealed: str) -> str | None:
        raise AssertionError


@pytest.mark.parametrize(
    ("shown", "seal", "fields", "kinds"),
    [
        (False, None, {"summary": []}, []),
        (
            True,
            None,
            {"summary": [SUMMARY]},
            [
                "reasoning_summary_part.added",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.delta",
                "reasoning_summary_text.done",
                "reasoning_summary_part.done",
            ],
        ),
        (False, Seal(), {"summary": [], "encrypted_content": "<reasoning: Hm.>"}, []),
    ],
    ids=["hidden", "shown", "sealed"],
)
def test_thinking(shown: bool, seal: Any, fields: Json, kinds: list[str]) -> None:
    stage = Stage("")
    item = Reasoning(stage, shown=shown, seal=seal)
    item.open()
    item.feed(Piece("Hm"))
    item.feed(Piece("."))
    item.close("completed")
    assert stage.output == [{"id": "rs_00000000", "type": "reasoning"} | fields]
    told = [event["type"].removeprefix("response.") for event in stage.drain()]
    assert told == ["output_item.added", *kinds, "output_item.done"]


def message(*pieces: Piece, status: str = "completed") -> tuple[Json, list[Json]]:
    stage = Stage("")
    item = Message(stage)
    item.open()
    for piece in pieces:
        item.feed(piece)
    item.close(status)
    return stage.output[0], stage.drain()


def test_a_message_of_text_and_refusal() -> None:
    item, events = message(Piece("a", "output_text"), Piece("b", "output_text"), Piece("no", "refusal"))
    assert [part["type"] for part in item["content"]] == ["output_text", "refusal"]
    assert item["content"][1] == {"type": "refusal", "refusal": "no"}
    assert [event.get("content_index") for event in events if event["type"] == "response.content_part.done"] == [0, 1]
    assert events[0]["item"]["content"] == []


def test_a_message_without_a_word_has_one_empty_part() -> None:
    item, _ = message(status="incomplete")
    assert item["status"] == "incomplete"
    assert item["content"] == [{"type": "output_text", "annotations": [], "logprobs": [], "text": ""}]


def test_annotations_are_flat() -> None:
    citation = {"start_index": 0, "end_index": 1, "title": "t", "url": "u"}
    nested = {"type": "url_citation", "url_citation": citation}
    flat = {"type": "url_citation"} | citation
    item, events = message(Piece("a", "output_text"), Piece("", "output_text", (), (nested, flat)))
    assert item["content"][0]["annotations"] == [flat, flat]
    added = [event for event in events if event["type"] == "response.output_text.annotation.added"]
    assert [event["annotation_index"] for event in added] == [0, 1]


def test_log_probabilities_have_their_bytes() -> None:
    told = {
        "token": "é",
        "logprob": -0.5,
        "bytes": None,
        "top_logprobs": [{"token": "a", "logprob": -1.0, "bytes": [97]}],
    }
    expected = {
        "token": "é",
        "bytes": [0xC3, 0xA9],
        "logprob": -0.5,
        "top_logprobs": [{"token": "a", "bytes": [97], "logprob": -1.0}],
    }
    assert logprob(told) == expected
    item, events = message(Piece("é", "output_text", [told]), Piece("", "output_text", [told]))
    assert item["content"][0]["logprobs"] == [expected, expected]
    assert [event["logprobs"] for event in events if event["type"].endswith("text.delta")] == [[expected]]
