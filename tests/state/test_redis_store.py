"""The store in a Redis, beyond what all stores have in common: shared, bounded, sealed, and clear when it is away."""

import asyncio
import signal

import pytest

from qwenproxy.errors import STATE_UNAVAILABLE
from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from qwenproxy.state.base import Ending, Side, Store, Unusable
from qwenproxy.state.database import Bounds
from qwenproxy.state.redis_functions import HEARD
from qwenproxy.state.redis_store import PREFIX, RedisStore
from tests.state.conftest import opened_in
from tests.state.stores import ME, ROOMY, YOU, body, entry, event, item, keep
from tests.support.services import RedisServer, free_port, needs

SERVICES, REDIS = needs("redis-server")


KEY, OTHER = "k" * 32, "o" * 32


@SERVICES
@REDIS
async def test_what_one_machine_keeps_another_finds(server: RedisServer) -> None:
    async with opened_in(server, KEY) as one, opened_in(server, KEY) as other:
        await keep(one, "a")
        await keep(other, "b", previous="a")
        assert len(await one.history(ME, "b") or ()) == 4
        await one.add(entry("running"))
        found = await other.find(ME, "running")
        assert found is not None
        assert (found.running, found.orphan) == (True, False)
        assert await other.orphans() == []


@SERVICES
@REDIS
async def test_what_a_machine_has_left_is_an_orphan(server: RedisServer) -> None:
    async with opened_in(server) as other:
        async with opened_in(server) as one:
            await one.add(entry("running"))
        found = await other.find(ME, "running")
        assert found is not None
        assert found.orphan
        assert await other.orphans() == [(ME, "running")]
        assert (await other.log("running", -1)).over


@SERVICES
@REDIS
async def test_nobody_is_taken_for_dead_because_redis_was_away(server: RedisServer) -> None:
    """It was, for so long that nobody at all was heard of."""
    async with opened_in(server) as one, opened_in(server) as other:
        await one.add(entry("running"))
        link, long_ago = one._link, 1000.0
        await link.call("SET", f"{PREFIX}heard", long_ago)
        await link.call("HSET", f"{PREFIX}beats", one._runner, long_ago)
        assert await other.orphans() == [], "before anybody is heard of"
        await other._beat()
        assert await other.orphans() == [], "some are, others not yet"
        assert 0 < await link.call("TTL", f"{PREFIX}amnesty") <= HEARD
        await link.call("DEL", f"{PREFIX}amnesty")
        assert await other.orphans() == [(ME, "running")]


@SERVICES
@REDIS
async def test_what_is_not_used_is_gone_after_its_lifetime(server: RedisServer) -> None:
    async with opened_in(server, bounds=Bounds(1.0, 1024**3)) as store:
        await store.open(ME, body("conv"), [item("a")])
        await keep(store, "old", conversation="conv")
        await asyncio.sleep(1.1)
        assert await store.find(ME, "old") is None
        assert not await store.referred(ME, ["a", "in_old", "out_old"])
        await keep(store, "new")
        assert await store._link.call("HKEYS", f"{PREFIX}sizes") == [b"new"]
        total = int(await store._link.call("GET", f"{PREFIX}total"))
        assert total == int(await store._link.call("HGET", f"{PREFIX}sizes", "new"))


@SERVICES
@REDIS
async def test_what_was_used_longest_ago_goes_when_there_is_no_room(server: RedisServer) -> None:
    async with opened_in(server, bounds=Bounds(3600.0, 200_000)) as store:
        await store.add(entry("running"))
        for name in range(30):
            await keep(store, f"r{name}")
            await store.extend(ME, "none", [])
            await store.open(ME, body(f"c{name}"), [item(f"i{name}", text="x" * 10_000)])
        assert int(await store._link.call("GET", f"{PREFIX}total")) <= 200_000
        assert await store.find(ME, "r0") is None
        assert await store.conversation(ME, "c29") is not None
        assert await store.find(ME, "running") is not None


@SERVICES
@REDIS
async def test_removing_leaves_nothing(server: RedisServer) -> None:
    async with opened_in(server, KEY) as store:
        await store.open(ME, body("conv"), [item("a")])
        await store.add(entry("r", logged=True, conversation="conv"))
        await store.append("r", 0, [event(0), event(1)])
        await store.end("r", Ending(body("r", "completed"), [item("out")], 2, [event(2)]))
        assert await store.remove(ME, "r")
        assert await store.item("conv", "out") == item("out"), "a conversation has its own"
        assert await store.close_conversation(ME, "conv")
        left = {key.decode().removeprefix(PREFIX) for key in await store._link.call("KEYS", f"{PREFIX}*")}
        assert left <= {"total", "beats", "heard"}
        assert await store._link.call("GET", f"{PREFIX}total") == b"0"


@SERVICES
@REDIS
async def test_redis_holds_no_word_of_it_and_another_key_opens_nothing(server: RedisServer) -> None:
    async with opened_in(server, KEY) as store, opened_in(server, OTHER) as stranger:
        await store.add(entry("r", logged=True))
        await store.append("r", 0, [b"event: x\ndata: hidden\n\n"])
        await store.end("r", Ending(body("r", "completed", text="hidden"), [item("o", text="hidden")]))
        for key in await store._link.call("KEYS", f"{PREFIX}b:*"):
            assert not any(b"hidden" in value for value in await store._link.call("HVALS", key))
        assert b"hidden" not in await store._link.call("HGET", f"{PREFIX}r:r", "body")
        with pytest.raises(Unusable, match="state_keys") as caught:
            await stranger.find(ME, "r")
        assert "hidden" not in caught.value.message
        assert await store.find(YOU, "r") is None


@SERVICES
@REDIS
async def test_while_redis_says_nothing_it_is_told_and_afterwards_all_is_there(server: RedisServer) -> None:
    link = Link(server.url, budget=0.2)
    store: Store = RedisStore(Shared(link, Seal([KEY])), ROOMY)
    await keep(store, "r")
    server.signal(signal.SIGSTOP)
    with pytest.raises(Unusable, match="no answer within") as caught:
        await store.find(ME, "r")
    assert caught.value.failure is STATE_UNAVAILABLE
    assert caught.value.headers()["retry-after"] == "2"
    server.signal(signal.SIGCONT)
    link.budget = 10
    assert await store.find(ME, "r") is not None
    await store.close()
    await link.close()


async def test_without_redis_every_method_says_so_at_once() -> None:
    link = Link(f"redis://127.0.0.1:{free_port()}/0")
    store: Store = RedisStore(Shared(link, Seal([])), ROOMY)
    for _ in range(5):
        with pytest.raises(Unusable, match="cannot be reached at the moment"):
            await store.page("conv", Side.INPUT, after=None, limit=1, descending=False)
    await store.close()
    await link.close()
