"""Where the state is kept, by the settings and the environment."""

from collections.abc import Mapping
from pathlib import Path

from qwenproxy import redis_urls
from qwenproxy.settings import Settings, sources
from qwenproxy.shared.place import Shared
from qwenproxy.state.base import Store, Usage
from qwenproxy.state.database import Bounds
from qwenproxy.state.redis_store import RedisStore
from qwenproxy.state.redis_usage import RedisUsage
from qwenproxy.state.sqlite import SQLiteStore
from qwenproxy.state.usage import UsageFile

OFF, MEMORY = "off", "memory"


def store(settings: Settings, environ: Mapping[str, str], shared: Shared | None = None) -> Store | None:
    """The store that *settings* ask for; None: nothing is to be kept.  *shared*: what other machines share."""
    bounds = Bounds(settings.state_lifetime, settings.state_limit)
    if settings.state == OFF:
        return None
    if shared is not None:
        return RedisStore(shared, bounds)
    return SQLiteStore(None if settings.state == MEMORY else path_of(settings, environ), bounds)


def usage(settings: Settings, environ: Mapping[str, str]) -> Usage | None:
    """Where the usage is kept; None: nowhere."""
    if not settings.usage and redis_urls.is_one(settings.state):
        return RedisUsage(settings.state, settings.state_password, settings.usage_lifetime)
    path = usage_path(settings, environ)
    return None if path is None else UsageFile(path, settings.usage_lifetime)


def usage_path(settings: Settings, environ: Mapping[str, str]) -> Path | None:
    if settings.usage == OFF or (not settings.usage and settings.state in (OFF, MEMORY)):
        return None
    return Path(settings.usage) if settings.usage else path_of(settings, environ).with_name("usage.db")


def path_of(settings: Settings, environ: Mapping[str, str]) -> Path:
    """The file that was named, else the one in the user's folder for state (XDG Base Directory Specification)."""
    if settings.state and not redis_urls.is_one(settings.state):
        return Path(settings.state)
    given = environ.get("XDG_STATE_HOME", "")  # a relative one is to be ignored
    folder = Path(given) if given.startswith("/") else sources.home_path("~/.local/state", environ, Path.cwd())
    return folder / "qwenproxy" / "state.db"
