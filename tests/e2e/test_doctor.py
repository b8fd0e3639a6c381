"""`qwenproxy doctor` as users call it, beside a real proxy and a real upstream."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import orjson

from qwenproxy.commands.run import free_port
from qwenproxy.simulator.grants import Terms
from qwenproxy.simulator.server import Simulator
from tests.support.commands import TOKENS, Home, called
from tests.support.launched import Home as Shell
from tests.support.processes import DEADLINE, QWENPROXY, authority, running
from tests.support.upstream import Reply, upstream, whole

KEY = "sk-0123456789abcdef"
SAID = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "length"}]}


@asynccontextmanager
async def simulating() -> AsyncIterator[Simulator]:
    simulator = Simulator(pace=0, terms=Terms(interval=1, authorise_after=0.5))
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


async def examined(environ: Mapping[str, str], *words: str) -> tuple[int, list[dict[str, str]]]:
    """The exit status, and the findings."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *QWENPROXY, "doctor", "--json", *words, env=environ, cwd=environ["HOME"], stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    assert err == b""
    assert not [secret for secret in (*TOKENS, KEY, "sk-simulator") if secret.encode() in out]
    told: dict[str, Any] = orjson.loads(out)
    assert process.returncode is not None
    return process.returncode, told["findings"]


def of(findings: list[dict[str, str]], name: str) -> list[dict[str, str]]:
    return [finding for finding in findings if finding["name"] == name]


async def test_beside_a_proxy_that_runs_all_is_well(tmp_path: Path) -> None:
    """The proxy, its authority, the variables that `exec --env` would set, and an answer."""
    shell = Shell(tmp_path)
    trusted = authority(tmp_path / ".mitmproxy")
    ports = [str(free_port("127.0.0.1")) for _ in range(2)]
    words = ("--port", ports[0], "--proxy-port", ports[1])
    async with simulating() as simulator:
        given = {"QWENPROXY_UPSTREAM": f"{simulator.base_url}/compatible-mode/v1", "QWENPROXY_API_KEY": simulator.key}
        async with running([*QWENPROXY, "run", *words], shell.environ(**given), ready="listening "):
            bundle = tmp_path / "bundle.pem"
            bundle.write_bytes(trusted.read_bytes() + authority(tmp_path / "other").read_bytes())
            trusting = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
            proxied = {"HTTPS_PROXY": f"http://127.0.0.1:{ports[1]}", **dict.fromkeys(trusting, str(bundle))}
            status, findings = await examined(shell.environ(**given, **proxied), *words)
    assert [finding for finding in findings if finding["level"] != "ok"] == []
    assert status == 0
    assert of(findings, "port")[0]["what"] == f"{ports[0]}: qwenproxy's local OpenAI runs there"
    assert of(findings, "proxy-port")[0]["what"] == f"{ports[1]}: qwenproxy's HTTPS proxy runs there"
    assert "where qwenproxy's HTTPS proxy runs" in of(findings, "proxy")[0]["what"]
    assert of(findings, "clock")
    assert of(findings, "call")[0]["what"].startswith("qwen3.7-plus at ")


async def test_a_stranger_and_a_dead_proxy_variable_are_failures(tmp_path: Path) -> None:
    async with upstream(whole(b"hello", 404, server="nginx")) as stranger, upstream(whole(SAID)) as qwen:
        gone = f"http://127.0.0.1:{free_port('127.0.0.1')}"
        environ = {**Home(tmp_path).environ(upstream=qwen.base_url, api_key=KEY), "HTTPS_PROXY": gone}
        status, findings = await examined(environ, "--port", str(stranger.port))
    assert status == 1
    assert "calls itself nginx" in of(findings, "port")[0]["what"]
    assert of(findings, "proxy")[0]["what"].startswith(f"HTTPS_PROXY: {gone}, where nobody listens")
    assert of(findings, "call")[0]["level"] == "ok", "the proxy itself heeds no proxy variable"


async def test_a_wrong_clock_is_a_warning(tmp_path: Path) -> None:
    replies: list[Reply] = [whole(SAID, date=formatdate(time.time() + 7200, usegmt=True))]
    async with upstream(*replies) as qwen:
        ports = ("--port", str(free_port("127.0.0.1")), "--proxy-port", str(free_port("127.0.0.1")))
        status, findings = await examined(Home(tmp_path).environ(upstream=qwen.base_url, api_key=KEY), *ports)
    (clock,) = of(findings, "clock")
    assert (status, clock["level"]) == (0, "warn")
    assert clock["what"].startswith(("1 h 59 min behind", "2 h behind"))


async def test_offline_nothing_is_sent(tmp_path: Path) -> None:
    async with upstream(whole(SAID)) as qwen:
        environ = Home(tmp_path).environ(upstream=qwen.base_url, api_key=KEY)
        _, findings = await examined(environ, "--offline")
        assert qwen.connections == 0
    assert not {"upstream", "clock", "call"} & {finding["name"] for finding in findings}


async def test_a_login_is_put_to_the_test(tmp_path: Path) -> None:
    """A file alone does not tell whether one gets answers: only a call does."""
    home = Home(tmp_path)
    async with simulating() as simulator:
        given = {"auth": "oauth", "upstream": f"{simulator.base_url}/v1", "oauth_url": simulator.base_url}
        assert (await called(tmp_path, "login", **given)).status == 0
        ports = ("--port", str(free_port("127.0.0.1")), "--proxy-port", str(free_port("127.0.0.1")))
        status, findings = await examined(home.environ(**given), *ports)
        assert (status, of(findings, "call")[0]["level"]) == (0, "ok")
        assert of(findings, "credential")[0]["what"].startswith("OAuth login: signed in")
        simulator.oauth.grants.revoke()
        status, findings = await examined(home.environ(**given), *ports)
        assert (status, of(findings, "call")[0]["level"]) == (1, "fail")
        assert of(findings, "call")[0]["next"] == "`qwenproxy login` signs in anew."


async def test_an_answer_elsewhere_takes_the_edge_off_a_refused_key(tmp_path: Path) -> None:
    """With several credentials the next one goes on: so does a call of the doctor's."""
    refusal = whole({"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}, 401)
    async with upstream(refusal, refusal, whole(SAID)) as qwen:
        url = f"http://127.0.0.1:{qwen.port}/compatible-mode/v1"
        provider = {"id": "m", "envKey": "K", "baseUrl": url}
        home = Home(tmp_path)
        home.keep(b"{}")
        others = orjson.dumps({"env": {"K": "sk-another"}, "modelProviders": {"openai": [provider]}})
        home.file.with_name("settings.json").write_bytes(others)
        environ = home.environ(upstream=url, api_key=KEY)
        status, findings = await examined(environ, "--port", str(free_port("127.0.0.1")))
    assert sorted(finding["level"] for finding in of(findings, "call")) == ["ok", "warn"]
    assert len(of(findings, "upstream")) == 1, "both lead to one upstream"
    assert status == 0
