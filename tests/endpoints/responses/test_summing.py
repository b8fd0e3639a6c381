"""A summary as the one item of its response."""

import pytest

from qwenproxy.endpoints.responses import compaction
from qwenproxy.endpoints.responses.compaction import PREFACE, Stand
from qwenproxy.wire.openai import ChatEvent, Delta, Json
from tests.endpoints.responses import asking as a

TRIGGERED: list[Json] = [{"role": "user", "content": "Hello"}, {"type": "compaction_trigger"}]


def told(*events: ChatEvent) -> list[Json]:
    return a.told(a.ask(TRIGGERED, stream=True, options={"seal": a.SEAL}), events)


def test_it_is_told_without_a_word_of_it() -> None:
    events = told(a.text("hm", "reasoning_content"), a.text("They "), a.text("talked."), a.STOP)
    assert [event["type"].removeprefix("response.") for event in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "compaction.compacting",
        "output_item.done",
        "completed",
    ]
    assert "talked" not in str(events)
    (item,) = events[-1]["response"]["output"]
    assert item["id"] == f"cmp_{a.STEM}00000000"
    message = {"role": "user", "content": f"{PREFACE}They talked."}
    assert compaction.opened(item, a.SEAL, "") == Stand([message], users=True)


@pytest.mark.parametrize("events", [[a.STOP], [a.text("hm", "reasoning_content"), a.STOP]])
def test_a_summary_without_a_word_is_none(events: list[ChatEvent]) -> None:
    """What it stands for would be lost."""
    assert told(*events)[-1]["response"]["status"] == "failed"


def test_one_that_is_cut_off_is_incomplete() -> None:
    response = told(a.text("They"), a.LENGTH)[-1]["response"]
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_other_choices_are_not_heard() -> None:
    assert len(told(a.text("Yes."), Delta(1, {"content": "No."}), a.STOP)[-1]["response"]["output"]) == 1
