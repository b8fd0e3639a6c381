"""A WebSocket that is answered here: RFC 6455 on the wire, and what mitmproxy's hooks and views see of it."""

import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.proxy import commands, context, events
from mitmproxy.proxy.layers import websocket as hooks
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketMessage
from wsproto import events as frames
from wsproto.connection import Connection, ConnectionType
from wsproto.frame_protocol import Opcode

from qwenproxy.flows.websocket import Bounds, Close, Saying, SocketLayer
from tests.support.clients import connected
from tests.support.completions import streamed
from tests.support.proxy import proxy
from tests.support.sockets import CREATE, Socket, upgraded
from tests.support.stage import ANSWER
from tests.support.upstream import Upstream, upstream, whole

LIMIT = 10_000


class Speaker:
    """Says nothing by itself."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, bool]] = []
        self.left = 0

    def hear(self, content: bytes, *, is_text: bool) -> None:
        self.heard.append((content, is_text))

    def too_large(self) -> bytes:
        return b"too large"

    def leave(self) -> None:
        self.left += 1


class Line:
    """A layer, and the app's end of its connection; *look* is what addons do at each hook."""

    def __init__(
        self,
        look: Callable[[str, http.HTTPFlow], object] = lambda name, flow: None,
        *,
        heartbeat: float = 0.0,
        keep: int = LIMIT,
        hears: bool = True,
    ) -> None:
        self.flow = tflow.tflow()
        self.speaker = Speaker()
        self.look = look
        self.app = Connection(ConnectionType.CLIENT)
        self.closed = False
        self.hooks: list[str] = []
        self.wakeups: list[commands.RequestWakeup] = []
        with taddons.context() as options:
            self.client = self.flow.client_conn
            around = context.Context(self.client, options.options)
            bounds = Bounds(LIMIT, heartbeat, keep)
            self.layer = SocketLayer(around, self.flow, self.speaker, bounds, lambda name: hears)
        self.happens(events.Start())

    def happens(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.StartHook):
                self.hooks.append(command.name)
                self.look(command.name, self.flow)
                self.happens(events.HookCompleted(command))
            elif isinstance(command, commands.SendData):
                self.app.receive_data(command.data)
            elif isinstance(command, commands.CloseConnection):
                self.closed = True
            elif isinstance(command, commands.RequestWakeup):
                self.wakeups.append(command)

    def sends(self, *said: frames.Event) -> None:
        for each in said:
            self.happens(events.DataReceived(self.client, self.app.send(each)))

    def says(self, *texts: bytes, close: Close | None = None) -> Saying:
        saying = Saying(self.flow, texts, close)
        self.happens(saying)
        return saying

    def wakes(self) -> None:
        self.happens(events.Wakeup(self.wakeups.pop(0)))

    @property
    def got(self) -> Sequence[frames.Event]:
        return list(self.app.events())

    @property
    def shown(self) -> Sequence[tuple[bool, bytes]]:
        assert self.flow.websocket is not None
        return [(message.from_client, message.content) for message in self.flow.websocket.messages]


def test_where_no_addon_wants_to_hear_no_hook_is_called() -> None:
    line = Line(hears=False)
    line.sends(text("a"))
    line.says(b"b", close=Close(1000, ""))
    assert (line.speaker.heard, line.hooks) == ([(b"a", True)], [])
    assert [type(each) for each in line.got] == [frames.TextMessage, frames.CloseConnection]


def text(said: str, *, finished: bool = True) -> frames.TextMessage:
    return frames.TextMessage(said, message_finished=finished)


def test_hooks_and_views_see_every_message() -> None:
    line = Line()
    line.sends(text("a"))
    saying = line.says(b"b", b"c")
    assert line.speaker.heard == [(b"a", True)]
    assert [each.data for each in line.got if isinstance(each, frames.TextMessage)] == ["b", "c"]
    assert line.shown == [(True, b"a"), (False, b"b"), (False, b"c")]
    assert line.hooks == ["websocket_start", *["websocket_message"] * 3]
    assert saying.taken.is_set()


def test_a_message_may_come_in_pieces_with_a_ping_between_them() -> None:
    line = Line()
    line.sends(text("a", finished=False), frames.Ping(b"x"), text("ä", finished=False), text(""))
    assert line.speaker.heard == [("aä".encode(), True)]
    assert [each.payload for each in line.got if isinstance(each, frames.Pong)] == [b"x"]
    line.sends(frames.BytesMessage(b"\0"))
    assert line.speaker.heard[1:] == [(b"\0", False)]


def change(name: str, flow: http.HTTPFlow) -> None:
    if name == "websocket_message" and flow.websocket is not None:
        flow.websocket.messages[-1].content = b"changed"


def drop(name: str, flow: http.HTTPFlow) -> None:
    if name == "websocket_message" and flow.websocket is not None:
        flow.websocket.messages[-1].drop()


