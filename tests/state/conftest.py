"""Every kind of store, for the tests of what they have in common."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.shared.link import Link
from qwenproxy.shared.place import Shared
from qwenproxy.shared.seal import Seal
from qwenproxy.state.base import Store
from qwenproxy.state.database import Bounds
from qwenproxy.state.redis_store import RedisStore
from tests.state.stores import ROOMY, opened
from tests.support.services import RedisServer, needs, redis_server

redis = needs("redis-server")


@asynccontextmanager
async def opened_in(server: RedisServer, *keys: str, bounds: Bounds = ROOMY) -> AsyncIterator[RedisStore]:
    """A store in a Redis; its own link has all the time it needs."""
    link = Link(server.url, budget=10)
    store = RedisStore(Shared(link, Seal(keys)), bounds)
    yield store
    await store.close()
    await link.close()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with redis_server(tmp_path) as found:
        yield found


@pytest.fixture(params=["memory", "file", pytest.param("redis", marks=redis), pytest.param("sealed", marks=redis)])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """One of each kind."""
    if request.param in ("memory", "file"):
        async with opened(tmp_path / "s" if request.param == "file" else None) as found:
            yield found
        return
    keys = ["k" * 32] if request.param == "sealed" else []
    async with redis_server(tmp_path) as server, opened_in(server, *keys) as kept:
        yield kept
