"""From the first event to the one that ends the response."""

from collections.abc import Sequence

import pytest

from qwenproxy.endpoints.responses.output import Wanted
from qwenproxy.endpoints.responses.telling import Telling
from qwenproxy.errors import OVERLOADED, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Usage
from tests.endpoints.responses.asking import HEAD, LENGTH, STOP, asking, text

ERROR = ProxyError(OVERLOADED, "Busy.")
BEGINNING = ["response.created", "response.in_progress"]


def telling() -> Telling:
    return Telling(asking(), HEAD, Wanted(), lambda: 1_700_000_005)


@pytest.mark.parametrize(
    ("events", "status", "details", "completed"),
    [
        ([text("a"), STOP], "completed", None, 1_700_000_005),
        ([text("a"), LENGTH], "incomplete", {"reason": "max_output_tokens"}, None),
        ([Delta(0, {}, "content_filter")], "incomplete", {"reason": "content_filter"}, None),
        ([text("a")], "failed", None, None),
        ([], "failed", None, None),
        ([ERROR], "failed", None, None),
    ],
)
def test_how_it_ends(
    events: Sequence[ChatEvent], status: str, details: dict[str, str] | None, completed: int | None
) -> None:
    found = telling()
    told = found.tell(events) + found.end()
    assert [event["type"] for event in told[:2]] == BEGINNING
    assert told[-1] == {"type": f"response.{status}", "response": found.response}
    assert found.response["status"] == status
    assert found.response["incomplete_details"] == details
    assert found.response["completed_at"] == completed
    assert (found.response["error"] is not None) == (status == "failed")
    assert found.tell([text("b")]) + found.end() + found.fail(ERROR) == []


def test_the_first_events_know_nothing_of_the_last() -> None:
    found = telling()
    created, *_ = found.tell([text("a"), STOP, Usage({"total_tokens": 3})])
    found.end()
    assert (created["response"]["status"], created["response"]["output"]) == ("in_progress", [])
    assert found.response["usage"]["total_tokens"] == 3


def test_what_cannot_be_told_is_not_in_the_response() -> None:
    found = telling()
    found.tell([text("a"), STOP])
    found.end()
    error, last = found.break_off(ERROR, [])
    assert (error["type"], last["type"]) == ("error", "response.failed")
    assert last["response"]["output"] == []
