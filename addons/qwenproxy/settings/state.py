"""The part of the table of settings that is about what outlives a request."""

from dataclasses import dataclass

from qwenproxy.settings import values
from qwenproxy.settings.rows import setting as _setting
from qwenproxy.settings.tools import ToolSettings
from qwenproxy.settings.values import Secret


@dataclass(frozen=True, slots=True)
class StateSettings(ToolSettings):
    """Where responses and conversations are kept, and for how long."""

    state: str = _setting(
        values.STATE,
        "",
        "Where stored responses and conversations are kept: a file, `memory`, or `off` for nowhere; "
        "empty: `qwenproxy/state.db` in `$XDG_STATE_HOME` (`~/.local/state`).  "
        "`redis://host:6379/0`, `rediss://…` or `unix:///…`: a Redis, where several machines share these, the login, "
        "rate limits and what was learned",
    )
    state_password: Secret = _setting(values.KEY, "", "Password of that Redis, instead of one in `state`", secret=True)
    state_keys: tuple[Secret, ...] = _setting(
        values.LONG_KEYS,
        "",
        "Keys that seal what is kept in a Redis, and what apps carry for the proxy (thinking, compacted "
        "conversations), each of 32 characters or more: the first one seals, all of them open; none: those in a file "
        "beside `state`, made at its first use, and nothing in a Redis is sealed",
        secret=True,
    )
    state_keys_file: str = _setting(values.PATH, "", "File with more of them, one a line, `#` before a comment")
    state_lifetime: float = _setting(values.SPAN, "30d", "How long they are kept after their last use")
    state_limit: int = _setting(
        values.SIZE, "1g", "How much is kept; beyond it, what was used longest ago is forgotten"
    )
