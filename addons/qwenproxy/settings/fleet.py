"""The part of the table of settings that is about several workers and machines."""

from dataclasses import dataclass

from qwenproxy.settings import values
from qwenproxy.settings.rows import setting as _setting
from qwenproxy.settings.telemetry import TelemetrySettings


@dataclass(frozen=True, slots=True)
class FleetSettings(TelemetrySettings):
    """How workers and machines go together."""

    drain_timeout: float = _setting(
        values.seconds(0),
        "30",
        "Seconds that answers under way may take when the proxy, or a worker that is replaced, is to stop; 0: none",
    )
