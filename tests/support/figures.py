"""What `/metrics` says, as numbers."""

import itertools
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.record import Record
from qwenproxy.telemetry.metrics import Metrics
from qwenproxy.traffic import Meter, Traffic
from qwenproxy.wire.openai import Usage

type Figures = Mapping[tuple[str, ...], float]


def figures(text: str, name: str, *labels: str) -> Figures:
    """The samples called *name* by the values of *labels*, summed over all others; without the zeros."""
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name and sample.value:
                key = tuple(sample.labels[label] for label in labels)
                found[key] = found.get(key, 0) + sample.value
    return found


def total(text: str, name: str) -> float:
    """The sum of all samples called *name*."""
    return sum(figures(text, name).values())


def exposed(meter: Meter) -> str:
    """What there is to read of *meter*."""
    meter.settle()
    return meter.exposition("")[0].decode()


def everything() -> str:
    """What there is to read where every figure has a value."""
    metrics = Metrics({})
    traffic = Traffic([metrics])
    ticks = itertools.count()
    record = traffic.begin(Record("req_1", "POST", "chat", lambda: float(next(ticks))))
    record.asks("qwen3.7-plus", "compatible", "https://qwen.test/v1")
    record.rounds = 1
    record.first_event()
    usage = {"prompt_tokens": 12, "completion_tokens": 34}
    record.heard([])
    record.heard([Usage(usage)])
    record.ruled(("logit_bias",), ("temperature: 1.99",))
    record.taught(("max_output=64",))
    record.retried("token_renewed")
    record.mended(("a call had no id",))
    record.ran("current_time", "ok")
    record.failed(ProxyError(errors.UPSTREAM_CUT, "cut"))
    record.close()
    traffic.begin(Record("req_2", "POST", "chat", lambda: 1.0))
    metrics.limited("queue")
    metrics.refreshed("renewed")
    metrics.count("answers_left", "told")
    metrics.count("shared_state_failures")
    metrics.count("rate_limits_alone")
    metrics.expires("oauth", 1_800_000_000.0)
    return exposed(metrics)
