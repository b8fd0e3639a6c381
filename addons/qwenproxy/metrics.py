"""What is counted of the exchanges, in the form that Prometheus reads.

With PROMETHEUS_MULTIPROC_DIR, which a launcher of several workers sets, each worker writes its figures to files in that
folder, and any of them tells those of all.  prometheus_client decides by that variable when it is imported, so this
module must not be imported before the variable is known.
"""

import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from qwenproxy import __version__
from qwenproxy.record import Record

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names the folder which the workers share."""
WORKER = "QWENPROXY_WORKER"
"""The variable that says which of them a process is."""
NOWHERE = "-"
"""The endpoint of what was refused before it was known, and of the proxy's own page."""
MODELS = 50
"""Names of models that are told apart; the figures of others are those of one, `other`."""
OTHER = "other"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Upper bounds of the buckets for times."""


class Children(dict[tuple[str, ...], Any]):
    """The children of *metric* by their labels' values; each is looked up once."""

    def __init__(self, metric: MetricWrapperBase) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> Any:
        child = self[labels] = self._metric.labels(*labels)
        return child


class Metrics:
    """The figures of this process: a watcher of its traffic.  Make one for each process."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        prometheus_client.disable_created_metrics()  # one more series for each, which nobody reads
        self._folder = environ.get(FOLDER, "")
        self._registry = CollectorRegistry()
        self._models: set[str] = set()
        worker = environ.get(WORKER, "0")

        self._exchanges = self._counter(
            "exchanges", "Requests of apps, by how they ended", "endpoint", "model", "dialect", "status", "error"
        )
        self._durations = self._histogram("exchange_duration_seconds", "From a request to the end of its answer")
        self._firsts = self._histogram("first_event_seconds", "From a request to the first event from Qwen")
        self._gaps = self._histogram("longest_gap_seconds", "The longest time between two events of an answer")
        self._tokens = self._counter(
            "tokens", "Tokens as Qwen counts them; cached ones are prompt, reasoning is completion", "model", "kind"
        )
        self._rounds = self._counter("rounds", "Calls of Qwen that were begun for exchanges", "model")
        self._retries = self._counter("retries", "Calls that were made anew without a word to the app", "reason")
        self._learned = self._single("learned", "Limits of models that were learned from refusals")
        self._dropped = self._single("dropped", "Parameters that were left out")
        self._changed = self._single("changed", "Parameters that were altered, and repairs")
        self._repaired = self._single("repaired", "What was put right in answers")
        self._tools = self._counter("tool_calls", "Calls of the proxy's own tools, by how they ended", "outcome")
        self._limits = self._counter("limits_hit", "Requests and connections that met a limit of the proxy", "limit")
        self._refreshes = self._counter("login_refreshes", "Renewals of the OAuth login, by how they ended", "outcome")
        self._expiry = Children(
            self._gauge("login_expiry_timestamp_seconds", "When the login's token ends", "livemostrecent", "credential")
        )
        self._under_way = self._gauge("exchanges_in_flight", "Exchanges under way", "livesum", "worker").labels(worker)
        self._worked = self._counter("worker_exchanges", "Exchanges that have ended, by worker", "worker")[worker,]
        build = self._gauge("build_info", "What runs", "livemax", "version", "python")
        build.labels(__version__, platform.python_version()).set(1)
        if not self._folder:
            ProcessCollector(registry=self._registry)

    def began(self, record: Record, headers: Mapping[str, str]) -> None:
        """A request is in."""
        self._under_way.inc()

    def ended(self, record: Record) -> None:
        """Its answer is over: all of its figures are counted."""
        self._under_way.dec()
        self._worked.inc()
        endpoint, model = record.endpoint, self._model(record)
        self._exchanges[endpoint, model, record.dialect, str(record.status), record.code].inc()
        if endpoint == NOWHERE:
            return
        self._durations[endpoint, model].observe(record.seconds)
        if (first := record.first_seconds) is not None:
            self._firsts[endpoint, model].observe(first)
        if record.longest_gap is not None:
            self._gaps[endpoint, model].observe(record.longest_gap)
        if record.rounds:
            self._rounds[model,].inc(record.rounds)
        for kind, count in record.tokens().items():
            if count:
                self._tokens[model, kind].inc(count)
        self._odd(record)

    def limited(self, name: str) -> None:
        """A request or a connection has met the limit *name*, one of a few words."""
        self._limits[name,].inc()

    def refreshed(self, outcome: str) -> None:
        """The login was to be renewed; *outcome*: one of a few words."""
        self._refreshes[outcome,].inc()

    def expires(self, credential: str, at: float) -> None:
        """The token of *credential* ends *at* seconds since 1970."""
        self._expiry[credential,].set(at)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All figures, of all workers, and their content type, in the form that the header *accept* asks for."""
        encode, kind = choose_encoder(accept)
        registry = self._registry
        if self._folder:
            forget_the_dead(Path(self._folder))
            registry = CollectorRegistry()
            MultiProcessCollector(registry, path=self._folder)
        return encode(registry), kind

    def _model(self, record: Record) -> str:
        """The label for the model: only names by which Qwen has answered, since apps may ask for anything."""
        name = record.used
        if name in self._models or not name:
            return name
        if record.first_seconds is not None and len(self._models) < MODELS:
            self._models.add(name)
            return name
        return OTHER

    def _odd(self, record: Record) -> None:
        """What most exchanges have nothing of."""
        for reason in record.retries:
            self._retries[reason,].inc()
        for outcome, count in record.outcomes.items():
            self._tools[outcome,].inc(count)
        for counter, number in (
            (self._learned, len(record.learned)),
            (self._dropped, len(record.dropped)),
            (self._changed, len(record.changed)),
            (self._repaired, record.repaired),
        ):
            if number:
                counter.inc(number)

    def _counter(self, name: str, help: str, *labels: str) -> Children:
        return Children(Counter(name, help, labels, namespace="qwenproxy", registry=self._registry))

    def _single(self, name: str, help: str) -> Counter:
        return Counter(name, help, namespace="qwenproxy", registry=self._registry)

    def _histogram(self, name: str, help: str) -> Children:
        labels = ("endpoint", "model")
        made = Histogram(name, help, labels, namespace="qwenproxy", registry=self._registry, buckets=SECONDS)
        return Children(made)

    def _gauge(self, name: str, help: str, mode: Any, *labels: str) -> Gauge:
        """A gauge; *mode*: how several workers' values become one."""
        registry = self._registry
        return Gauge(name, help, labels, namespace="qwenproxy", registry=registry, multiprocess_mode=mode)


def forget_the_dead(folder: Path) -> None:
    """Remove from *folder* what processes that are no more have said of the moment; what they counted stays."""
    for pid in {int(file.stem.rpartition("_")[2]) for file in folder.glob("gauge_live*.db")}:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            mark_process_dead(pid, str(folder))
        except PermissionError:
            continue
