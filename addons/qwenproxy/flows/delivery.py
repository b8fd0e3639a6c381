"""From an exchange's body to the app, piece by piece, as fast as the app reads and no faster."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mitmproxy.connection import Server
from mitmproxy.proxy import commands, events

from qwenproxy import sse
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Body
from qwenproxy.flows import shortcut
from qwenproxy.flows.shortcut import Shortcut

log = logging.getLogger(__name__)

NOWHERE = Server(address=None)
CUT = b"\n\n: more was delivered, and not kept (setting view_limit)\n\n" + sse.encode(
    b'{"error":{"message":"only the beginning of this answer was kept","type":"server_error","param":null,"code":null}}'
)


class Channel(Protocol):
    """The part of mitmproxy's ConnectionHandler by which a connection's layers are told, and its app waited for."""

    async def server_event(self, event: events.Event) -> None: ...
    async def drain_writers(self) -> None: ...


class Handler(Channel, shortcut.Handler, Protocol):
    """The part of it that a delivery needs."""


class Pull(commands.ConnectionCommand):
    """The layer waits for the next piece.  Its connection is no transport's, so mitmproxy's server leaves it alone."""

    blocking = True

    def __init__(self) -> None:
        super().__init__(NOWHERE)


@dataclass(repr=False)
class Pulled(events.CommandCompleted):
    """The next piece: b"" is the end, None means that the answer broke off."""

    command: Pull
    reply: bytes | None


class Delivery:
    """One body under way.

    *heartbeat*: seconds of silence after which a comment is sent, 0 for never.  *keep*: bytes kept for viewing.
    *stall*: seconds that the app may leave unread what was sent, 0 for any time; then *on_stall* is called.
    """

    def __init__(
        self,
        handler: Handler,
        body: Body,
        *,
        heartbeat: float,
        keep: int,
        stall: float = 0.0,
        on_stall: Callable[[], object] = lambda: None,
    ) -> None:
        self.handler = handler
        self.congested: Callable[[], bool] | None = None
        """Whether something but the connection's buffer holds back what was sent."""
        self.shortcut: Shortcut | None = None
        """Past the layer, while it waits in a `Pull`."""
        self._body = body
        self._heartbeat = heartbeat
        self._keep = keep
        self._kept: list[bytes] = []
        self._pull: Pull | None = None
        self._pulled = asyncio.Event()
        self._reading = False
        self._over = False
        self._failing: ProxyError | None = None
        self._beating: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._spoke = self._now()
        self._stall = stall
        self._on_stall = on_stall
        self._every = min(filter(None, (heartbeat, stall)), default=0.0)
        self._beat = self._loop.call_later(self._every, self._on_beat) if self._every else None
        self._task = self._loop.create_task(self._run())

    def pull(self) -> Pull:
        """The command by which the layer waits for the next piece."""
        self._pull = Pull()
        self._pulled.set()
        return self._pull

    def cancel(self) -> None:
        """The app has left, or the layer has all it wants.  At the end of an answer there is nothing to stop."""
        if not self._over:
            self._over = True
            self._task.cancel()

    def fail(self, error: ProxyError) -> None:
        """Break off: *error* is the last that the app gets."""
        if not self._over and self._failing is None:
            self._failing = error
            self._task.cancel()

    def kept(self) -> bytes:
        """The beginning of what was delivered.  One that goes on ends in an error, should anybody replay it."""
        return b"".join([*self._kept, *([CUT] if self._keep < 0 else [])])

    async def _run(self) -> None:
        last: bytes | None = None
        try:
            while True:
                await self._ready()
                self._reading = True
                piece = await self._body.read()
                self._reading = False
                if self._beating is not None:
                    await self._beaten()
                if not piece:
                    last = b""
                    break
                if not self._written(piece, last=self._body.over):
                    await self._send(piece)
        except asyncio.CancelledError:
            if self._failing is not None and not self._over:
                last = await self._failed(self._failing)
            # else the layer has been told by the connection itself
        except Exception:  # whatever it is, the app must not take what it has for a whole answer
            log.exception("an answer broke off")
        finally:
            self._over = True  # or closing the body would itself be cancelled
            self._reading = False
            if self._beat is not None:
                self._beat.cancel()
            await self._beaten()
            await self._send(last)
            await self._body.close()

    async def _ready(self) -> None:
        """Until the app has taken what was sent, and the layer waits for more."""
        if self.shortcut is None or self.shortcut.full:
            await self.handler.drain_writers()
        if self.congested is not None:
            await self._until_clear(self.congested)
        await self._asked()

    async def _asked(self) -> None:
        """Until the layer waits for more."""
        if self._pull is None:
            self._pulled.clear()
            await self._pulled.wait()

    async def _failed(self, error: ProxyError) -> bytes | None:
        """Tell the app of *error*; how the stream is to end.  Raises nothing, not even if the app leaves meanwhile."""
        self._reading = False
        try:
            await self._beaten()
            piece = await self._body.fail(error)
            if not piece:
                return None
            await self._asked()
            if not self._written(piece, last=True):
                await self._send(piece)
        except asyncio.CancelledError:
            return None
        except Exception:  # as in any other delivery
            log.exception("an answer broke off")
            return None
        return b""

    async def _until_clear(self, congested: Callable[[], bool]) -> None:
        """Nothing tells when HTTP/2's window opens: look again, soon at first."""
        pause = 0.001
        while congested():
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.1)

    def _written(self, piece: bytes, *, last: bool = False) -> bool:
        """Send *piece*, *last* or not, by the shortcut, if there is one and the layer waits; whether it is sent."""
        if self.shortcut is None or self._pull is None or not self.shortcut.write(piece, last=last):
            return False
        self._note(piece)
        return True

    def _note(self, piece: bytes) -> None:
        """*piece* is said: keep it for viewing, as far as it is wanted."""
        if self._keep > 0:
            self._kept.append(piece[: self._keep])
            self._keep -= len(piece)
        self._spoke = self._now()

    async def _send(self, piece: bytes | None) -> None:
        """Complete the layer's `Pull`; the layer asks anew before this returns.  Without one it is no longer there."""
        command, self._pull = self._pull, None
        if command is None:
            return
        if piece:
            self._note(piece)
        try:
            await self.handler.server_event(Pulled(command, piece))
        except asyncio.CancelledError:
            self._pull = command  # it was not its turn yet: the layer still waits
            raise

    async def _beaten(self) -> None:
        """Until a heartbeat that is being sent has been: what follows must not overtake it."""
        beating, self._beating = self._beating, None
        if beating is not None:
            await asyncio.wait({beating})

    def _on_beat(self) -> None:
        """Send a comment if nothing was sent for a heartbeat; look again when the next one is due."""
        silent = self._now() - self._spoke
        if self._reading:
            if self._heartbeat and silent >= self._heartbeat:
                if not self._written(sse.KEEP_ALIVE):
                    self._beating = self._loop.create_task(self._send(sse.KEEP_ALIVE))
                silent = 0.0
        elif self._stall and silent >= self._stall:
            self._on_stall()
            self.cancel()
            return
        due = min((each - silent for each in (self._heartbeat, self._stall) if each > silent), default=self._every)
        self._beat = self._loop.call_later(max(due, 0.01), self._on_beat)
