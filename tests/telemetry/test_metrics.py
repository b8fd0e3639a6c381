"""What is counted of exchanges, and how Prometheus is told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.telemetry.metrics import Metrics
from qwenproxy.telemetry.tallies import NOWHERE, SECONDS
from qwenproxy.traffic import Traffic
from qwenproxy.wire.openai import Delta, Usage
from tests.support.clock import Clock
from tests.support.figures import Figures, exposed, figures, total

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 34,
    "prompt_tokens_details": {"cached_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 7},
}


def told(*exchanges: Callable[[Record, Clock], object]) -> str:
    """What there is to read after *exchanges*."""
    metrics, clock = Metrics({}), Clock()
    traffic = Traffic([metrics])
    for exchange in exchanges:
        record = traffic.begin(Record("req_1", "POST", "chat", clock.now))
        exchange(record, clock)
        record.close()
    return exposed(metrics)


def streamed(record: Record, clock: Clock) -> None:
    record.asks("qwen3.7-plus", "compatible", "https://qwen.test/v1")
    record.rounds = 2
    clock.at += 0.2
    record.first_event()
    for pause in (0.1, 3.0, 0.5):
        clock.at += pause
        record.heard([Delta(0, {"content": "x"})])
    record.heard([Usage(USAGE)])


def odd(record: Record, clock: Clock) -> None:
    record.ruled(("logit_bias", "n"), ("temperature: 1.99",))
    record.taught(("max_output=64",))
    record.retried("request_corrected")
    record.retried("token_renewed")
    record.mended(("a call had no id",))
    for outcome in ("ok", "ok", "failed"):
        record.ran("a name that the model made up", outcome)


def refused(record: Record, clock: Clock) -> None:
    record.failed(ProxyError(errors.RATE_LIMIT, "too many"))


def left(record: Record, clock: Clock) -> None:
    record.close(cut=True)


CASES: dict[str, tuple[Callable[[Record, Clock], object], str, tuple[str, ...], Figures]] = {
    "how it ended": (
        streamed,
        "exchanges_total",
        ("endpoint", "model", "dialect", "status", "error"),
        {("chat", "qwen3.7-plus", "compatible", "200", ""): 1},
    ),
    "an error": (refused, "exchanges_total", ("status", "error"), {("429", "rate_limit_exceeded"): 1}),
    "an app that left": (left, "exchanges_total", ("status", "error"), {("499", "client_closed"): 1}),
    "the whole time": (streamed, "exchange_duration_seconds_sum", ("model",), {("qwen3.7-plus",): 3.8}),
    "the first event": (streamed, "first_event_seconds_sum", ("endpoint",), {("chat",): 0.2}),
    "the longest gap": (streamed, "longest_gap_seconds_sum", ("endpoint",), {("chat",): 3.0}),
    "tokens": (
        streamed,
        "tokens_total",
        ("kind",),
        {("prompt",): 12, ("completion",): 34, ("cached",): 5, ("reasoning",): 7},
    ),
    "rounds": (streamed, "rounds_total", ("model",), {("qwen3.7-plus",): 2}),
    "retries": (odd, "retries_total", ("reason",), {("request_corrected",): 1, ("token_renewed",): 1}),
    "tools": (odd, "tool_calls_total", ("outcome",), {("ok",): 2, ("failed",): 1}),
    "what was dropped": (odd, "dropped_total", (), {(): 2}),
    "what was changed": (odd, "changed_total", (), {(): 2}),
    "what was repaired": (odd, "repaired_total", (), {(): 1}),
    "what was learned": (odd, "learned_total", (), {(): 1}),
    "by worker": (odd, "worker_exchanges_total", ("worker",), {("0",): 1}),
}


@pytest.mark.parametrize(("exchange", "name", "labels", "expected"), CASES.values(), ids=CASES)
def test_an_exchange_is_counted(
    exchange: Callable[[Record, Clock], object], name: str, labels: tuple[str, ...], expected: Figures
) -> None:
    assert figures(told(exchange), f"qwenproxy_{name}", *labels) == pytest.approx(expected)


def test_what_is_under_way_is_told_until_it_ends() -> None:
    metrics = Metrics({})
    traffic = Traffic([metrics])
    under_way = [traffic.begin(Record("req_1", "POST", "chat", Clock().now)) for _ in range(3)]
    under_way.pop().close()
    assert total(exposed(metrics), "qwenproxy_exchanges_in_flight") == 2


def test_a_time_falls_into_the_bucket_that_it_does_not_exceed() -> None:
    """As `Histogram.observe` has it, which takes one at a time."""
    times = [0.0, *SECONDS, *(bound * 1.01 for bound in SECONDS)]

    def lasting(seconds: float) -> Callable[[Record, Clock], object]:
        def exchange(record: Record, clock: Clock) -> None:
            clock.at = 0.0
            record._started = 0.0
            clock.at += seconds

        return exchange

    own = Histogram("own", "as it is meant", registry=(registry := CollectorRegistry()), buckets=SECONDS)
    for seconds in times:
        own.observe(seconds)
    expected = figures(generate_latest(registry).decode(), "own_bucket", "le")
    assert figures(told(*map(lasting, times)), "qwenproxy_exchange_duration_seconds_bucket", "le") == expected


def test_what_had_no_endpoint_has_no_times() -> None:
    def nowhere(record: Record, clock: Clock) -> None:
        record.endpoint = NOWHERE

    text = told(nowhere)
    assert total(text, "qwenproxy_exchanges_total") == 1
    assert total(text, "qwenproxy_exchange_duration_seconds_count") == 0


def test_what_others_tell_is_counted() -> None:
    metrics = Metrics({"QWENPROXY_WORKER": "3"})
    metrics.limited("queue")
    metrics.refreshed("renewed")
    metrics.expires("oauth", 1_800_000_000.0)
    text = exposed(metrics)
    assert figures(text, "qwenproxy_limits_hit_total", "limit") == {("queue",): 1}
    assert figures(text, "qwenproxy_login_refreshes_total", "outcome") == {("renewed",): 1}
    assert figures(text, "qwenproxy_login_expiry_timestamp_seconds", "credential") == {("oauth",): 1_800_000_000.0}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_it_is_told_in_the_form_that_is_asked_for(accept: str, kind: str) -> None:
    body, told_kind = Metrics({}).exposition(accept)
    assert told_kind.startswith(kind)
    assert body.endswith(b"# EOF\n") == ("openmetrics" in kind)


WORK = """
import asyncio, os, sys
from qwenproxy.telemetry import metrics
from qwenproxy.record import Record
from qwenproxy.traffic import Traffic

