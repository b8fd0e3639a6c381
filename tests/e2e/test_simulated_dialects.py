"""`qwenproxy run --simulator` in each dialect: the simulator is spoken to as a real upstream would be."""

from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.support.apps import IN_TWO_CITIES, OSLO, RIGA, WEATHER
from tests.support.heard import hear
from tests.support.processes import QWENPROXY, clean, running

RUN = (*QWENPROXY, "run", "--simulator", "--no-proxy-port", "--port", "0")


@pytest.mark.parametrize("dialect", ["compatible", "dashscope", "contents"])
async def test_an_app_gets_its_answers_in_every_dialect(tmp_path: Path, dialect: str) -> None:
    environ = clean(tmp_path) | {"QWENPROXY_DIALECT": dialect}
    async with running(RUN, environ, ready="listening") as process, aiohttp.ClientSession() as http:
        base_url = f"http://127.0.0.1:{process.ports[0]}/v1"
        heard = await hear(http, base_url, IN_TWO_CITIES, stream=True, tools=[WEATHER], model="qwen3-coder-plus")
        assert [orjson.loads(arguments) for _, arguments in heard.calls] == [orjson.loads(RIGA), orjson.loads(OSLO)]
        heard = await hear(http, base_url, "[sim: words 3]", reasoning_effort="none")
        assert (heard.text, heard.finish) == ("word1 word2 word3", "stop")
