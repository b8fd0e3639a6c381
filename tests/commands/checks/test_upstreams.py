"""What it means how far one gets, and what the upstream's clock says of ours."""

from email.message import Message

import pytest

from qwenproxy.commands.checks.reach import Reached, Stage
from qwenproxy.commands.checks.upstreams import clock, upstream

URL = "https://dashscope.aliyuncs.com/compatible-mode/v1"
AT = 1_793_700_000.0
DATE = "Tue, 03 Nov 2026 10:00:00 GMT"  # 1_793_700_000


def reached(stage: Stage = "HTTP", error: str = "", status: int = 401, at: float = AT, **headers: str) -> Reached:
    head = Message()
    for name, value in headers.items():
        head[name] = value
    return Reached(stage, {"DNS": 0.0031, "TCP": 0.02}, error, False, status, head, at)


STATUSES = {200: "ok", 401: "ok", 403: "ok", 404: "ok", 405: "ok", 429: "ok", 302: "warn", 500: "warn", 503: "warn"}


@pytest.mark.parametrize(("status", "level"), STATUSES.items())
def test_any_answer_of_an_api_is_one(status: int, level: str) -> None:
    finding = upstream(URL, reached(status=status), [])
    assert finding.level == level
    assert finding.what.startswith(f"{URL}: DNS 3 ms, TCP 20 ms, status {status}")


FAILED: dict[Stage, str] = {
    "DNS": "resolver",
    "TCP": "firewall",
    "TLS": "a company's authority",
    "HTTP": "another port",
}


@pytest.mark.parametrize(("stage", "next"), FAILED.items())
def test_a_stage_that_fails_is_named_with_what_to_do(stage: Stage, next: str) -> None:
    finding = upstream(URL, reached(stage, "it broke"), [])
    assert finding.level == "fail"
    assert finding.what == f"{URL}: {stage} failed: it broke (DNS 3 ms, TCP 20 ms)"
    assert next in finding.next


@pytest.mark.parametrize(("stage", "told"), [("DNS", True), ("TCP", True), ("TLS", False)])
def test_a_company_proxy_may_be_the_only_way(stage: Stage, told: bool) -> None:
    assert ("http://corp:3128" in upstream(URL, reached(stage, "no"), ["http://corp:3128"]).next) is told


def test_a_certificate_of_another_time_hints_at_the_clock() -> None:
    found = reached("TLS", "its certificate is not trusted")
    found.bad_date = True
    assert upstream(URL, found, []).next == "See that the clock of this machine is right."


SKEWS: dict[float, tuple[str, str]] = {
    0.0: ("ok", "it goes as the upstream's"),
    29.0: ("ok", "it goes as the upstream's"),
    -29.0: ("ok", "it goes as the upstream's"),
    3600.0: ("warn", "1 h ahead of the upstream's"),
    -120.0: ("warn", "2 min behind the upstream's"),
}


@pytest.mark.parametrize(("skew", "expected"), SKEWS.items())
def test_our_clock_is_compared(skew: float, expected: tuple[str, str]) -> None:
    finding = clock([reached(at=AT + skew, date=DATE)])
    assert finding is not None
    assert (finding.level, finding.what) == expected


SILENT = {
    "no date": reached(),
    "no real one": reached(date="yesterday"),
    "from a cache": reached(date=DATE, age="600"),
    "no answer": reached(at=0.0, date=DATE),
}


@pytest.mark.parametrize("found", SILENT.values(), ids=SILENT.keys())
def test_without_a_date_nothing_is_said(found: Reached) -> None:
    assert clock([found]) is None


def test_of_several_upstreams_the_nearest_counts() -> None:
    """One of them may be wrong itself."""
    finding = clock([reached(at=AT + 999, date=DATE), reached(at=AT, date=DATE)])
    assert finding is not None
    assert finding.level == "ok"
