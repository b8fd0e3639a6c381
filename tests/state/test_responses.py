"""Responses in the database."""

import pytest

from qwenproxy.state.base import Ending, Store
from tests.state.stores import ME, YOU, body, entry, event, item, keep


async def test_a_response_is_found_whole_by_its_owner_alone(store: Store) -> None:
    await keep(store, "r")
    found = await store.find(ME, "r")
    assert found is not None
    assert found.body == body("r", "completed", output=[item("out_r")])
    assert not found.running
    assert await store.find(YOU, "r") is None
    assert await store.history(YOU, "r") is None
    assert not await store.remove(YOU, "r")
    assert await store.remove(ME, "r")
    assert await store.find(ME, "r") is None


async def test_it_ends_once(store: Store) -> None:
    await store.add(entry("r"))
    assert await store.append("r", 0, [event(0)])
    assert await store.end("r", Ending(body("r", "cancelled"), []))
    assert not await store.end("r", Ending(body("r", "completed"), [item("late")]))
    assert not await store.append("r", 1, [event(1)])
    found = await store.find(ME, "r")
    assert found is not None
    assert found.body["status"] == "cancelled"


async def test_the_history_is_that_of_all_that_led_to_it(store: Store) -> None:
    await keep(store, "a")
    await keep(store, "b", previous="a")
    await keep(store, "side", previous="a")
    await keep(store, "c", previous="b")
    names = [each["id"] for each in await store.history(ME, "c") or ()]
    assert names == ["in_a", "out_a", "in_b", "out_b", "in_c", "out_c"]
    await store.remove(ME, "a")
    assert await store.history(ME, "c") is None, "a part of it would be misleading"


async def test_nobody_goes_on_from_what_is_anothers(store: Store) -> None:
    await keep(store, "a", YOU)
    await keep(store, "b", previous="a")
    assert await store.history(ME, "b") is None


LOGS = {"all": (-1, [0, 1, 2, 3, 4]), "the rest of a row": (1, [2, 3, 4]), "a row": (2, [3, 4]), "none": (4, [])}


@pytest.mark.parametrize("name", LOGS)
async def test_the_log_is_read_from_a_place_on(store: Store, name: str) -> None:
    after, numbers = LOGS[name]
    await store.add(entry("r", logged=True))
    await store.append("r", 0, [event(n) for n in range(3)])
    log = await store.log("r", after)
    assert not log.over
    await store.end("r", Ending(body("r", "completed"), [], 3, [event(3), event(4)]))
    log = await store.log("r", after)
    assert list(log.events) == [event(n) for n in numbers]
    assert log.over


async def test_a_long_log_comes_in_parts(store: Store) -> None:
    large = b"event: x\ndata: " + b"x" * 600_000 + b"\n\n"
    await store.add(entry("r", logged=True))
    for number in range(4):
        await store.append("r", number, [large])
    await store.end("r", Ending(body("r", "completed"), [], 4, []))
    first = await store.log("r", -1)
    assert (len(first.events), first.over) == (2, False)
    assert len((await store.log("r", 1)).events) == 2
