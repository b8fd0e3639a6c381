"""Plays an answer's steps to one client."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from qwenproxy.simulator.steps import Break, Send, Start, Step, Wait


class Player:
    """Plays one answer.  `broke` says that the connection's end was part of it."""

    def __init__(self, request: web.Request, pace: float) -> None:
        self._request = request
        self._pace = pace
        self._response = web.StreamResponse()
        self._left: int | None = None
        self.broke = False

    async def play(self, steps: Sequence[Step]) -> web.StreamResponse:
        """Takes the steps in order; *pace* seconds after each piece of a stream.  Raises ConnectionError."""
        for step in steps:
            await self._take(step)
        if self._left:
            self._break(Break())  # fewer bytes than announced: only the end of the connection can say so
        return self._response

    async def _take(self, step: Step) -> None:
        match step:
            case Start():
                await self._start(step)
            case Send():
                await self._send(step.data)
            case Wait():
                await asyncio.sleep(step.seconds)
            case Break():
                self._break(step)

    async def _start(self, step: Start) -> None:
        self._response = web.StreamResponse(status=step.status, headers=step.headers)
        self._left = self._response.content_length
        await self._response.prepare(self._request)

    async def _send(self, data: bytes) -> None:
        if not data:
            return
        await self._response.write(data)
        if self._left is not None:
            self._left -= len(data)
        else:
            await asyncio.sleep(self._pace)

    def _break(self, step: Break) -> None:
        self.broke = True
        transport = self._request.transport
        if transport is not None:
            transport.abort() if step.how == "reset" else transport.close()
