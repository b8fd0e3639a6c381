"""The part of the table of settings that is about how much may be asked of the proxy."""

from dataclasses import dataclass

from qwenproxy.state_settings import StateSettings


@dataclass(frozen=True, slots=True)
class LimitSettings(StateSettings):
    """Bounds on requests, connections and exchanges."""
