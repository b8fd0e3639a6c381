"""Events on their way into the store."""

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy.errors import INTERNAL, STOPPING, ProxyError
from qwenproxy.recording import Plan, RecordedBody, Recorder
from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from qwenproxy.state.redis_store import RedisStore
from qwenproxy.state.sqlite import SQLiteStore
from qwenproxy.wire.openai import Json
from tests.state.stores import ME, ROOMY, body, item, opened
from tests.support.services import needs, redis_server

SERVICES, REDIS = needs("redis-server")


def event(number: int, kind: str, **fields: Any) -> bytes:
    data = orjson.dumps({"type": f"response.{kind}", "sequence_number": number} | fields)
    return b"event: response.%b\ndata: %b\n\n" % (kind.encode(), data)


CREATED = event(0, "created", response=body("r"))
DONE = event(1, "output_item.done", item=item("out"))
FAILED = event(1, "failed", response=body("r", "failed"))
COMPLETED = event(2, "completed", response=body("r", "completed", output=[item("out")]))


def planned(**fields: Any) -> Plan:
    asked: Json = {"stream": True}
    return Plan(ME, **({"asked": asked, "state": {}, "input": [item("in")]} | fields))


async def status(store: SQLiteStore) -> str | None:
    found = await store.find(ME, "r")
    return None if found is None else str(found.body["status"])


async def test_events_are_in_the_store_soon_and_at_the_end_at_once() -> None:
    async with opened() as store:
        recorder = Recorder(store, planned())
        await recorder.take(b": keep-alive\n\n" + CREATED)
        await recorder.take(DONE)
        await recorder.settle()
        assert (await store.log("r", -1)).events == [CREATED, DONE]
        assert await status(store) == "in_progress"
        await recorder.take(COMPLETED)
        log = await store.log("r", -1)
        assert (list(log.events), log.over) == ([CREATED, DONE, COMPLETED], True)
        found = await store.find(ME, "r")
        assert found is not None
        assert found.body == body("r", "completed", output=[item("out")])


async def test_a_response_that_the_app_leaves_is_cancelled() -> None:
    async with opened() as store:
        recorder = Recorder(store, planned())
        await recorder.take(CREATED + DONE)
        await recorder.leave()
        await recorder.take(COMPLETED)
        assert await status(store) == "cancelled"
        found = await store.find(ME, "r")
        assert found is not None
        assert found.body["output"] == [item("out")], "what was done is kept"


async def test_a_failure_is_told_in_the_log() -> None:
    async with opened() as store:
        recorder = Recorder(store, planned())
        await recorder.begin(CREATED)
        await recorder.fail(ProxyError(INTERNAL, "gone"))
        await recorder.fail(ProxyError(INTERNAL, "again"))
        assert await status(store) == "failed"
        _, last = (await store.log("r", -1)).events
        assert orjson.loads(last.partition(b"data: ")[2])["sequence_number"] == 1


async def test_an_end_is_stored_though_its_caller_is_cancelled() -> None:
    async with opened() as store:
        recorder = Recorder(store, planned())
        await recorder.take(CREATED + DONE)
        ending = asyncio.create_task(recorder.take(COMPLETED))
        await asyncio.sleep(0)
        ending.cancel()
        await asyncio.gather(ending, return_exceptions=True)
        await recorder.settle()
        await asyncio.sleep(0.1)
        assert await status(store) == "completed"


async def test_whoever_removes_it_stops_it() -> None:
    async with opened() as store:
        lost = asyncio.Event()
        recorder = Recorder(store, planned(), lost.set)
        await recorder.begin(CREATED)
        await store.remove(ME, "r")
        await recorder.take(DONE)
        async with asyncio.timeout(2):
            await lost.wait()


@pytest.mark.parametrize("state", ["completed", "failed"])
async def test_a_conversation_gets_what_is_not_stored_itself(state: str) -> None:
    async with opened() as store:
        await store.open(ME, {"id": "c"}, [])
        recorder = Recorder(store, planned(kept=False, conversation="c"))
        await recorder.take(CREATED + DONE)
        last = event(2, state, response=body("r", state, output=[item("out")]))
        await recorder.take(last)
        assert await status(store) is None
        names = [each["id"] for each in await store.content(ME, "c") or ()]
        assert names == (["in", "out"] if state == "completed" else [])


async def test_a_whole_response_has_no_log() -> None:
    async with opened() as store:
        await Recorder(store, planned(asked={})).whole(body("r", "completed", output=[item("out")]))
        assert await status(store) == "completed"
        assert (await store.log("r", -1)).events == []


class Broken:
    """A body that breaks off."""

    closed = False
    over = False

    async def read(self) -> bytes:
        if self.closed:
            raise ConnectionError
        return CREATED

    async def fail(self, error: ProxyError) -> bytes:
        return FAILED

    async def close(self) -> None:
        self.closed = True


async def test_a_body_passes_as_it_is() -> None:
    async with opened() as store:
        ended: list[int] = []
        recorded = RecordedBody(Broken(), Recorder(store, planned()), lambda: ended.append(1))
        assert await recorded.read() == CREATED
        await recorded.close()
        assert ended == [1]
        assert await status(store) == "cancelled"


async def test_a_body_that_is_broken_off_is_kept_with_its_error() -> None:
    async with opened() as store:
        recorded = RecordedBody(Broken(), Recorder(store, planned()), lambda: None)
        assert await recorded.read() == CREATED
        assert await recorded.fail(ProxyError(STOPPING, "stopping")) == FAILED
        await recorded.close()
        assert await status(store) == "failed"


@SERVICES
@REDIS
async def test_what_is_made_in_the_background_is_stored_when_the_store_is_back(tmp_path: Path) -> None:
    async with redis_server(tmp_path, keep=True) as server:
        link = Link(server.url, budget=5)
        store = RedisStore(Shared(link, Seal([])), ROOMY)
        recorder = Recorder(store, planned(background=True))
        await recorder.begin(CREATED)
        await server.stop()
        await recorder.take(DONE)
        ending = asyncio.create_task(recorder.take(COMPLETED))
        await asyncio.sleep(0.5)
        await server.start()
        await ending
        log = await store.log("r", -1)
        assert (list(log.events), log.over) == ([CREATED, DONE, COMPLETED], True)
        await store.close()
        await link.close()


@SERVICES
@REDIS
async def test_a_stream_waits_for_no_store_and_half_a_response_is_forgotten(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with redis_server(tmp_path, keep=True) as server:
        link = Link(server.url, budget=5)
        store = RedisStore(Shared(link, Seal([])), ROOMY)
        recorder = Recorder(store, planned())
        await recorder.take(CREATED)
        await recorder.settle()
        await server.stop()
        await recorder.take(DONE + COMPLETED)
        assert "is not kept" in caplog.text
        await server.start()
        for _ in range(500):
            if not link.is_down and await store.find(ME, "r") is None:
                break
            await asyncio.sleep(0.02)
        assert await store.find(ME, "r") is None
        await store.close()
        await link.close()