async def main():
    metrics.PAUSE = 0.01
    traffic = Traffic([meter := metrics.Metrics()])
    for number in range(int(sys.argv[1])):
        record = traffic.begin(Record("req_1", "POST", "chat", lambda: 1.0))
        if number:
            record.close()
    meter.expires("oauth", 1_800_000_000.0 + int(sys.argv[1]))
    own = f'worker_exchanges_total{{worker="{os.environ["QWENPROXY_WORKER"]}"}}'
    while own not in (told := meter.exposition("")[0].decode()):
        await asyncio.sleep(0.01)
    print(told)

asyncio.run(main())
"""


def work(folder: Path, worker: int, exchanges: int) -> str:
    """What a worker tells that does so many exchanges, but for one that goes on."""
    environ = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "QWENPROXY_WORKER": str(worker)}
    addons = Path(__file__).parents[1] / "addons"
    command = [sys.executable, "-c", WORK, str(exchanges)]
    done = subprocess.run(
        command, env=environ | {"PYTHONPATH": str(addons)}, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_any_worker_speaks_for_all_and_of_the_dead_only_what_they_counted(tmp_path: Path) -> None:
    work(tmp_path, 0, 4)
    text = work(tmp_path, 1, 6)
    assert total(text, "qwenproxy_exchanges_total") == 3 + 5
    assert figures(text, "qwenproxy_worker_exchanges_total", "worker") == {("0",): 3, ("1",): 5}
    assert total(text, "qwenproxy_exchange_duration_seconds_count") == 3 + 5
    assert figures(text, "qwenproxy_exchanges_in_flight", "worker") == {("1",): 1}
    assert figures(text, "qwenproxy_login_expiry_timestamp_seconds", "credential") == {("oauth",): 1_800_000_006.0}
    assert len(figures(text, "qwenproxy_build_info", "version")) == 1
