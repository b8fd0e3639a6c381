"""The part of the table of settings that is about what outlives a request."""

from dataclasses import dataclass

from qwenproxy import values
from qwenproxy.setting_rows import setting as _setting
from qwenproxy.tool_settings import ToolSettings
from qwenproxy.values import Secret


@dataclass(frozen=True, slots=True)
class StateSettings(ToolSettings):
    """Where responses and conversations are kept, and for how long."""

    state: str = _setting(
        values.STATE,
        "",
        "Where stored responses and conversations are kept: a file, `memory`, or `off` for nowhere; "
        "empty: `qwenproxy/state.db` in `$XDG_STATE_HOME` (`~/.local/state`)",
    )
    state_lifetime: float = _setting(values.SPAN, "30d", "How long they are kept after their last use")
    state_limit: int = _setting(
        values.SIZE, "1g", "How much is kept; beyond it, what was used longest ago is forgotten"
    )
    state_keys: tuple[Secret, ...] = _setting(
        values.LONG_KEYS,
        "",
        "Keys that seal what apps carry for the proxy (thinking, compacted conversations), each of 32 characters or "
        "more: the first one seals, all of them open; none: a file beside `state`, made at its first use",
        secret=True,
    )