def test_a_script_may_change_a_message_or_drop_it() -> None:
    line = Line(change)
    line.sends(text("a"))
    line.says(b"b")
    assert line.speaker.heard == [(b"changed", True)]
    assert [each.data for each in line.got if isinstance(each, frames.TextMessage)] == ["changed"]
    line = Line(drop)
    line.sends(text("a"))
    line.says(b"b")
    assert line.speaker.heard == []
    assert line.got == []


def test_a_flow_that_is_killed_is_over() -> None:
    def kill(name: str, flow: http.HTTPFlow) -> None:
        if name == "websocket_message":
            flow.kill()

    line = Line(kill)
    line.flow.live = True
    line.sends(text("a"))
    assert (line.speaker.heard, line.speaker.left, line.closed) == ([], 1, True)
    assert line.hooks[-1] == "websocket_end"
    assert line.says(b"b").taken.is_set(), "nobody waits for it for ever"
    assert line.got == []


@pytest.mark.parametrize(("keep", "shown"), [(0, []), (3, [(False, b"bb")]), (5, [(True, b"aaa"), (False, b"bb")])])
def test_no_more_is_kept_for_viewing_than_may_be(keep: int, shown: Sequence[tuple[bool, bytes]]) -> None:
    seen: list[bytes] = []

    def look(name: str, flow: http.HTTPFlow) -> None:
        if name == "websocket_message" and flow.websocket is not None:
            seen.append(flow.websocket.messages[-1].content)

    line = Line(look, keep=keep)
    line.sends(text("aaa"))
    line.says(b"bb")
    assert (line.shown, seen) == (shown, [b"aaa", b"bb"])


@pytest.mark.parametrize("by_app", [True, False])
def test_mitmproxys_own_injected_messages_are_taken(by_app: bool) -> None:
    line = Line()
    message = WebSocketMessage(Opcode.TEXT, by_app, b"a", injected=True)
    line.happens(hooks.WebSocketMessageInjected(line.flow, message))
    assert line.speaker.heard == ([(b"a", True)] if by_app else [])
    assert len(line.got) == (0 if by_app else 1)


def ended(line: Line) -> tuple[bool | None, int | None, str | None]:
    """By the app?  And how, by what the flow says."""
    data = line.flow.websocket
    assert data is not None
    assert (line.closed, line.speaker.left, line.hooks[-1], line.flow.live) == (True, 1, "websocket_end", False)
    return data.closed_by_client, data.close_code, data.close_reason


def test_the_app_ends_it() -> None:
    line = Line()
    line.sends(frames.CloseConnection(1000, "bye"))
    (answer,) = line.got
    assert isinstance(answer, frames.CloseConnection)
    assert (answer.code, ended(line)) == (1000, (True, 1000, "bye"))
    line.happens(events.ConnectionClosed(line.client))
    assert line.speaker.left == 1


def test_the_app_is_gone_without_a_word() -> None:
    line = Line()
    line.happens(events.ConnectionClosed(line.client))
    assert ended(line) == (True, 1006, "")


@pytest.mark.parametrize("answers", [True, False])
def test_the_proxy_ends_it_and_waits_for_the_app_a_while(answers: bool) -> None:
    line = Line()
    saying = line.says(b"last", close=Close(1001, "old"))
    assert saying.taken.is_set()
    said, close = line.got
    end = frames.CloseConnection(1001, "old")
    assert (said, close) == (text("last"), end)
    assert line.says(b"more").taken.is_set()
    assert not line.closed
    if answers:
        line.sends(end.response())
    else:
        line.wakes()
    assert ended(line) == (False, 1001, "old")
    assert line.got == []


def test_what_is_said_while_the_end_is_awaited_is_not_heard() -> None:
    line = Line()
    line.happens(Saying(line.flow, (), Close(1001, "")))
    line.sends(text("a"), frames.Ping())
    assert line.speaker.heard == []
    assert [type(each) for each in line.got] == [frames.CloseConnection]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_message_that_is_too_large_is_refused_in_words_and_ends_it(pieces: int) -> None:
    line = Line()
    size = LIMIT // pieces + 1
    for _ in range(pieces):
        line.sends(text("x" * size, finished=False))
    said, close = line.got
    assert said == text("too large")
    assert isinstance(close, frames.CloseConnection)
    assert (close.code, close.reason) == (1009, f"more than {LIMIT} bytes")
    assert line.speaker.heard == []


def test_pieces_that_hold_nothing_are_not_gathered_without_end() -> None:
    line = Line()
    line.sends(text("", finished=False))
    before = sum(len(value) for value in vars(line.layer).values() if isinstance(value, list | bytearray))
    for _ in range(1000):
        line.happens(events.DataReceived(line.client, masked(0x00, b"")))
    assert sum(len(value) for value in vars(line.layer).values() if isinstance(value, list | bytearray)) == before
    line.happens(events.DataReceived(line.client, masked(0x80, b"a")))
    assert line.speaker.heard == [(b"a", True)]


