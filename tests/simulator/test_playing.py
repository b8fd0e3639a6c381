"""Steps, played to a client over a socket."""

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp import web

from qwenproxy.simulator.playing import Player
from qwenproxy.simulator.steps import Break, Send, Start, Step, Wait

type Get = Callable[[list[Step]], Awaitable[tuple[int, bytes]]]


@pytest.fixture
async def get() -> AsyncIterator[Get]:
    """Plays steps to a client, gives back the status and the body; raises what the client raises."""
    played: list[Step] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return await Player(request, 0).play(played)

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with aiohttp.ClientSession() as session:

        async def ask(steps: list[Step]) -> tuple[int, bytes]:
            played[:] = steps
            async with session.get(url) as response:
                return response.status, await response.read()

        yield ask
    await runner.cleanup()


@pytest.mark.parametrize("headers", [{}, {"content-length": "2"}], ids=["chunked", "of a known length"])
async def test_steps_become_an_answer(get: Get, headers: dict[str, str]) -> None:
    steps: list[Step] = [Wait(0), Start(418, headers), Send(b"a"), Send(b""), Wait(0.01), Send(b"b")]
    assert await get(steps) == (418, b"ab")


@pytest.mark.parametrize(
    "steps",
    [
        [Break()],
        [Break("reset")],
        [Start(200), Send(b"a"), Break()],
        [Start(200), Send(b"a"), Break("reset")],
        [Start(200, {"content-length": "2"}), Send(b"a")],
    ],
    ids=str,
)
async def test_a_break_is_a_break_for_the_client(get: Get, steps: list[Step]) -> None:
    with pytest.raises(aiohttp.ClientError):
        await get(steps)


async def test_after_a_break_the_next_answer_is_whole(get: Get) -> None:
    with pytest.raises(aiohttp.ClientError):
        await get([Break()])
    assert await get([Start(200), Send(b"a")]) == (200, b"a")
