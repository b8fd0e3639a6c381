"""Responses that are made without the app."""

import asyncio
import time
from pathlib import Path

import pytest

from qwenproxy.archive import Archive
from qwenproxy.auth.credentials import ApiKey
from qwenproxy.background import Background, Begun
from qwenproxy.endpoints.responses.call import ResponsesCall
from qwenproxy.exchange import Exchange
from qwenproxy.lines import Line
from qwenproxy.record import CALLED_OFF, CLIENT_CLOSED, Record
from qwenproxy.recording import Plan
from qwenproxy.service import Service
from qwenproxy.settings import Settings
from qwenproxy.state.base import Stored, Unusable
from qwenproxy.state.sqlite import SQLiteStore
from qwenproxy.upstream import Upstream
from qwenproxy.wire.openai import Head, Json
from tests.state.stores import ME, opened
from tests.support import upstream as scripted

ASKED: Json = {"model": "m", "input": "Hi", "background": True, "stream": True}
HEAD = Head(f"resp_{'a' * 48}", "m", 0)
STATE: Json = {"store": True, "background": True}


def begun() -> Begun:
    return Begun(ResponsesCall(ASKED, state=STATE), HEAD)


async def made(store: SQLiteStore, *replies: scripted.Reply, stop: bool = False) -> Stored:
    """The response, once it is over."""
    archive = Archive(store)
    async with scripted.upstream(*replies) as server:
        key = ApiKey("sk-1")
        settings = Settings()
        line = Line(Upstream(server.base_url, key, idle_timeout=5.0), settings)
        call = begun()
        record = Record("req_1", "POST", "background", time.monotonic)
        service = Service(settings, [line])
        exchange = Exchange(service, call, HEAD, record, agent="app")
        body = await Background(archive, Plan(ME, ASKED, STATE), call, HEAD, exchange).start()
        assert body["status"] == "queued"
        if stop:
            await asyncio.sleep(0)  # so that it has begun
            archive.stop(HEAD.id)
        await asyncio.gather(*archive.tasks.values(), return_exceptions=True)
        assert not archive.runs
        await service.retire()
    found = await store.find(ME, HEAD.id)
    assert found is not None
    return found


def test_the_beginning_is_told_before_the_model_answers() -> None:
    kinds = [line for line in begun().beginning.split(b"\n") if line.startswith(b"event: ")]
    assert kinds == [b"event: response.created", b"event: response.queued", b"event: response.in_progress"]


async def test_it_is_made_and_told_in_the_log() -> None:
    message = {"role": "assistant", "content": "Hello"}
    answer = scripted.whole({"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    async with opened() as store:
        found = await made(store, answer)
        assert found.body["status"] == "completed"
        assert found.body["output"][0]["content"][0]["text"] == "Hello"
        log = await store.log(HEAD.id, -1)
        assert log.over
        assert log.events[-1].startswith(b"event: response.completed")


async def test_a_stopped_one_is_cancelled() -> None:
    async with opened() as store:
        assert (await made(store, scripted.whole({}), stop=True)).body["status"] == "cancelled"


async def test_a_refused_one_has_failed() -> None:
    refusal = scripted.whole({"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}, 401)
    async with opened() as store:
        found = await made(store, refusal)
        assert found.body["status"] == "failed"
        assert found.body["error"]["message"]
        (*_, last) = (await store.log(HEAD.id, -1)).events
        assert last.startswith(b"event: response.failed")


async def test_one_that_cannot_be_kept_leaves_nothing_under_way(tmp_path: Path) -> None:
    over: list[Record] = []
    async with opened(tmp_path) as store:  # a folder is no file
        with pytest.raises(Unusable):
            await unanswered(Archive(store), over).start()
    assert [record.status >= 500 for record in over] == [True]


async def test_one_that_is_stopped_before_its_first_step_leaves_nothing_under_way() -> None:
    over: list[Record] = []
    async with opened() as store:
        archive = Archive(store)
        await unanswered(archive, over).start()
        archive.stop(HEAD.id)
        await asyncio.gather(*archive.tasks.values(), return_exceptions=True)
    assert [(record.status, record.code) for record in over] == [(CLIENT_CLOSED, CALLED_OFF)]


def unanswered(archive: Archive, over: list[Record]) -> Background:
    """One whose upstream nobody reaches; its record is in *over* once it is closed."""
    settings, call = Settings(), begun()
    line = Line(Upstream("http://127.0.0.1:1", ApiKey("sk-1"), idle_timeout=5.0), settings)
    record = Record("req_1", "POST", "background", time.monotonic)
    record.on_close = over.append
    exchange = Exchange(Service(settings, [line]), call, HEAD, record, agent="app")
    return Background(archive, Plan(ME, ASKED, STATE), call, HEAD, exchange)
