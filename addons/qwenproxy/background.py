"""Responses that are made whether or not the app is still there."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from qwenproxy.archive import Archive
from qwenproxy.endpoints.base import Call, Writer
from qwenproxy.endpoints.responses import stored
from qwenproxy.errors import INTERNAL, ProxyError
from qwenproxy.exchange import Body, Exchange
from qwenproxy.recording import Plan, Recorder
from qwenproxy.wire.openai import ChatEvent, Head, Json

log = logging.getLogger(__name__)

BROKEN = ProxyError(INTERNAL, "internal error in the proxy; its log has the details")


class Begun:
    """A call whose answer begins to be told at once.  `beginning`: what there is to tell before the model answers."""

    def __init__(self, call: Call, head: Head) -> None:
        self.model = call.model
        self.chat = call.chat
        self.dropped = call.dropped
        self.stream = True
        self.sums_up = call.sums_up
        self._call = call
        self._writer = call.writer(head)
        self.beginning = self._writer.write(())

    def writer(self, head: Head) -> Writer:
        return self._writer

    def whole(self, head: Head, events: Sequence[ChatEvent]) -> Json:
        return self._call.whole(head, events)


class Background:
    """One response in the making, by *exchange*, whose call is *begun*."""

    def __init__(self, archive: Archive, plan: Plan, begun: Begun, head: Head, exchange: Exchange) -> None:
        self._archive = archive
        self._begun = begun
        self._head = head
        self._exchange = exchange
        self._recorder = Recorder(archive.store, plan, on_lost=lambda: archive.stop(head.id))

    async def start(self) -> Json:
        """Begin; the response as it is then, and is kept.  Raises ProxyError if it cannot be kept."""
        archive, name = self._archive, self._head.id
        first = stored.payload(self._begun.beginning.partition(b"\n\n")[0])
        body: Json = first["response"]
        try:
            await self._recorder.begin(self._begun.beginning)
        except BaseException as e:
            self._exchange.record.failed(e if isinstance(e, ProxyError) else BROKEN)
            self._exchange.record.close()
            raise
        archive.runs[name] = self._recorder
        task = archive.tasks[name] = asyncio.create_task(self._run())
        task.add_done_callback(self._ended(name))
        return body

    def _ended(self, name: str) -> Callable[[asyncio.Task[None]], None]:
        def forget(task: asyncio.Task[None]) -> None:
            if task.cancelled():  # here: one that is cancelled at once never runs
                self._exchange.record.called_off()
            self._exchange.record.close()
            self._archive.tasks.pop(name, None)
            self._archive.runs.pop(name, None)

        return forget

    async def _run(self) -> None:
        try:
            await self._answer()
        except ProxyError as e:
            self._exchange.record.failed(e)
            await self._recorder.take(self._begun.writer(self._head).write([e]))
        except asyncio.CancelledError:
            await self._recorder.leave()
            raise
        except Exception:  # whatever it is, whoever polls must hear of an end
            log.exception("a response in the background broke off")
            await self._recorder.fail(BROKEN)

    async def _answer(self) -> None:
        body = (await self._exchange.open()).body
        if isinstance(body, bytes):
            return  # it is streamed: see `Begun`
        try:
            await self._pump(body)
        finally:
            await body.close()

    async def _pump(self, body: Body) -> None:
        while data := await body.read():
            await self._recorder.take(data)
