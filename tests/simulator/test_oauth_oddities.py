"""The rows of what can go wrong with the OAuth server."""

from typing import Any

import orjson
import pytest

from qwenproxy.simulator.oauth_oddities import CALLS, NONE, ODDITIES, Plan, planned
from qwenproxy.simulator.steps import Break, Send, Start, Step, Wait

ANSWER = {"access_token": "at", "refresh_token": "rt", "resource_url": "http://here", "expires_in": 5, "interval": 5}


def outcome(text: str) -> tuple[int, Any]:
    """Status and JSON of what the oddity *text* answers instead; 0 if it answers nothing."""
    row = planned(text)
    assert row.oddity.instead is not None
    steps = row.oddity.instead(row.argument)
    if not isinstance(steps[0], Start):
        return 0, steps[0]
    body = b"".join(step.data for step in steps if isinstance(step, Send))
    try:
        return steps[0].status, orjson.loads(body)
    except orjson.JSONDecodeError:
        return steps[0].status, body


@pytest.mark.parametrize(
    ("text", "status", "error"),
    [
        ("error", 500, "server_error"),
        ("error 503", 503, "server_error"),
        ("error-200 slow_down", 200, "slow_down"),
        ("pending", 400, "authorization_pending"),
        ("slow-down", 429, "slow_down"),
        ("slow-down 400", 400, "slow_down"),
        ("expired", 400, "expired_token"),
        ("denied", 400, "access_denied"),
        ("unknown", 401, "invalid_grant"),
        ("dead", 400, "invalid_request"),
        ("dead 401", 401, "invalid_request"),
    ],
)
def test_some_answer_with_an_error(text: str, status: int, error: str) -> None:
    assert outcome(text)[0] == status
    assert outcome(text)[1]["error"] == error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pending-200", (200, {"status": "pending"})),
        ("pending-null", (200, {"access_token": None})),
        ("garbled", (200, b"{ oops")),
        ("nothing", (200, b"")),
        ("rate-limit 7", (429, b"Too many requests")),
        ("moved", (302, b"")),
        ("disconnect", (0, Break())),
        ("hang", (0, Wait(86_400))),
    ],
)
def test_others_with_something_else(text: str, expected: object) -> None:
    assert outcome(text) == expected


@pytest.mark.parametrize("status", [200, 403, 405, 429, 503])
def test_the_firewall_has_a_page_for_every_status(status: int) -> None:
    found, page = outcome(f"firewall {status}")
    assert found == status
    assert page.startswith(b"<!doctype html>")
    assert b"aliyun_waf" in page


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("no-refresh-token", "refresh_token"),
        ("no-resource-url", "resource_url"),
        ("no-expires-in", "expires_in"),
        ("no-interval", "interval"),
    ],
)
def test_some_leave_something_out(text: str, missing: str) -> None:
    change = planned(text).oddity.change
    assert change is not None
    assert change(ANSWER, "") == {name: value for name, value in ANSWER.items() if name != missing}


def test_a_refresh_token_that_is_not_sent_is_not_rotated() -> None:
    assert [name for name, row in ODDITIES.items() if row.keeps] == ["no-refresh-token"]


def test_another_api_may_be_named() -> None:
    row = planned("resource-url evil.example.com")
    assert row.oddity.change is not None
    assert row.oddity.change(ANSWER, row.argument) == {**ANSWER, "resource_url": "evil.example.com"}


def test_slow_and_lost_come_after_the_deed() -> None:
    steps: list[Step] = [Start(200), Send(b"{}")]
    slow, lost = planned("slow 2").oddity, planned("lost").oddity
    assert slow.steps is not None
    assert lost.steps is not None
    assert slow.steps(steps, "2") == [Wait(2), *steps]
    assert lost.steps(steps, "") == [Break()]
    assert slow.instead is lost.instead is None


@pytest.mark.parametrize(
    ("text", "times", "at", "reason"),
    [
        ("sunshine", 1, "", "no oddity is called 'sunshine'"),
        ("", 1, "", "no oddity is called ''"),
        ("pending", 1, "refresh", "pending happens at: poll"),
        ("firewall 418", 1, "", "one of 200, 403, 405, 429, 503"),
        ("error 9000", 1, "", "'9000' is no status"),
        ("error often", 1, "", "often"),
        ("error", 0, "", "a number from 1 on"),
    ],
)
def test_what_is_not_there_cannot_be_planned(text: str, times: int, at: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        planned(text, times, at)


def test_planned_oddities_come_in_order_each_where_it_belongs() -> None:
    plan = Plan()
    for row in (planned("pending", 2), planned("slow-down"), planned("dead"), planned("firewall 503", at="device")):
        plan.add(row)
    calls = ("poll", "device", "poll", "poll", "poll", "refresh", "refresh", "device")
    names = {id(row): name for name, row in ODDITIES.items()} | {id(NONE): "none"}
    assert [names[id(plan.take(call)[0])] for call in calls] == [
        "pending",
        "firewall",
        "pending",
        "slow-down",
        "none",
        "dead",
        "none",
        "none",
    ]
    assert list(plan) == []


def test_one_can_hold_for_good_until_it_is_cleared() -> None:
    plan = Plan()
    plan.add(planned("error", None))
    assert all(plan.take("poll")[0] is ODDITIES["error"] for _ in range(5))
    plan.clear()
    assert plan.take("poll") == (NONE, "")


@pytest.mark.parametrize("name", list(ODDITIES))
def test_every_row_does_one_thing_and_says_it(name: str) -> None:
    row = ODDITIES[name]
    assert row.does
    assert set(row.at) <= set(CALLS)
    assert [row.instead, row.change, row.steps].count(None) == 2
