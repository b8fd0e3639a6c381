"""The part of the table of settings that is about what is seen from outside: metrics, traces, usage."""

from dataclasses import dataclass

from qwenproxy.limit_settings import LimitSettings


@dataclass(frozen=True, slots=True)
class TelemetrySettings(LimitSettings):
    """What is counted and told, and to whom."""
