"""Lists of items."""

import pytest

from qwenproxy.state.base import Side, Store
from tests.state.stores import ME, YOU, item

PAGES = {
    "the last first": (None, 2, True, ["d", "c"], True),
    "on from there": ("c", 2, True, ["b", "a"], False),
    "the first first": (None, 3, False, ["a", "b", "c"], True),
    "to the end": ("c", 3, False, ["d"], False),
    "nothing more": ("d", 3, False, [], False),
    "exactly all": (None, 4, False, ["a", "b", "c", "d"], False),
}


@pytest.mark.parametrize("name", PAGES)
async def test_a_page(store: Store, name: str) -> None:
    after, limit, descending, names, more = PAGES[name]
    await store.open(ME, {"id": "conv"}, [item("a"), item("b")])
    await store.extend(ME, "conv", [item("c"), item("d")])
    page = await store.page("conv", Side.INPUT, after=after, limit=limit, descending=descending)
    assert page is not None
    assert ([each["id"] for each in page.items], page.more) == (names, more)
    assert await store.page("conv", Side.INPUT, after="x", limit=1, descending=False) is None


async def test_items_are_referred_to_by_their_owner_only(store: Store) -> None:
    await store.open(ME, {"id": "conv"}, [item("a"), item("b")])
    assert (await store.referred(ME, ["a", "x"])).keys() == {"a"}
    assert not await store.referred(YOU, ["a"])
    assert await store.drop("conv", "a")
    assert not await store.drop("conv", "a")
    assert await store.item("conv", "a") is None
    assert await store.item("conv", "b") == item("b")
