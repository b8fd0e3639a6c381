"""Apps that know only https://api.openai.com, as real programs: told where the proxy is, and whom to trust, no more."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from tests.clients import toolchains
from tests.clients.toolchains import CLIENTS, needed
from tests.support.apps import RIGA, Simulated, simulated
from tests.support.proxy import REGULAR

pytestmark = pytest.mark.asyncio(loop_scope="module")

URL = "https://api.openai.com/v1/chat/completions"
KEY = "sk-hardcoded-in-the-app"
PATIENCE = 90.0  # s; a first run of Node or Java takes its time
HELLO = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, modes=(REGULAR,)) as found:
        yield found


@pytest.fixture(autouse=True)
def key_goes_nowhere(stage: Simulated) -> Any:
    """Whatever an app does, its key ends at the proxy."""
    stage.asked()
    yield
    assert not [asked for asked in stage.simulator.requests if KEY in str(asked)]


def authority(confdir: Path) -> str:
    """The certificate that apps are to trust."""
    return str(confdir / "mitmproxy-ca-cert.pem")


async def run(stage: Simulated, *words: str, **environ: str) -> str:
    """What a program prints that is told of the proxy by *environ* only, `{}` in it being the proxy's address."""
    told = {name: value.replace("{}", stage.proxy.url) for name, value in environ.items()}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *words, env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **told}, stdout=pipe, stderr=pipe
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode()


def check_sdk(out: str) -> None:
    """What an official client got."""
    found = orjson.loads(out)
    assert found["address"].rstrip("/") == "https://api.openai.com/v1"
    assert found["whole"].startswith("Hello! This is qwen3.7-plus, simulated")
    assert found["streamed"] == found["whole"]
    assert found["call"] == ["get_weather", RIGA]
    assert found["retried"] == "stop"
    assert found["error"] == ["BadRequestError", 400, "content_filter"]


def check_lines(out: str, version: str) -> None:
    """What a bare HTTP client got: a whole answer and a streamed one, a line each."""
    for line, mark in zip(out.splitlines(), ('"object":"chat.completion"', "data: [DONE]"), strict=True):
        spoken, status, body = line.split(" ", 2)
        assert (spoken, status) == (version, "200")
        assert mark in body


async def test_openai_python(stage: Simulated, confdir: Path) -> None:
    environ = {"HTTPS_PROXY": "{}", "SSL_CERT_FILE": authority(confdir)}
    check_sdk(await run(stage, sys.executable, str(CLIENTS / "chat.py"), **environ))


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize(("flag", "version"), [("--http1.1", "1.1"), ("--http2", "2")])
async def test_curl(stage: Simulated, confdir: Path, flag: str, version: str) -> None:
    environ = {"HTTPS_PROXY": "{}", "CURL_CA_BUNDLE": authority(confdir)}
    headers = ("-H", "content-type: application/json", "-H", f"authorization: Bearer {KEY}")
    for more, mark in (({}, '"object":"chat.completion"'), ({"stream": True}, "data: [DONE]")):
        body = orjson.dumps(HELLO | more).decode()
        curl = ("curl", "-sS", "-N", flag, "-w", "\n%{http_version} %{http_code}", *headers, "-d", body, URL)
        answer, _, told = (await run(stage, *curl, **environ)).rpartition("\n")
        assert mark in answer
        assert told == f"{version} 200"


@pytest.mark.clients
async def test_openai_python_before_its_third_version(stage: Simulated, confdir: Path) -> None:
    python = needed(toolchains.python_with_openai_2)
    environ = {"HTTPS_PROXY": "{}", "SSL_CERT_FILE": authority(confdir)}
    check_sdk(out := await run(stage, python, str(CLIENTS / "chat.py"), **environ))
    assert orjson.loads(out)["client"].startswith("2.")


@pytest.mark.clients
async def test_openai_node(stage: Simulated, confdir: Path) -> None:
    node, script = needed(toolchains.node), needed(lambda: toolchains.node_script("chat.mjs"))
    environ = {"HTTPS_PROXY": "{}", "NODE_USE_ENV_PROXY": "1", "NODE_EXTRA_CA_CERTS": authority(confdir)}
    check_sdk(await run(stage, node, str(script), **environ))


@pytest.mark.clients
async def test_java(stage: Simulated, confdir: Path, tmp_path: Path) -> None:
    java = needed(lambda: toolchains.program("java"))
    store = needed(lambda: toolchains.trust_store(Path(authority(confdir)), tmp_path / "trust.jks"))
    proxy = f"-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort={stage.proxy.ports[0]}".split()
    check_lines(
        await run(stage, java, *proxy, f"-Djavax.net.ssl.trustStore={store}", str(CLIENTS / "Chat.java")), "HTTP_2"
    )


@pytest.mark.clients
async def test_go(stage: Simulated, confdir: Path, tmp_path: Path) -> None:
    go = needed(lambda: toolchains.program("go"))
    environ = {"HTTPS_PROXY": "{}", "SSL_CERT_FILE": authority(confdir), "GOCACHE": str(tmp_path)}
    check_lines(await run(stage, go, "run", str(CLIENTS / "chat.go"), **environ), "HTTP_2.0")
