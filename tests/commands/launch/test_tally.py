"""Counting exchanges from the log, and the one line that tells of them."""

import logging
from typing import Any

import pytest

from qwenproxy.commands.launch.tally import LONGEST, Tally, text
from qwenproxy.errors import RATE_LIMIT, ProxyError
from qwenproxy.record import Record
from qwenproxy.wire.openai import Usage


@pytest.fixture
def tally() -> Any:
    log, found = logging.getLogger("qwenproxy.exchange"), Tally()
    level = log.level
    log.addHandler(found)
    log.setLevel(logging.INFO)
    yield found
    log.removeHandler(found)
    log.setLevel(level)


def record() -> Record:
    return Record("req_1", "POST", "chat", lambda: 0.0)


def test_it_counts_what_records_tell(tally: Tally) -> None:
    good, bad = record(), record()
    good.heard([Usage({"prompt_tokens": 12, "completion_tokens": 30, "total_tokens": 42})])
    bad.failed(ProxyError(RATE_LIMIT, "too many"))
    for each in (good, bad, record()):
        each.close()
    assert tally.facts() == {
        "exchanges": 3,
        "errors": 1,
        "prompt_tokens": 12,
        "completion_tokens": 30,
        "last_error": f"{RATE_LIMIT.code or RATE_LIMIT.type}: too many",
    }


def test_other_log_lines_do_not_count(tally: Tally) -> None:
    logging.getLogger("qwenproxy.exchange").warning("something else")
    assert tally.exchanges == 0


def facts(exchanges: int, errors: int = 0, last: str = "") -> dict[str, Any]:
    counts = {"prompt_tokens": 120, "completion_tokens": 340}
    return {"exchanges": exchanges, "errors": errors, "last_error": last, **counts}


LINES: dict[str, tuple[dict[str, Any], str]] = {
    "none": (facts(0), "no call came through the proxy"),
    "one": (facts(1), "1 exchange, 120 + 340 tokens, no errors"),
    "several": (facts(3), "3 exchanges, 120 + 340 tokens, no errors"),
    "an error": (facts(3, 1, "x: y"), "3 exchanges, 120 + 340 tokens, 1 error (x: y)"),
    "errors": (facts(3, 2, "x: y\n z"), "3 exchanges, 120 + 340 tokens, 2 errors (the last: x: y z)"),
}


@pytest.mark.parametrize(("found", "line"), LINES.values(), ids=LINES.keys())
def test_the_summary_is_one_line(found: dict[str, Any], line: str) -> None:
    assert text(found) == line


def test_a_long_error_is_cut() -> None:
    assert text(facts(1, 1, "x" * 1000)).endswith(f"({'x' * LONGEST}…)")
