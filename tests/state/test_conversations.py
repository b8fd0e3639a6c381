"""Conversations in the database."""

from qwenproxy.state.base import Ending, Store
from tests.state.stores import ME, YOU, body, entry, item, keep


async def test_a_conversation_is_its_owners_alone(store: Store) -> None:
    await store.open(ME, {"id": "c", "metadata": {}}, [item("a")])
    assert await store.conversation(YOU, "c") is None
    assert await store.content(YOU, "c") is None
    assert not await store.rewrite(YOU, {"id": "c", "metadata": {"x": "y"}})
    assert not await store.extend(YOU, "c", [item("b")])
    assert not await store.close_conversation(YOU, "c")
    assert await store.conversation(ME, "c") == {"id": "c", "metadata": {}}
    assert await store.content(ME, "c") == [item("a")]


async def test_a_response_joins_its_conversation_when_it_is_made(store: Store) -> None:
    await store.open(ME, {"id": "c"}, [item("a")])
    await store.add(entry("r", conversation="c"))
    assert await store.content(ME, "c") == [item("a")]
    await store.end("r", Ending(body("r", "completed"), [item("out")]))
    assert [each["id"] for each in await store.content(ME, "c") or ()] == ["a", "in_r", "out"]
    await keep(store, "s", conversation="c")
    assert [each["id"] for each in await store.history(ME, "r") or ()] == ["a", "in_r", "out"]


async def test_a_failed_response_does_not(store: Store) -> None:
    await store.open(ME, {"id": "c"}, [])
    await store.add(entry("r", conversation="c"))
    await store.end("r", Ending(body("r", "failed"), [item("out")]))
    assert await store.content(ME, "c") == []


async def test_a_closed_conversation_is_gone_with_its_items(store: Store) -> None:
    await store.open(ME, {"id": "c"}, [item("a")])
    assert await store.rewrite(ME, {"id": "c", "metadata": {"x": "y"}})
    assert await store.close_conversation(ME, "c")
    assert await store.conversation(ME, "c") is None
    assert await store.item("c", "a") is None
