"""The part of the table of settings that is about several workers and machines."""

from dataclasses import dataclass

from qwenproxy.telemetry_settings import TelemetrySettings


@dataclass(frozen=True, slots=True)
class FleetSettings(TelemetrySettings):
    """How workers and machines go together."""
