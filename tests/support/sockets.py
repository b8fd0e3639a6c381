"""A WebSocket, frame by frame: an app's end of it, held in the test's hands."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import orjson
from openai.types.responses import ResponsesServerEvent
from pydantic import TypeAdapter
from wsproto import events as frames
from wsproto.connection import Connection, ConnectionType

from qwenproxy.wire.openai import Json
from tests.support.clients import PATIENCE, App, request
from tests.support.responses import check

KEY, PROOF = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""RFC 6455's example, and what a server makes of it."""
UPGRADE: Mapping[str, Any] = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_key": KEY,
    "sec_websocket_version": "13",
}
EVENT: TypeAdapter[Any] = TypeAdapter(ResponsesServerEvent)
PATH = "/v1/responses"
ENDS = ("response.completed", "response.incomplete", "response.failed", "error")
CREATE: Json = {"type": "response.create", "model": "gpt-4o", "input": "Hello"}


class Socket:
    """The app's end, once the handshake is done.  `heard`: all events but messages, in their order."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.heard: list[frames.Event] = []
        self._ws = Connection(ConnectionType.CLIENT)
        self._texts: list[str] = []
        self._part = ""

    async def send(self, *said: Json | str | bytes) -> None:
        """Texts; what is no text becomes JSON, bytes a binary message."""
        for each in said:
            await self.frame(
                frames.BytesMessage(each)
                if isinstance(each, bytes)
                else frames.TextMessage(each if isinstance(each, str) else orjson.dumps(each).decode())
            )

    async def create(self, **fields: Any) -> None:
        await self.send(CREATE | fields)

    async def frame(self, event: frames.Event) -> None:
        await self.app.send(self._ws.send(event))

    async def read(self) -> bool:
        """Take what comes next.  False: it was the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            data = await self.app.reader.read(65536)
        self._ws.receive_data(data or None)
        for event in self._ws.events():
            if isinstance(event, frames.TextMessage):
                self._part += event.data
                if event.message_finished:
                    self._texts.append(self._part)
                    self._part = ""
            else:
                self.heard.append(event)
        return bool(data)

    async def next(self) -> Any:
        """The next message, read as JSON."""
        while not self._texts:
            assert await self.read(), "the connection was closed"
        return orjson.loads(self._texts.pop(0))

    async def events(self, lane: str | None = None) -> Sequence[Any]:
        """The events of one response, or the error in its place; those of other lanes are left out."""
        found: list[Any] = []
        while not found or found[-1]["type"] not in ENDS:
            event = await self.next()
            if event.get("stream_id") == lane:
                found.append(event)
        return found

    async def response(self, lane: str | None = None) -> Any:
        """The response that the next events add up to, each of them one of the official package's."""
        events = await self.events(lane)
        for event in events:
            EVENT.validate_python(event)
        return check([{name: value for name, value in event.items() if name != "stream_id"} for event in events])

    async def error(self, lane: str | None = None) -> tuple[int, str | None]:
        """Status and code of the error that comes next."""
        event = await self.next()
        assert (event["type"], event.get("stream_id")) == ("error", lane)
        return event["status"], event["error"]["code"]

    async def until(self, kind: type[frames.Event]) -> Any:
        """The next event of *kind* that is no message."""
        while not (found := [event for event in self.heard if isinstance(event, kind)]):
            assert await self.read(), "the connection was closed"
        self.heard.remove(found[0])
        return found[0]

    async def leave(self, code: int = 1000) -> None:
        """Say the end, and wait for the proxy's."""
        await self.frame(frames.CloseConnection(code))
        assert await self.app.ended()

    async def closed(self) -> tuple[int, str | None]:
        """Code and reason of the end that the proxy makes of it, after which the connection is closed."""
        close = await self.until(frames.CloseConnection)
        await self.frame(close.response())
        assert await self.app.ended()
        return close.code, close.reason


async def upgraded(app: App, path: str = PATH, **headers: str) -> Socket:
    """The WebSocket that *app*'s connection becomes."""
    await app.send(request("GET", path, **{**UPGRADE, **headers}))
    assert (await app.head()).status == 101
    return Socket(app)


@asynccontextmanager
async def socket(door: AbstractAsyncContextManager[App], **headers: str) -> AsyncIterator[Socket]:
    async with door as app:
        yield await upgraded(app, **headers)
