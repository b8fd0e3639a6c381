"""A proxy in front of an upstream, as most tests of flows need it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.bounded import Bounded, Start
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE, Running, proxy
from tests.support.stage import ANSWER
from tests.support.upstream import Upstream, upstream, whole


@pytest.fixture(scope="module")
def confdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("mitmproxy")
    authority(found)
    return found


@pytest.fixture
async def qwen() -> AsyncIterator[Upstream]:
    async with upstream(whole(ANSWER)) as found:
        yield found


@pytest.fixture
async def running(qwen: Upstream, confdir: Path) -> AsyncIterator[Running]:
    environ = {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none"}
    async with proxy(environ, confdir, modes=(REVERSE, REGULAR)) as found:
        yield found


@pytest.fixture
async def bounded(qwen: Upstream, confdir: Path) -> AsyncIterator[Start]:
    stack = AsyncExitStack()

    async def start(**settings: str) -> Bounded:
        environ = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
        environ |= {"QWENPROXY_UPSTREAM": qwen.base_url, "QWENPROXY_AUTH": "none", "QWENPROXY_STATE": "off"}
        running = await stack.enter_async_context(proxy(environ, confdir, modes=(REVERSE, REGULAR)))
        return Bounded(running, confdir)

    async with stack:
        yield start
