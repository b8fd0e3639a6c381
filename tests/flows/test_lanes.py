"""The responses of one connection: their order, their limits, and what they go on from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import orjson
import pytest
from mitmproxy.proxy import events
from mitmproxy.test import tflow

from qwenproxy import errors, sse
from qwenproxy.endpoints.responses.socket import Create
from qwenproxy.errors import ProxyError
from qwenproxy.flows import lanes
from qwenproxy.flows.lanes import AT_ONCE, NAMED, WAITING, Gone, Lanes, Turn
from qwenproxy.flows.websocket import Bounds, Close, Saying
from qwenproxy.recent import Recent
from qwenproxy.record import Record
from qwenproxy.recording import Plan
from qwenproxy.wire.openai import Json
from tests.support.simulated import until

LIMIT = 100_000


def told(kind: str, **fields: Any) -> bytes:
    return sse.encode_named(kind.encode(), orjson.dumps({"type": kind, "sequence_number": 0} | fields))


CREATED, COMPLETED, FAILED = (told(f"response.{kind}") for kind in ("created", "completed", "failed"))
DONE = told("response.output_item.done", item={"id": "said", "type": "message"})


class Body:
    """A response of these pieces, each of which waits until the test has it *go* on; an error in between is raised."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces: list[bytes | Exception] = [*pieces, b""]
        self.go = asyncio.Semaphore(0)
        self.read_pieces = 0
        self.closed = False

    @property
    def over(self) -> bool:
        return not self.pieces

    async def read(self) -> bytes:
        await self.go.acquire()
        piece = self.pieces.pop(0)
        self.read_pieces += 1
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def fail(self, error: ProxyError) -> bytes:
        return b""

    async def close(self) -> None:
        self.closed = True

    def run(self) -> "Body":
        for _ in self.pieces:
            self.go.release()
        return self


class App:
    """A connection, and what answers on it: `bodies` by what was asked, or errors; else a response of no words."""

    def __init__(self, **kwargs: Any) -> None:
        self.said: list[Json] = []
        self.closes: list[Close] = []
        self.bodies: dict[str, Body | Exception] = {}
        self.begun: list[str] = []
        self.past: list[Any] = []
        self.noted: list[Record] = []
        self.listens = True
        self.waiting: list[Saying] = []
        self.lanes = Lanes(self, tflow.tflow(), self.respond, self.noted.append, Bounds(LIMIT, 0, 0), **kwargs)

    async def drain_writers(self) -> None: ...

    async def server_event(self, event: events.Event) -> None:
        assert isinstance(event, Saying)
        self.said += [orjson.loads(text) for text in event.message]
        self.closes += [] if event.close is None else [event.close]
        if self.listens:
            event.taken.set()
        else:
            self.waiting.append(event)

    async def respond(self, create: Create, recent: Recent) -> Turn:
        asked = create.asked["input"]
        self.begun.append(asked)
        known = recent.find(create.previous)
        self.past.append(None if known is None else list(known.items))
        body = self.bodies.setdefault(asked, Body(CREATED, DONE + COMPLETED).run())
        if isinstance(body, Exception):
            raise body
        record = Record(f"req_{asked}", "WEBSOCKET", "responses", lambda: 0.0)
        past = [] if known is None else known.items
        return Turn(f"resp_{asked}", body, Plan("me", create.asked, {}, past, [{"id": asked}]), record)

    def creates(self, asked: str, lane: str | None = None, **fields: Any) -> None:
        said = {"type": "response.create", "model": "m", "input": asked} | fields
        said |= {} if lane is None else {"stream_id": lane}
        self.lanes.hear(orjson.dumps(said), is_text=True)

    def heard(self, kind: str = "response.completed") -> Sequence[str | None]:
        """The lanes that have heard an event of *kind*."""
        return [event.get("stream_id") for event in self.said if event["type"] == kind]

    @property
    def codes(self) -> Sequence[str]:
        return [event["error"]["code"] for event in self.said if event["type"] == "error"]


@pytest.fixture
async def app() -> AsyncIterator[App]:
    found = App()
    yield found
    found.lanes.leave()


async def soon(fits: Callable[[], bool]) -> None:
    assert await until(fits)


async def test_in_a_lane_one_response_follows_the_other(app: App) -> None:
    app.bodies["a"] = first = Body(CREATED, COMPLETED)
    app.creates("a")
    app.creates("b")
    await soon(lambda: app.begun == ["a"])
    first.run()
    await soon(lambda: app.heard() == [None, None])
    assert app.begun == ["a", "b"]


