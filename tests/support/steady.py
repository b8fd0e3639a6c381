"""Apps that ask and ask, over connections that they keep as long as they may, and never twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tests.support.clients import HELLO, App, Reply, connected


@dataclass
class Steady:
    """What has become of the exchanges so far."""

    answers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    ending: bool = False
    """From now on nobody asks anything new, and to find nobody there is no failure."""

    async def app(self, port: int, *, stream: bool) -> None:
        """One app: whole answers, or streams; after a failure it connects anew."""
        async with AsyncExitStack() as stack:
            app: App | None = None
            while not self.ending:
                try:
                    if app is None:
                        app = await stack.enter_async_context(connected(port))
                    reply = await app.ask(body=HELLO | {"stream": stream})
                except (OSError, asyncio.IncompleteReadError) as e:
                    if not (self.ending and isinstance(e, ConnectionRefusedError)):
                        self.failures.append(repr(e))
                    app = None
                    continue
                self.note(reply, stream)
                if reply.broken or reply.headers.get("connection") == "close":
                    app = None

    def note(self, reply: Reply, stream: bool) -> None:
        whole = reply.body.endswith(b"data: [DONE]\n\n") if stream else reply.status == 200
        if reply.broken or not whole:
            self.failures.append(f"{reply.status} {reply.body[-200:]!r} {'broken' if reply.broken else ''}")
        self.answers["stream" if stream else "whole"] += 1


@asynccontextmanager
async def steady(port: int, *, whole: int, streams: int) -> AsyncIterator[Steady]:
    """So many apps of each kind; at the end, each has had the last of its answers."""
    found = Steady()
    kinds = [False] * whole + [True] * streams
    apps = [asyncio.ensure_future(found.app(port, stream=stream)) for stream in kinds]
    try:
        yield found
        found.ending = True
        async with asyncio.timeout(30):
            await asyncio.gather(*apps)
    finally:
        for app in apps:
            app.cancel()
