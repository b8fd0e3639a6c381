"""What outlives an exchange, in one place: what is stored, what seals it, and what machines share."""

from collections.abc import Mapping
from dataclasses import fields

from qwenproxy.archive import Archive
from qwenproxy.settings import Settings
from qwenproxy.settings.state import StateSettings
from qwenproxy.shared import place as shared_state
from qwenproxy.state import keys, place


class Keeping:
    """All of it, as *settings* and *environ* say; connects to nothing, and opens no file, before it is needed."""

    def __init__(self, settings: Settings, environ: Mapping[str, str]) -> None:
        self.shared = shared_state.shared(settings)
        """None: the state is this machine's own."""
        store = place.store(settings, environ, self.shared)
        self.archive = None if store is None else Archive(store)
        """None: nothing is stored."""
        self.seals = keys.seals(settings, environ)

    async def close(self) -> None:
        """Close the store first, which has something to say over the link; responses in the background end."""
        try:
            if self.archive is not None:
                await self.archive.close()
        finally:
            if self.shared is not None:
                await self.shared.link.close()


def state_of(found: Settings) -> tuple[object, ...]:
    """What *found* says of all this."""
    return tuple(getattr(found, each.name) for each in fields(StateSettings) if each.name.startswith("state"))
