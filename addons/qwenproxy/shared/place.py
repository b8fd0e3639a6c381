"""The shared state by the settings."""

from typing import NamedTuple

from qwenproxy import redis_urls
from qwenproxy.settings import Settings
from qwenproxy.shared.link import Link
from qwenproxy.shared.seal import Seal

MAKE_ONE = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


class Shared(NamedTuple):
    """The way to a Redis, and what seals what is kept there."""

    link: Link
    seal: Seal


def shared(settings: Settings) -> Shared | None:
    """What the machines share; None if the state is one machine's own.  Connects to nothing yet."""
    if not redis_urls.is_one(settings.state):
        return None
    seal = Seal([key.reveal() for key in settings.state_keys])
    return Shared(Link(settings.state, settings.state_password.reveal()), seal)


def check(settings: Settings, what: str) -> None:
    """Raise ValueError if *what*, which must not lie open in a Redis, could not be sealed."""
    if redis_urls.is_one(settings.state) and not settings.state_keys:
        source = settings.sources.get("state", "state")
        raise ValueError(
            f"{source}: to share {what} through a Redis needs state_keys, the same on all machines; make one with "
            f"`{MAKE_ONE}` and set QWENPROXY_STATE_KEYS, or name a file with it in state_keys_file"
        )
