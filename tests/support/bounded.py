"""A proxy with bounds of its own."""

import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.support.clients import HELLO, App, connected, trusting
from tests.support.processes import authority
from tests.support.proxy import Running

SOON = "0.3"


class Bounded:
    """A proxy with bounds of its own, and what they counted."""

    def __init__(self, running: Running, confdir: Path) -> None:
        self.running = running
        self.confdir = confdir
        self.hits: Counter[str] = Counter()
        running.addon.places.on_limit = lambda name: self.hits.update([name])

    def connected(self) -> AbstractAsyncContextManager[App]:
        return connected(self.running.ports[0])

    def tls(self, *alpn: str) -> ssl.SSLContext:
        return trusting(authority(self.confdir), *alpn)

    async def serves(self) -> None:
        """It goes on serving others."""
        async with connected(self.running.ports[0]) as app:
            assert (await app.ask(body=HELLO)).status == 200


type Start = Callable[..., Awaitable[Bounded]]
