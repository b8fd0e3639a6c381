"""What leads to a response, and what becomes of one."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from qwenproxy.archive import Archive, FollowedBody
from qwenproxy.errors import STOPPING, ProxyError
from qwenproxy.recent import Known, Recent
from qwenproxy.record import CLIENT_CLOSED, Record
from qwenproxy.state.base import Ending, Unusable
from qwenproxy.state.sqlite import SQLiteStore
from qwenproxy.wire.openai import Json
from tests.state.stores import ME, ROOMY, YOU, body, entry, event, item, keep, opened
from tests.test_recording import CREATED, DONE


def record() -> Record:
    return Record("req_1", "GET", "responses", lambda: 0.0)


def name(prefix: str) -> str:
    return f"{prefix}_new"


async def plan(where: SQLiteStore, /, **fields: Any) -> Any:
    return await Archive(where).plan(ME, {"model": "m", "input": "Hi"} | fields, name)


REFUSED: dict[str, tuple[Json, int, str | None, str | None]] = {
    "an unknown response": (
        {"previous_response_id": "x"},
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
    "another's response": (
        {"previous_response_id": "yours"},
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
    "one that has lost its beginning": (
        {"previous_response_id": "torn"},
        400,
        "previous_response_not_found",
        "previous_response_id",
    ),
    "one that is not ready": ({"previous_response_id": "running"}, 400, None, "previous_response_id"),
    "an unknown conversation": ({"conversation": "x"}, 404, None, "conversation"),
    "both": ({"conversation": "conv", "previous_response_id": "mine"}, 400, None, "previous_response_id"),
    "an unknown item": ({"input": [{"type": "item_reference", "id": "x"}]}, 404, None, "input"),
    "another's item": ({"input": [{"type": "item_reference", "id": "in_yours"}]}, 404, None, "input"),
    "the background without a store": ({"background": True, "store": False}, 400, None, "background"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_carried_on_is_refused(case: str) -> None:
    fields, *told = REFUSED[case]
    async with opened() as store:
        await keep(store, "mine")
        await keep(store, "yours", YOU)
        await keep(store, "torn", previous="gone")
        await store.add(entry("running"))
        await store.open(ME, {"id": "conv"}, [])
        with pytest.raises(ProxyError) as caught:
            await plan(store, **fields)
        assert [caught.value.status, caught.value.failure.code, caught.value.param] == told


async def test_what_comes_before() -> None:
    async with opened() as store:
        await keep(store, "mine")
        await store.open(ME, {"id": "conv"}, [item("a")])
        found = await plan(store, previous_response_id="mine")
        assert [each["id"] for each in found.past] == ["in_mine", "out_mine"]
        assert found.state == {"store": True, "background": False, "previous_response_id": "mine"}
        found = await plan(store, conversation={"id": "conv"}, store=False)
        assert ([each["id"] for each in found.past], found.kept) == (["a"], False)
        assert found.state["conversation"] == {"id": "conv"}
        found = await plan(store, input=[{"id": "out_mine"}])
        assert found.asked["input"] == [item("out_mine")]


async def test_without_a_store_what_needs_none_is_answered(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SQLiteStore(tmp_path / "file" / "s", ROOMY)
    found = await plan(store)
    assert (found.kept, found.state) == (False, {"store": False, "previous_response_id": None})
    with pytest.raises(Unusable):
        await plan(store, previous_response_id="x")
    await store.close()


async def test_what_a_dead_process_was_making_has_failed(tmp_path: Path) -> None:
    async with opened(tmp_path / "s") as first:
        await first.add(entry("r", logged=True))
        await first.append("r", 0, [CREATED, DONE])
    async with opened(tmp_path / "s") as second:
        archive = Archive(second)
        await archive.recover()
        found = await second.find(ME, "r")
        assert found is not None
        assert found.body["status"] == "failed"
        assert "proxy was stopped" in found.body["error"]["message"]
        assert found.body["output"] == [item("out")]
        log = await second.log("r", 1)
        assert (len(log.events), log.over) == (1, True)


async def test_a_log_is_followed_to_its_end(tmp_path: Path) -> None:
    """Also if another process writes it, and then dies."""
    async with opened(tmp_path / "s") as reader:
        followed = FollowedBody(Archive(reader), ME, "r", 0, record())
        async with opened(tmp_path / "s") as writer:
            await writer.add(entry("r", logged=True))
            await writer.append("r", 0, [event(0), event(1)])
            assert await followed.read() == event(1)
            waiting = asyncio.ensure_future(followed.read())
            await asyncio.sleep(0)
            await writer.append("r", 2, [event(2)])
            assert await waiting == event(2)
        assert b"response.failed" in await followed.read()
        assert await followed.read() == b""
        broken_off = await followed.fail(ProxyError(STOPPING, "stopping"))
        assert broken_off.startswith(b'event: error\ndata: {"type":"error","code":"proxy_stopping"')
        await followed.close()


async def test_a_store_that_fails_is_told_as_the_last_event(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:  # a folder is no file
        followed = FollowedBody(Archive(store), ME, "r", 0, found := record())
        assert (await followed.read()).startswith(b'event: error\ndata: {"type":"error"')
        assert await followed.read() == b""
        await followed.close()
    assert (found.status, found.code) == (500, "internal_error")


async def test_whoever_leaves_a_log_before_its_end_is_known_for_it(tmp_path: Path) -> None:
    async with opened(tmp_path / "s") as store:
        await store.add(entry("r", logged=True))
        await store.append("r", 0, [event(0), event(1)])
        followed = FollowedBody(Archive(store), ME, "r", 0, found := record())
        assert await followed.read() == event(1)
        await followed.close()
    assert found.status == CLIENT_CLOSED


async def test_only_the_background_can_be_cancelled() -> None:
    async with opened() as store:
        archive = Archive(store)
        await keep(store, "mine")
        for owner, response, status in ((ME, "mine", 400), (YOU, "mine", 404), (ME, "x", 404)):
            with pytest.raises(ProxyError) as caught:
                await archive.cancel(owner, response)
            assert caught.value.status == status
        await store.add(entry("back")._replace(body=body("back", background=True)))
        assert (await archive.cancel(ME, "back"))["status"] == "cancelled"
        assert (await archive.cancel(ME, "back"))["status"] == "cancelled", "once more, the same"


async def test_what_is_removed_is_gone() -> None:
    async with opened() as store:
        archive = Archive(store)
        await keep(store, "mine")
        with pytest.raises(ProxyError):
            await archive.remove(YOU, "mine")
        await archive.remove(ME, "mine")
        assert await archive.find(ME, "mine") is None


async def going_on(store: SQLiteStore, *, kept: bool, **fields: Any) -> Any:
    """The plan of a response that goes on from one that the app's connection remembers."""
    recent = Recent(1000)
    recent.put(None, "known", Known([item("said")], 10, kept))
    asked = {"model": "m", "input": "Hi", "previous_response_id": "known"} | fields
    return await Archive(store).plan(ME, asked, name, recent)


async def test_what_a_connection_remembers_can_be_gone_on_from_and_is_kept_with_what_follows() -> None:
    async with opened() as store:
        found = await going_on(store, kept=False)
        assert (found.past, found.state["previous_response_id"]) == ([item("said")], "known")
        await store.add(found.entry(body("next")))
        await store.end("next", Ending(body("next", "completed"), [item("out")]))
        history = await store.history(ME, "next")
        assert history is not None
        assert [each["id"] for each in history] == ["said", "msg_new", "out"]


async def test_what_is_stored_anyway_is_not_kept_twice() -> None:
    async with opened() as store:
        found = await going_on(store, kept=True)
        assert (found.past, found.previous, found.entry(body("next")).input) == ([item("said")], "known", found.input)


async def test_without_a_store_the_connection_will_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = SQLiteStore(tmp_path / "file" / "s", ROOMY)
    found = await going_on(store, kept=False)
    assert (found.past, found.kept, found.state["store"]) == ([item("said")], False, False)
    with pytest.raises(Unusable):
        await going_on(store, kept=False, conversation="conv")
    await store.close()
