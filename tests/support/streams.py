"""Streams under way through several workers, which go on when the test says so."""

import asyncio
from contextlib import AsyncExitStack

from tests.support.clients import HELLO, App, Reply, connected, request
from tests.support.fleet import Fleet
from tests.support.stage import ANSWER, DONE, event
from tests.support.upstream import STREAM_END, STREAM_HEAD, Connection, whole

STREAMED = HELLO | {"stream": True}


class Slow:
    """An upstream whose streams go on when the test says so; whole answers are there at once."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection) -> None:
        if not connection.asked.json.get("stream"):
            await connection.send(whole(ANSWER))
            return
        await connection.send(STREAM_HEAD + event("one"))
        await self.go_on.wait()
        await connection.send(event("two", "stop") + DONE + STREAM_END)


class Streams:
    """Streams that have begun, each on a connection of its own."""

    def __init__(self, stack: AsyncExitStack, port: int) -> None:
        self._stack = stack
        self._port = port
        self._apps: list[tuple[App, Reply]] = []

    async def begin(self) -> None:
        app = await self._stack.enter_async_context(connected(self._port))
        await app.send(request(body=STREAMED))
        reply = await app.head()
        reply.body = await app.chunk()
        self._apps.append((app, reply))

    async def rest(self) -> list[Reply]:
        """All of them to their ends."""
        return list(await asyncio.gather(*(self._rest(app, reply) for app, reply in self._apps)))

    async def _rest(self, app: App, reply: Reply) -> Reply:
        try:
            reply.body += await app._body(reply.headers)
        except (asyncio.IncompleteReadError, ConnectionError):
            reply.broken = True
        return reply


async def busy(found: Fleet, streams: Streams) -> list[int]:
    """Begin streams until each worker has one; how many each has."""
    for _ in range(50):
        await streams.begin()
        counts = [worker["under_way"] for worker in await found.workers()]
        if all(counts) and len(counts) == 2:
            return counts
    raise AssertionError(counts)
