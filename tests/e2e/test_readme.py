"""The README's examples, as they are printed there, against `qwenproxy run --simulator`."""

import asyncio
import os
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.clients import toolchains
from tests.clients.toolchains import needed
from tests.support.processes import QWENPROXY, ROOT, clean, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PORTS = {"--port": 8080, "--proxy-port": 8081}
"""The ports that the README names."""
ABOUT_RIGA = "You wrote: “Tell me about Riga in two sentences.”"


def example(language: str, beginning: str) -> str:
    """The README's only example in *language* with these words in front."""
    found: list[str] = [
        text for kind, text in EXAMPLE.findall(README) if kind == language and text.startswith(beginning)
    ]
    (only,) = found
    return only


@dataclass
class Started:
    """The proxy that runs, and where: the README's ports, unless someone else has them."""

    home: Path
    printed: str
    ports: list[int]

    def here(self, text: str) -> str:
        """*text* with the ports as they are here."""
        for told, real in zip(PORTS.values(), self.ports, strict=True):
            text = text.replace(f":{told}", f":{real}")
        return text

    async def run(self, *words: str) -> str:
        """What a program prints."""
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        process = await asyncio.create_subprocess_exec(
            *words, cwd=self.home, env=clean(self.home) | {"PATH": paths}, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        return out.decode()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def started(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Started]:
    home = tmp_path_factory.mktemp("home")
    other = [word for option, port in PORTS.items() if not is_free(port) for word in (option, "0")]
    async with running((*QWENPROXY, "run", "--simulator", *other), clean(home), ready="listening") as process:
        yield Started(home, process.output, process.ports)


async def test_the_start_prints_what_the_readme_says(started: Started) -> None:
    said = re.findall(r"^    ((?:simulator|listening) .*)$", README, re.MULTILINE)
    printed = [
        re.sub(r"^(simulator http://127\.0\.0\.1):\d+$", r"\1:PORT", line) for line in started.printed.splitlines()
    ]
    assert [started.here(line) for line in said] == printed


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
async def test_the_example_with_curl(started: Started) -> None:
    answer = orjson.loads(await started.run("sh", "-c", started.here(example("sh", "curl "))))
    assert answer["model"] == "qwen-coder-plus"
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_current_weather"
    assert orjson.loads(call["function"]["arguments"]) == {"location": "Riga"}


async def test_the_example_with_python(started: Started) -> None:
    program = started.here(example("python", "from openai import OpenAI"))
    assert ABOUT_RIGA in await started.run(sys.executable, "-c", program)


async def test_the_example_with_a_websocket(started: Started) -> None:
    program = started.here(example("python", "# pip install 'openai[realtime]'"))
    assert "simulated" in await started.run(sys.executable, "-c", program)


APP = """
from openai import OpenAI

client = OpenAI(api_key="sk-hardcoded", base_url="https://api.openai.com/v1")
print(client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello"}]).model_dump_json())
"""


async def test_the_example_of_an_app_that_cannot_be_changed(started: Started) -> None:
    (started.home / "app.py").write_text(APP)
    answer = orjson.loads(await started.run("sh", "-c", started.here(example("sh", "HTTPS_PROXY="))))
    assert answer["choices"][0]["message"]["content"].startswith("Hello! This is qwen3.7-plus, simulated")


@pytest.mark.clients
async def test_the_example_with_node(started: Started) -> None:
    node, place = needed(toolchains.node), needed(lambda: toolchains.node_script("chat.mjs")).parent
    program = place / f"readme-{os.getpid()}.mjs"
    program.write_text(started.here(example("js", "import OpenAI")), encoding="utf-8")
    try:
        assert ABOUT_RIGA in await started.run(node, str(program))
    finally:
        program.unlink()
