"""A call of one token, by the same way as an app's."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from qwenproxy import service, settings
from qwenproxy.commands.checks.calls import body, call
from qwenproxy.commands.checks.findings import Finding
from qwenproxy.simulator.server import Simulator
from tests.support.commands import Home
from tests.support.upstream import Connection, upstream, whole

KEY = "sk-0123456789abcdef"
FACES = ("/compatible-mode/v1", "/api/v1", "/v1beta")


@asynccontextmanager
async def simulating() -> AsyncIterator[Simulator]:
    simulator = Simulator(pace=0)
    await simulator.start()
    try:
        yield simulator
    finally:
        await simulator.stop()


async def called(home: Path, model: str = "gpt-4o", limit: float = 10.0, **given: str) -> Finding:
    environ = Home(home).environ(**given)
    loaded = settings.load(environ, home)
    found = service.service(loaded, environ)
    try:
        finding = await call(loaded, found.lines[0], model, limit)
    finally:
        await found.retire()
    assert (finding.name, bool(finding.next)) == ("call", finding.level != "ok")
    assert not [secret for secret in (KEY, "sk-simulator") if secret in f"{finding.what}{finding.next}"]
    return finding


@pytest.mark.parametrize("face", FACES)
async def test_who_answered_is_told(tmp_path: Path, face: str) -> None:
    async with simulating() as simulator:
        model = "qwen3.7-plus"
        finding = await called(tmp_path, model, upstream=simulator.base_url + face, api_key=simulator.key)
        assert finding.level == "ok", finding
        assert finding.what.startswith(f"{model} at {simulator.base_url}{face} answered in ")
        assert finding.what.endswith(("+1 tokens", "+0 tokens"))
        (asked,) = simulator.requests
        limits = (asked.body, asked.body.get("parameters", {}), asked.body.get("generationConfig", {}))
        said = [each[name] for each in limits for name in ("max_tokens", "maxOutputTokens") if name in each]
        assert said == [1]


async def test_a_name_leads_where_it_leads_for_apps(tmp_path: Path) -> None:
    async with simulating() as simulator:
        url, aliases = f"{simulator.base_url}/compatible-mode/v1", '{"gpt-4o": "qwen3-coder-plus"}'
        finding = await called(tmp_path, models=aliases, upstream=url, api_key=simulator.key)
        assert finding.what.startswith("qwen3-coder-plus at ")


async def test_what_a_refusal_teaches_is_told(tmp_path: Path) -> None:
    refusal = {"error": {"message": "The value of the enable_thinking parameter is restricted to True."}}
    said = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
    async with upstream(whole(refusal, 400), whole(said)) as qwen:
        url = f"http://127.0.0.1:{qwen.port}/compatible-mode/v1"
        finding = await called(tmp_path, upstream=url, api_key=KEY)
        assert finding.level == "ok"
        assert "; learned: thinking" in finding.what


REFUSALS: dict[str, tuple[int, str, str, str, str]] = {
    "a bad key": (401, "invalid_api_key", f"Incorrect API key provided: {KEY}", "fail", "`qwenproxy status`"),
    "no such model": (404, "model_not_found", "The model does not exist", "fail", "`qwenproxy models`"),
    "not allowed": (403, "access_denied", "Access denied.", "fail", "`qwenproxy models`"),
    "too many": (429, "limit_requests", "Too many requests", "warn", "Wait a little"),
    "used up": (429, "insufficient_quota", "Free allocated quota exceeded.", "fail", "console"),
    "not paid": (400, "Arrearage", "Access denied, account overdue", "fail", "console"),
    "overloaded": (503, "ModelUnavailable", "Model is unavailable", "warn", "Wait a little"),
}


@pytest.mark.parametrize(("status", "code", "message", "level", "next"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_refusal_is_explained(
    tmp_path: Path, status: int, code: str, message: str, level: str, next: str
) -> None:
    async with upstream(whole({"error": {"message": message, "code": code}}, status)) as qwen:
        finding = await called(tmp_path, upstream=qwen.base_url, api_key=KEY)
        assert (finding.level, next in finding.next) == (level, True), finding
        assert f"{qwen.base_url}: " in finding.what


async def test_a_page_of_a_firewall_is_no_answer(tmp_path: Path) -> None:
    async with upstream(whole(b"<html>aliyun_waf</html>", content_type="text/html")) as qwen:
        finding = await called(tmp_path, upstream=qwen.base_url, api_key=KEY)
        assert (finding.level, "setting `upstream`" in finding.next) == ("fail", True)


async def test_an_upstream_that_stalls_is_given_up(tmp_path: Path) -> None:
    async def stall(connection: Connection) -> None:
        await connection.gone()

    async with upstream(stall) as qwen, asyncio.timeout(5):
        finding = await called(tmp_path, limit=0.2, upstream=qwen.base_url, api_key=KEY)
        assert (finding.level, "within 0.2 s" in finding.what) == ("fail", True)


async def test_a_login_that_is_over_is_to_be_made_anew(tmp_path: Path) -> None:
    async with simulating() as simulator:
        home = Home(tmp_path)
        home.keep(expires_in=-3600)
        finding = await called(
            tmp_path,
            auth="oauth",
            upstream=f"{simulator.base_url}/v1",
            oauth_url=simulator.base_url,
            credentials=str(home.file),
        )
        assert (finding.level, finding.next) == ("fail", "`qwenproxy login` signs in anew.")
        assert "the login is over: " in finding.what
        assert "user_code" not in finding.what


def test_the_body_is_a_request_of_one_token() -> None:
    assert orjson.loads(body("m"))["max_tokens"] == 1