def test_a_message_may_be_as_large_as_the_limit() -> None:
    line = Line()
    line.sends(text("x" * LIMIT), text("y" * LIMIT))
    assert [len(content) for content, _ in line.speaker.heard] == [LIMIT, LIMIT]


def masked(first: int, payload: bytes, length: int | None = None) -> bytes:
    """A frame with this first byte."""
    key = os.urandom(4)
    body = bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))
    return bytes([first, 0x80 | (len(payload) if length is None else length)]) + key + body


WRONG: dict[str, tuple[bytes, int]] = {
    "no UTF-8": (masked(0x81, b"\xff"), 1007),
    "half of UTF-8": (masked(0x81, b"\xc3"), 1007),
    "no mask": (b"\x81\x01a", 1002),
    "a reserved opcode": (masked(0x83, b""), 1002),
    "a reserved bit": (masked(0xC1, b"a"), 1002),
    "a ping in pieces": (masked(0x09, b""), 1002),
    "a piece without a beginning": (masked(0x80, b"a"), 1002),
    "a beginning within a message": (masked(0x01, b"a") + masked(0x81, b"b"), 1002),
    "a close of one byte": (masked(0x88, b"\x03"), 1002),
    "a close with no code": (masked(0x88, b"\x00\x01"), 1002),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_websocket_ends_it_with_the_code_for_that(case: str) -> None:
    data, code = WRONG[case]
    line = Line()
    line.happens(events.DataReceived(line.client, data))
    (close,) = line.got
    assert isinstance(close, frames.CloseConnection)
    assert close.code == code
    line.happens(events.DataReceived(line.client, line.app.send(close.response())))
    line.happens(events.ConnectionClosed(line.client)) if not line.closed else None
    assert ended(line)[1] == code


def test_silence_is_broken_by_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("qwenproxy.flows.websocket.time", SimpleNamespace(monotonic=lambda: now, time=time.time))
    line = Line(heartbeat=15)
    assert [each.delay for each in line.wakeups] == [15.0]
    now += 10
    line.says(b"a")
    now += 5
    line.wakes()
    assert [type(each) for each in line.got] == [frames.TextMessage]
    assert [each.delay for each in line.wakeups] == [10.0]
    now += 10
    line.wakes()
    assert [type(each) for each in line.got] == [frames.Ping]
    line.sends(frames.CloseConnection(1000))
    line.wakes()
    assert line.wakeups == []


def test_without_a_heartbeat_nothing_is_due() -> None:
    assert Line().wakeups == []


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(whole(ANSWER)) as found:
        yield found


@asynccontextmanager
async def listening(qwen: Upstream, confdir: Path, **settings: str) -> AsyncIterator[Socket]:
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_STATE": "memory"} | settings
    async with proxy(environ, confdir) as running, connected(running.ports[0]) as app:
        yield await upgraded(app)


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mitmproxy")


@pytest.mark.parametrize("size", [1, 1 << 16], ids=["byte by byte", "in one"])
async def test_frames_may_come_cut_as_the_network_likes(qwen: Upstream, confdir: Path, size: int) -> None:
    qwen.replies[:] = [streamed("Hi")]
    async with listening(qwen, confdir) as socket:
        data = masked(0x81, b'{"type":"response.create","model":"m","input":"Hi"}')
        for at in range(0, len(data), size):
            await socket.app.send(data[at : at + size])
        assert (await socket.response())["status"] == "completed"


async def test_the_app_hears_pings_and_gets_pongs_while_the_model_thinks(qwen: Upstream, confdir: Path) -> None:
    async def silent(connection: Any) -> None:
        await connection.gone()

    qwen.replies[:] = [silent]
    async with listening(qwen, confdir, QWENPROXY_HEARTBEAT="0.05") as socket:
        await socket.create()
        await socket.until(frames.Ping)
        await socket.frame(frames.Ping(b"mine"))
        assert (await socket.until(frames.Pong)).payload == b"mine"
        await socket.until(frames.Ping)


async def test_a_message_is_shown_with_the_flow(qwen: Upstream, confdir: Path) -> None:
    ended: list[http.HTTPFlow] = []

    class Looker:
        def websocket_end(self, flow: http.HTTPFlow) -> None:
            ended.append(flow)

    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_STATE": "off"}
    async with proxy(environ, confdir) as running, connected(running.ports[0]) as app:
        running.master.addons.add(Looker())
        socket = await upgraded(app)
        await socket.send(CREATE | {"type": "nonsense"})
        assert (await socket.error())[0] == 400
        await socket.frame(frames.CloseConnection(1000, "done"))
        assert await app.ended()
    (seen,) = ended
    assert seen.websocket is not None
    assert (seen.websocket.close_code, seen.websocket.closed_by_client) == (1000, True)
