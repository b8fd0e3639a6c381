"""The responses of one WebSocket: lanes, in each of which one follows the other, and a limit to all of them.

Source: OpenAI's guide to WebSocket mode.  A lane is a `stream_id`; messages without one have a lane of their own.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import NamedTuple

import orjson
from mitmproxy import http

from qwenproxy import errors
from qwenproxy.endpoints.responses import socket
from qwenproxy.endpoints.responses.socket import Create, Message, Told
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Body
from qwenproxy.flows.delivery import Channel
from qwenproxy.flows.websocket import Bounds, Close, Saying
from qwenproxy.recent import Known, Recent
from qwenproxy.record import Record
from qwenproxy.recording import Plan
from qwenproxy.wire.openai import Json

log = logging.getLogger(__name__)

AGE = 3600.0  # s that a connection lasts; what is under way then is brought to its end
AT_ONCE, NAMED = 16, 32
"""Responses at a time, and named lanes, of one connection."""
WAITING = 64
"""Messages that may wait for their turn.  All of them together are no larger than one may be."""

EXPIRED = ProxyError(
    errors.CONNECTION_LIMIT,
    "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.",
)
LAST = {
    errors.CONNECTION_LIMIT: Close(1001, "connected for 60 minutes: connect again"),
    errors.STOPPING: Close(1001, "the proxy is stopping: connect again"),
}
"""What a WebSocket ends with, by the failure that it ends because of."""
TOO_MANY_LANES = ProxyError(
    errors.STREAM_LIMIT,
    f"This WebSocket has {NAMED} stream ids already: use one of them again, or open another connection.",
    param="stream_id",
)
TOO_MANY_WAIT = ProxyError(
    errors.RATE_LIMIT, f"{WAITING} requests, or as many bytes as may, wait on this WebSocket: let some end first."
)
BROKEN = ProxyError(errors.INTERNAL, "internal error in the proxy; its log has the details")
NO_TEXT = ProxyError(errors.INVALID_REQUEST, "A message must be a text, not binary.")


class Gone(ProxyError):
    """Nobody is there any more to answer, on this connection."""


class Turn(NamedTuple):
    """A response under way; *plan* tells what led to it."""

    response: str
    body: Body
    plan: Plan
    record: Record


type Respond = Callable[[Create, Recent], Awaitable[Turn]]
"""Begins a response.  Raises ProxyError."""


class Lanes:
    """What is under way on the connection of *flow*, and waits; *channel*: how the app is reached.

    *respond* begins a response, *note* is told of each that is over.  No more bytes wait, and no more are remembered,
    than one message may have by *bounds*.  *age*: seconds until no more are begun.
    """

    def __init__(
        self,
        channel: Channel,
        flow: http.HTTPFlow,
        respond: Respond,
        note: Callable[[Record], object],
        bounds: Bounds,
        *,
        age: float = AGE,
    ) -> None:
        self._channel = channel
        self._flow = flow
        self._respond = respond
        self._note = note
        self.bounds = bounds
        self._recent = Recent(bounds.message)
        self._waiting: dict[str | None, deque[Create]] = {}
        self._serving: set[str | None] = set()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._left = False
        self._last: ProxyError | None = None
        """Why no more responses are begun, and the connection ends after those under way."""
        self._failing: ProxyError | None = None
        self._expiry = asyncio.get_running_loop().call_later(age, self.part, EXPIRED)

    def hear(self, content: bytes, *, is_text: bool) -> None:
        """A message of the app's: it is taken up, or refused in words."""
        lane = None
        try:
            if not is_text:
                raise NO_TEXT
            message = socket.read(content)
            lane = message.lane
            self._take(message)
        except ProxyError as e:
            self._spawn(self._say([socket.refusal(e, lane)]))
        except Exception:  # raised, it would stop the connection without a word
            log.exception("a message over a WebSocket was not understood")
            self._spawn(self._say([socket.refusal(BROKEN, lane)]))

    def too_large(self) -> bytes:
        message = f"the message is larger than {self.bounds.message} bytes (setting body_limit)"
        return socket.refusal(ProxyError(errors.PAYLOAD_TOO_LARGE, message), None)

    def part(self, error: ProxyError) -> None:
        """Begin no more responses, because of *error*, and end when those under way have."""
        if self._last is None:
            self._last = error
            if not self._serving:
                self._spawn(self._end(error))

    def fail(self, error: ProxyError) -> None:
        """Break off what is under way: *error* is the last that the app hears."""
        self._last = self._failing = error
        self._expiry.cancel()
        for task in self._tasks:
            task.cancel()
        self._spawn(self._end(error, list(self._serving) or [None]))

    def leave(self) -> None:
        """The app has left: what is under way is cancelled."""
        self._left = True
        self._expiry.cancel()
        for task in self._tasks:
            task.cancel()

    def _take(self, message: Message) -> None:
        if message.kind == socket.STEER:
            self._spawn(self._say([socket.unsteered(message.said)]))
            return
        create, lane = socket.creation(message), message.lane
        waiting = [each.size for queue in self._waiting.values() for each in queue]
        if self._last is not None:
            raise self._last
        if len(waiting) >= WAITING or sum(waiting) + create.size > self.bounds.message:
            raise TOO_MANY_WAIT
        if lane not in self._waiting and lane is not None and len(self._waiting.keys() - {None}) >= NAMED:
            raise TOO_MANY_LANES
        self._waiting.setdefault(lane, deque()).append(create)
        if lane not in self._serving:
            self._serving.add(lane)
            self._spawn(self._serve(lane))

    async def _serve(self, lane: str | None) -> None:
        """Answer what waits in *lane*, one after the other."""
        queue = self._waiting[lane]
        while queue:
            async with self._at_once:
                await self._answer(lane, queue.popleft())
        self._serving.discard(lane)
        if self._last is not None and not self._serving:
            await self._end(self._last)

    async def _answer(self, lane: str | None, create: Create) -> None:
        """One response, or why there is none."""
        try:
            await self._pump(lane, create, await self._respond(create, self._recent))
        except Gone as e:
            await self._say([socket.refusal(e, lane)], Close(1012, "the proxy has been reloaded: connect again"))
        except ProxyError as e:
            self._recent.drop(lane, create.previous)
            await self._say([socket.refusal(e, lane)])
        except BaseException:  # whatever it is, the app must hear of an end, unless it has left or knows
            if self._left or self._failing is not None:
                raise
            log.exception("a response over a WebSocket broke off")
            await self._say([socket.refusal(BROKEN, lane)])

    async def _pump(self, lane: str | None, create: Create, turn: Turn) -> None:
        """Tell the response as it is made, no faster than the app listens."""
        output: list[bytes] = []
        ended = False
        try:
            while data := await turn.body.read():
                told = list(socket.events(data))
                output += [event.payload for event in told if event.kind == socket.ITEM_DONE]
                if told and told[-1].kind in socket.ENDS:
                    ended = True
                    self._remember(lane, create, turn, output, told[-1])
                await self._say([socket.text(event.payload, lane) for event in told])
        finally:
            if self._failing is not None:
                turn.record.failed(self._failing)
            await turn.body.close()
            self._note(turn.record)
        if not ended:
            raise BROKEN

    def _remember(self, lane: str | None, create: Create, turn: Turn, output: Sequence[bytes], last: Told) -> None:
        """What the next message may go on from; what led to a failure is forgotten."""
        if last.kind == socket.FAILED:
            self._recent.drop(lane, create.previous)
            return
        plan, before = turn.plan, self._recent.find(create.previous)
        size = len(orjson.dumps(plan.past)) if before is None else before.size
        items: list[Json] = [orjson.loads(payload)["item"] for payload in output]
        known = Known([*plan.past, *plan.input, *items], size + create.size + sum(map(len, output)), plan.kept)
        self._recent.put(lane, turn.response, known)

    async def _say(self, texts: Sequence[bytes], close: Close | None = None) -> None:
        """Until the app has room for more, and *texts* are on their way."""
        if texts or close:
            await self._channel.drain_writers()
            saying = Saying(self._flow, texts, close)
            await self._channel.server_event(saying)
            await saying.taken.wait()

    async def _end(self, error: ProxyError, lanes: Sequence[str | None] = (None,)) -> None:
        """Tell *lanes* of *error*, and the app to connect again."""
        await self._say([socket.refusal(error, lane) for lane in lanes], LAST[error.failure])

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
