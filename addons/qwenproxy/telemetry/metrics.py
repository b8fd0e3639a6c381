"""What is counted of the exchanges, in the form that Prometheus reads.

With PROMETHEUS_MULTIPROC_DIR, which a launcher of several workers sets, each worker writes its figures to files in that
folder, and any of them tells those of all.  prometheus_client decides by that variable when it is imported, so this
module must not be imported before the variable is known.

Its counters cost more than a request can spare: exchanges are counted in plain numbers (`tallies`), and these are
handed over when somebody asks, and every second where others may ask for them.
"""

import asyncio
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from qwenproxy import __version__
from qwenproxy.record import Record
from qwenproxy.settings.sources import WORKER
from qwenproxy.telemetry.tallies import NOWHERE, SECONDS, Tallies, Times

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder which the workers share."""
PAUSE = 1.0
"""Seconds after which other workers can tell what this one has counted."""
COUNTERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "exchanges": (
        "Requests of apps, by how they ended",
        ("endpoint", "model", "dialect", "status", "error"),
    ),
    "worker_exchanges": ("Exchanges that have ended, by worker", ("worker",)),
    "tokens": ("Tokens as Qwen counts them; cached ones are prompt, reasoning is completion", ("model", "kind")),
    "rounds": ("Calls of Qwen that were begun for exchanges", ("model",)),
    "retries": ("Calls that were made anew without a word to the app", ("reason",)),
    "learned": ("Limits of models that were learned from refusals", ()),
    "dropped": ("Parameters that were left out", ()),
    "changed": ("Parameters that were altered, and repairs", ()),
    "repaired": ("What was put right in answers", ()),
    "tool_calls": ("Calls of the proxy's own tools, by how they ended", ("outcome",)),
    "limits_hit": ("Requests and connections that met a limit of the proxy", ("limit",)),
    "answers_left": (
        "Answers that killed workers left behind: of `told` the app was told, the connections of others were `cut`",
        ("outcome",),
    ),
    "login_refreshes": ("Renewals of the OAuth login, by how they ended", ("outcome",)),
    "shared_state_failures": ("Calls of the Redis that failed; while it counts as away, none is made", ()),
    "rate_limits_alone": ("Requests that a proxy counted for itself, without the Redis", ()),
}
"""Counters: what they count, and by which labels.  One more is a row here, and `Metrics.count` where it happens."""
GAUGES: Mapping[str, tuple[str, tuple[str, ...], Any]] = {
    "exchanges_in_flight": ("Exchanges under way", ("worker",), "livesum"),
    "login_expiry_timestamp_seconds": ("When the token of the OAuth login ends", ("credential",), "livemostrecent"),
    "build_info": ("What runs", ("version", "python"), "livemax"),
}
"""What there is at the moment, by which labels, and how several workers' values become one."""
HISTOGRAMS: Mapping[str, str] = {
    "exchange_duration_seconds": "From a request to the end of its answer",
    "first_event_seconds": "From a request to the first event from Qwen",
    "longest_gap_seconds": "The longest time between two events of an answer",
}
"""Times, by endpoint and model."""


class Metrics:
    """The figures of this process: a watcher of its traffic.  Make one for each process."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        prometheus_client.disable_created_metrics()  # one more series for each, which nobody reads
        self._folder = environ.get(FOLDER, "")
        self._worker = environ.get(WORKER, "0")
        self._tallies = Tallies()
        self._under_way = 0
        self._timer: asyncio.TimerHandle | None = None
        self._registry = registry = CollectorRegistry()
        named: dict[str, Any] = {"namespace": "qwenproxy", "registry": registry}
        self._counters = {name: Counter(name, help, labels, **named) for name, (help, labels) in COUNTERS.items()}
        self._times = {
            name: Histogram(name, help, ("endpoint", "model"), buckets=SECONDS, **named)
            for name, help in HISTOGRAMS.items()
        }
        self._gauges = {
            name: Gauge(name, help, labels, multiprocess_mode=mode, **named)
            for name, (help, labels, mode) in GAUGES.items()
        }
        self._in_flight = self._gauges["exchanges_in_flight"].labels(self._worker)
        build = self._gauges["build_info"]
        build.labels(__version__, platform.python_version()).set(1)
        if not self._folder:
            ProcessCollector(registry=registry)

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """A request is in."""
        self._under_way += 1
        if self._folder and self._timer is None:
            self._settle_soon()

    def ended(self, record: Record) -> None:
        """Its answer is over: all of its figures are counted."""
        self._under_way -= 1
        self._tallies.add(record)
        if self._folder and self._timer is None:
            self._settle_soon()

    def limited(self, name: str) -> None:
        """A request or a connection has met the limit *name*, one of a few words."""
        self.count("limits_hit", name)

    def refreshed(self, outcome: str) -> None:
        """The login was to be renewed; *outcome*: one of a few words."""
        self.count("login_refreshes", outcome)

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to the counter *name* of the table."""
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(by)

    def expires(self, credential: str, at: float) -> None:
        """The token of *credential* ends *at* seconds since 1970."""
        self._gauges["login_expiry_timestamp_seconds"].labels(credential).set(at)

    def settle(self) -> None:
        """Hand over what was counted; on the event loop, as all of the above."""
        self._in_flight.set(self._under_way)
        alike, odd = self._tallies.taken()
        for (endpoint, model, dialect, status, error), tally in alike.items():
            self.count("exchanges", endpoint, model, dialect, str(status), error, by=tally.exchanges)
            self.count("worker_exchanges", self._worker, by=tally.exchanges)
            if endpoint == NOWHERE:
                continue
            self.count("rounds", model, by=tally.rounds)
            for kind, tokens in tally.tokens.items():
                self.count("tokens", model, kind, by=tokens)
            for name, times in zip(HISTOGRAMS, (tally.durations, tally.firsts, tally.gaps), strict=True):
                add(self._times[name].labels(endpoint, model), times)
        for (name, kind), number in odd.items():
            self.count(name, *filter(None, (kind,)), by=number)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All figures that were handed over, of all workers, and their content type, in the form that the header
        *accept* asks for; may be called in a thread.
        """
        encode, kind = choose_encoder(accept)
        registry = self._registry
        if self._folder:
            forget_the_dead(Path(self._folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=self._folder)
        return encode(registry), kind

    def _settle_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(PAUSE, self._settled)

    def _settled(self) -> None:
        self._timer = None
        self.settle()


def add(histogram: Histogram, times: Times) -> None:
    """Add *times* to *histogram*, whose own method takes one at a time."""
    histogram._sum.inc(times.sum)
    for bucket, number in zip(histogram._buckets, times.buckets, strict=True):
        if number:
            bucket.inc(number)


def forget_the_dead(folder: Path) -> None:
    """Remove from *folder* what processes that are no more have said of the moment; what they counted stays."""
    if os.name == "nt":
        return  # there, signal 0 is Ctrl-C
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))
        except PermissionError:
            continue
