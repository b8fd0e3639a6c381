"""A simulator without pauses, and a client for it."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from qwenproxy.simulator.server import Simulator
from tests.support.simulated import Client


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    simulator = Simulator(pace=0)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, simulator)