async def test_lanes_go_on_side_by_side(app: App) -> None:
    app.bodies["a"] = first = Body(CREATED, COMPLETED)
    app.creates("a", "x")
    app.creates("b", "y")
    await soon(lambda: app.heard() == ["y"])
    first.run()
    await soon(lambda: app.heard() == ["y", "x"])


async def test_so_many_at_a_time_and_so_many_names(app: App) -> None:
    bodies = [Body(CREATED, COMPLETED) for _ in range(NAMED)]
    for number, body in enumerate(bodies):
        app.bodies[f"{number}"] = body
        app.creates(f"{number}", f"lane-{number}")
    await soon(lambda: len(app.begun) == AT_ONCE)
    app.creates("one more", "another")
    await soon(lambda: app.codes == ["websocket_stream_limit_reached"])
    assert app.said[-1]["stream_id"] == "another"
    app.creates("without a name")
    app.creates("once more", "lane-0")
    for body in bodies:
        body.run()
    await soon(lambda: len(app.heard()) == NAMED + 2)


async def test_so_many_wait_and_no_more(app: App) -> None:
    app.bodies["first"] = first = Body(CREATED, COMPLETED)
    app.creates("first")
    await soon(lambda: app.begun == ["first"])
    for number in range(WAITING + 1):
        app.creates(f"{number}")
    await soon(lambda: app.codes == ["rate_limit_exceeded"])
    first.run()
    await soon(lambda: len(app.heard()) == WAITING + 1)


