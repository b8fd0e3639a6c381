"""What is told of an exchange."""

import logging

import pytest

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.record import CLIENT_CLOSED, MOST_TOOLS, Record, text
from qwenproxy.wire.openai import Delta, Usage


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def record(clock: Clock | None = None) -> Record:
    made = Record("req_1", "POST", "chat", clock or Clock())
    made.model, made.used = "gpt-4o", "qwen3.7-plus"
    return made


def test_the_line_tells_times_tokens_and_what_was_changed(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    made = record(clock)
    made.stream, made.rounds = True, 2
    clock.now += 0.3124
    made.first_event()
    clock.now += 2
    made.heard([Delta(0, {"content": "secret words"}), Usage({"prompt_tokens": 24, "completion_tokens": 118})])
    made.ruled(("logit_bias",), ("temperature: 1.99",))
    made.learned = ("max_output=8192",)
    with caplog.at_level(logging.INFO):
        made.close()
        made.close()
    (line,) = caplog.records
    assert line.getMessage() == (
        "POST chat 200 gpt-4o->qwen3.7-plus stream first=312ms total=2312ms tokens=24+118 rounds=2 "
        'dropped=["logit_bias"] changed=["temperature: 1.99"] learned=["max_output=8192"] id=req_1'
    )
    assert line.__dict__["exchange"]["first_ms"] == 312


def test_the_line_tells_which_tools_were_run_and_how_that_ended(caplog: pytest.LogCaptureFixture) -> None:
    made = record()
    made.ran("clock", "ok")
    made.ran("x" * 9_000, "unknown")
    for _ in range(100):
        made.ran("clock", "ok")
    with caplog.at_level(logging.INFO):
        made.close()
    assert f' tools=["clock ok", "{"x" * 64} unknown", "clock ok", ' in caplog.text
    assert len(made.facts()["tools"]) == MOST_TOOLS


def test_the_last_attempts_rulings_count() -> None:
    made = record()
    made.ruled(("a",), ("b",))
    made.ruled((), ("c",))
    assert (made.dropped, made.changed) == ((), ("c",))


@pytest.mark.parametrize(
    ("failure", "level"), [(errors.RATE_LIMIT, logging.INFO), (errors.UPSTREAM_CUT, logging.WARNING)]
)
def test_an_error_is_told_with_its_status(
    failure: errors.Failure, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    made = record()
    made.heard([ProxyError(failure, "why")])
    with caplog.at_level(logging.INFO):
        made.close()
    assert caplog.records[0].levelno == level
    assert f"POST chat {failure.status}" in caplog.text
    assert f"{failure.code}: why" in caplog.text


def test_an_app_that_leaves_is_told_apart_from_an_error(caplog: pytest.LogCaptureFixture) -> None:
    left, failed = record(), record()
    failed.failed(ProxyError(errors.UPSTREAM_CUT, "why"))
    with caplog.at_level(logging.INFO):
        left.close(cut=True)
        failed.close(cut=True)
    assert [line.__dict__["exchange"]["status"] for line in caplog.records] == [CLIENT_CLOSED, 502]


def test_what_there_is_not_is_left_out() -> None:
    assert set(Record("req_1", "GET", "models", Clock()).facts()) == {
        "id",
        "method",
        "endpoint",
        "status",
        "stream",
        "total_ms",
        "rounds",
    }


def test_what_an_attempt_comes_to_is_kept_with_its_rounds() -> None:
    made = Record("req_1", "POST", "chat", Clock(), keep=100)
    assert made.transcript is not None
    made.ruled(("a",), ("b",))
    made.transcript.begin("POST", "https://host/v1", {}, b"", None)
    made.taught(("max_output=64",))
    (kept,) = made.transcript.rounds
    assert (kept["dropped"], kept["changed"], kept["learned"]) == (["a"], ["b"], ["max_output=64"])
    assert made.learned == ("max_output=64",)


def test_without_anything_to_keep_there_is_no_transcript() -> None:
    made = record()
    made.ruled(("a",), ("b",))
    made.taught(("max_output=64",))
    assert made.transcript is None
    assert made.learned == ("max_output=64",)


def test_the_longest_gap_is_between_two_reads_of_the_answer() -> None:
    clock = Clock()
    made = record(clock)
    clock.now += 9
    made.heard([])
    assert made.longest_gap == 0.0
    for pause in (1.0, 4.0, 2.0):
        clock.now += pause
        made.heard([])
    assert made.longest_gap == 4.0


def test_times_are_told_in_seconds_too() -> None:
    clock = Clock()
    made = record(clock)
    assert made.first_seconds is None
    clock.now += 2
    made.first_event()
    clock.now += 3
    made.close()
    clock.now += 5
    assert [made.first_seconds, made.seconds] == [2.0, 5.0]


def test_tokens_are_told_by_kind_as_far_as_they_are_counted() -> None:
    made = record()
    assert made.tokens() == {}
    made.usage = {"prompt_tokens": 24, "prompt_tokens_details": {"cached_tokens": 8}, "completion_tokens_details": None}
    assert made.tokens() == {"prompt": 24, "cached": 8}


def test_retries_and_repairs_are_told(caplog: pytest.LogCaptureFixture) -> None:
    made = record()
    made.retried("token_renewed")
    made.mended(("a call had no id",))
    with caplog.at_level(logging.INFO):
        made.close()
    assert 'changed=["a call had no id"] retries=["token_renewed"]' in caplog.text
    assert made.repaired == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProxyError(errors.QUOTA, "no more"), "insufficient_quota"),
        (ProxyError(errors.NOT_FOUND, "x"), "invalid_request_error"),
    ],
)
def test_an_error_has_the_code_of_its_envelope_or_else_the_type(error: ProxyError, code: str) -> None:
    made = record()
    made.failed(error)
    assert made.code == code


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("gpt-4o", "gpt-4o"),
        ("x" * 100_000, "x" * 200),
        ("a\nPOST chat 200 forged id=req_2", "a\\nPOST chat 200 forged id=req_2"),
        ("a\x1b[2J", "a\\x1b[2J"),
        ("модель", "модель"),
    ],
    ids=["usual", "long", "a line of its own", "for the terminal", "in another script"],
)
def test_a_models_name_cannot_forge_a_line(model: str, told: str) -> None:
    record = Record("req_1", "POST", "chat", lambda: 0.0)
    record.model = model
    assert record.facts()["model"] == told
    assert text(record.facts()).count("\n") == 0
