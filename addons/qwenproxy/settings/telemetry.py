"""The part of the table of settings that is about what is seen from outside: metrics, traces, usage."""

from dataclasses import dataclass

from qwenproxy.settings import values
from qwenproxy.settings.limits import LimitSettings
from qwenproxy.settings.rows import setting as _setting


@dataclass(frozen=True, slots=True)
class TelemetrySettings(LimitSettings):
    """What is counted and told, and to whom."""

    metrics: bool = _setting(values.FLAG, "true", "Whether to count for Prometheus, at `/metrics`")
    usage: str = _setting(
        values.USAGE,
        "",
        "Where the usage by day, client key and model is kept: a file, or `off` for nowhere; "
        "empty: beside `state`: in `usage.db`, in the Redis, or nowhere if that is `memory` or `off`",
    )
    usage_lifetime: float = _setting(values.SPAN, "400d", "How long it is kept")
    otel: bool = _setting(
        values.FLAG,
        "false",
        "Whether to send traces and metrics by OpenTelemetry, whose own variables (`OTEL_…`) say where to; "
        "needs `qwenproxy[otel]`",
    )
    otel_content: bool = _setting(values.FLAG, "false", "Whether traces hold what apps ask and are answered")