async def test_no_more_bytes_wait_than_one_message_may_have(app: App) -> None:
    app.bodies["first"] = Body()
    app.creates("first")
    await soon(lambda: app.begun == ["first"])
    for _ in range(2):
        app.creates("x" * (LIMIT // 2))
    await soon(lambda: app.codes == ["rate_limit_exceeded"])


async def test_the_next_goes_on_from_the_latest_of_any_lane(app: App) -> None:
    app.creates("a", "x")
    await soon(lambda: app.heard() == ["x"])
    app.creates("b", "y", previous_response_id="resp_a")
    await soon(lambda: len(app.heard()) == 2)
    app.creates("c", "x", previous_response_id="resp_a")
    await soon(lambda: len(app.heard()) == 3)
    app.creates("d", "y", previous_response_id="resp_a")
    await soon(lambda: len(app.heard()) == 4)
    said = {"id": "said", "type": "message"}
    one = [{"id": "a"}, said]
    assert app.past == [None, one, one, None]


@pytest.mark.parametrize("refused", [True, False], ids=["refused", "failed"])
@pytest.mark.parametrize(("lane", "kept"), [("x", False), ("y", True)], ids=["by itself", "by another"])
async def test_what_could_not_be_gone_on_from_is_forgotten_by_its_lane(
    app: App, refused: bool, lane: str, kept: bool
) -> None:
    app.creates("a", "x")
    await soon(lambda: app.heard() == ["x"])
    app.bodies["b"] = ProxyError(errors.INVALID_REQUEST, "no") if refused else Body(CREATED, FAILED).run()
    app.creates("b", lane, previous_response_id="resp_a")
    await soon(lambda: len(app.begun) == 2 and not app.lanes._serving)
    app.creates("c", "z", previous_response_id="resp_a")
    await soon(lambda: len(app.past) == 3)
    assert (app.past[1] is not None, app.past[2] is not None) == (True, kept)


async def test_whoever_listens_slowly_is_told_slowly(app: App) -> None:
    app.listens = False
    app.bodies["a"] = body = Body(*[CREATED] * 3, COMPLETED).run()
    app.creates("a")
    await soon(lambda: body.read_pieces == 1)
    app.waiting.pop().taken.set()
    await soon(lambda: body.read_pieces == 2)
    assert len(app.said) == 2


async def test_an_app_that_leaves_cancels_what_is_under_way(app: App) -> None:
    app.bodies["a"] = body = Body(CREATED)
    app.creates("a")
    app.creates("b")
    await soon(lambda: app.begun == ["a"])
    app.lanes.leave()
    await soon(lambda: body.closed)
    assert app.begun == ["a"]
    assert [record.id for record in app.noted] == ["req_a"]


@pytest.mark.parametrize("fault", [RuntimeError("a bug"), b""], ids=["an error", "no end"])
async def test_a_response_that_breaks_off_is_told_as_such(app: App, fault: Any) -> None:
    app.bodies["a"] = body = Body(CREATED, fault).run()
    app.creates("a", "x")
    await soon(lambda: app.codes == ["internal_error"])
    assert body.closed
    app.creates("b", "x")
    await soon(lambda: app.heard() == ["x"])


async def test_a_fault_before_the_response_is_told_too(app: App) -> None:
    app.bodies["a"] = RuntimeError("a bug")
    app.creates("a")
    await soon(lambda: app.codes == ["internal_error"])


async def test_where_nobody_answers_any_more_the_connection_ends(app: App) -> None:
    app.bodies["a"] = Gone(errors.INTERNAL, "gone")
    app.creates("a")
    await soon(lambda: app.closes != [])
    assert (app.codes, app.closes[0].code) == (["internal_error"], 1012)


@pytest.mark.parametrize(
    ("content", "is_text", "code"),
    [(b"\0", False, None), (b"{", True, None), (b'{"type":"response.cancel"}', True, "invalid_value")],
)
async def test_what_is_no_message_is_refused_and_nothing_else(
    app: App, content: bytes, is_text: bool, code: str | None
) -> None:
    app.lanes.hear(content, is_text=is_text)
    await soon(lambda: app.codes == [code])
    assert app.closes == []


async def test_what_is_to_steer_is_given_back(app: App) -> None:
    app.lanes.hear(b'{"type":"response.steer","input":"x","previous_response_id":"y"}', is_text=True)
    await soon(lambda: app.heard("response.steer.failed") == [None])


def test_a_message_that_is_too_large_has_its_own_words() -> None:
    async def words() -> bytes:
        return App().lanes.too_large()

    assert b"setting body_limit" in asyncio.run(words())


async def test_after_its_time_a_connection_ends() -> None:
    app = App(age=0.01)
    await soon(lambda: app.closes != [])
    assert (app.codes, app.closes[0].code) == (["websocket_connection_limit_reached"], 1001)
    app.lanes.leave()


async def test_what_is_under_way_then_is_brought_to_its_end(app: App) -> None:
    app.bodies["a"] = body = Body(CREATED, COMPLETED)
    app.creates("a")
    await soon(lambda: app.begun == ["a"])
    app.lanes.part(lanes.EXPIRED)
    app.creates("b", "x")
    await soon(lambda: app.codes == ["websocket_connection_limit_reached"])
    assert app.closes == []
    body.run()
    await soon(lambda: app.closes != [])
    assert app.heard() == [None]


STOPPING = ProxyError(errors.STOPPING, "the proxy is stopping: connect again")


async def test_when_the_process_is_to_end_what_is_under_way_is_brought_to_its_end(app: App) -> None:
    app.bodies["a"] = body = Body(CREATED, COMPLETED)
    app.creates("a")
    await soon(lambda: app.begun == ["a"])
    for _ in range(2):
        app.lanes.part(STOPPING)
    assert app.closes == []
    body.run()
    await soon(lambda: app.closes != [])
    assert (app.heard(), app.codes) == ([None], ["proxy_stopping"])
    assert app.closes == [Close(1001, "the proxy is stopping: connect again")]


async def test_what_is_broken_off_is_told_so_lane_by_lane(app: App) -> None:
    app.bodies |= {"a": Body(CREATED), "b": Body(CREATED)}
    app.creates("a", "x")
    app.creates("b", "y")
    await soon(lambda: app.begun == ["a", "b"])
    app.lanes.fail(STOPPING)
    await soon(lambda: app.closes != [])
    assert sorted(str(lane) for lane in app.heard("error")) == ["x", "y"]
    assert app.codes == ["proxy_stopping"] * 2
    assert len(app.closes) == 1
    await soon(lambda: [record.status for record in app.noted] == [503, 503])


async def test_what_has_not_begun_when_all_is_broken_off_hears_of_that_only(
    app: App, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def hang(create: Create, recent: Recent) -> Turn:
        app.begun.append("a")
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(app.lanes, "_respond", hang)
    app.creates("a")
    await soon(lambda: app.begun == ["a"])
    app.lanes.fail(STOPPING)
    await soon(lambda: app.closes != [])
    assert app.codes == ["proxy_stopping"]
    assert caplog.text == ""


def test_a_connection_lasts_for_an_hour() -> None:
    assert lanes.AGE == 3600
    assert "60 minutes" in lanes.EXPIRED.message
