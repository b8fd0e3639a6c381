"""The line that each call leaves."""

import io
import logging

import orjson
import pytest

from qwenproxy import logs
from qwenproxy.tools.audit import SHOWN, Trail


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "qwenproxy.tools")
    return caplog


def test_it_tells_name_outcome_time_and_sizes(lines: pytest.LogCaptureFixture) -> None:
    Trail().write("clock__now", "clock.py", "ok", 12, '{"zone": "UTC"}', "noon", "req-1")
    assert lines.messages == ["tool clock__now ok 12ms in=15 out=4 source='clock.py' id=req-1"]


def test_arguments_are_told_on_request_only_cut_and_without_secrets(lines: pytest.LogCaptureFixture) -> None:
    trail = Trail(arguments=True, secrets=["sk-1", "sk-1234", ""])
    trail.write("it", "", "ok", 1, '{"key": "sk-1234"}', "")
    trail.write("it", "", "ok", 1, "x" * 1_000_000, "")
    assert lines.messages[0] == """tool it ok 1ms in=18 out=0 arguments='{"key": "…"}'"""
    assert len(lines.messages[1]) < SHOWN + 100


def test_a_name_stays_on_its_line(lines: pytest.LogCaptureFixture) -> None:
    Trail().write("a\nERROR b" + "x" * 1_000, "", "unknown", 0, "", "")
    assert "\n" not in lines.messages[0]
    assert len(lines.messages[0]) < 200


def test_as_json_it_is_facts() -> None:
    out = io.StringIO()
    handler = logs.use_json(out)
    logging.getLogger("qwenproxy").setLevel(logging.INFO)
    try:
        Trail().write("it", "a.py", "ok", 1, "{}", "abc", "req-1")
    finally:
        logs.undo_json(handler)
        logging.getLogger("qwenproxy").setLevel(logging.NOTSET)
    call = {"tool": "it", "source": "a.py", "outcome": "ok", "ms": 1, "in": 2, "out": 3, "exchange": "req-1"}
    assert orjson.loads(out.getvalue())["call"] == call
