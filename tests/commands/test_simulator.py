"""`qwenproxy simulator` as a program."""

import signal
import socket
from pathlib import Path

import aiohttp

from tests.support.processes import QWENPROXY, clean, running


async def test_it_says_where_it_is_answers_and_ends_cleanly(tmp_path: Path) -> None:
    async with running((*QWENPROXY, "simulator", "--port", "0"), clean(tmp_path), ready="/oauth2\n") as process:
        first, *bases = process.output.splitlines()
        _, address, key = first.split(" ")
        paths = ["/compatible-mode/v1", "/v1", "/api/v1", "/v1beta", "/api/v1/oauth2"]
        assert bases == [f"  {address}{path}" for path in paths]
        headers = {"authorization": f"Bearer {key.removeprefix('key=')}"}
        async with aiohttp.ClientSession() as http, http.get(f"{address}/v1/models", headers=headers) as response:
            assert response.status == 200
        process.process.send_signal(signal.SIGTERM)
        assert await process.ended() == 0


async def test_a_port_that_is_taken_is_one_clear_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with running((*QWENPROXY, "simulator", "--port", port), clean(tmp_path)) as process:
            assert await process.ended() == 1
    assert process.output.startswith("qwenproxy simulator: ")
    assert process.output.count("\n") == 1
    assert port in process.output
