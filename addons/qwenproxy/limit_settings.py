"""The part of the table of settings that is about how much may be asked of the proxy."""

from dataclasses import dataclass

from qwenproxy import values
from qwenproxy.setting_rows import setting as _setting
from qwenproxy.state_settings import StateSettings


@dataclass(frozen=True, slots=True)
class LimitSettings(StateSettings):
    """Bounds on requests, connections and exchanges."""

    websockets: bool = _setting(
        values.FLAG,
        "true",
        "Whether `/v1/responses` is served over WebSockets, too; if not, they are refused with 426, and apps that can "
        "go on over plain HTTP",
    )
