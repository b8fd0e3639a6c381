"""Who is let in, and by which methods and paths, through the real proxy."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from openai import AuthenticationError
from yarl import URL

from qwenproxy.wire.openai import Json
from tests.support.apps import App, Simulated, simulated

pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY, PAGE = "team-key-1", "https://app.example.com"
AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
HELLO: Json = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "x-stainless-os",
}


@dataclass(frozen=True)
class Case:
    """A request, and what comes back; a header that is None must be missing."""

    method: str
    path: str
    status: int
    code: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: AUTHORIZED)
    body: Any = None
    answered: dict[str, str | None] = field(default_factory=dict)


def post(status: int, code: str | None = None, *, path: str = "/v1/chat/completions", **more: Any) -> Case:
    return Case("POST", path, status, code, body=HELLO, **more)


def shown(**headers: str) -> dict[str, str]:
    return AUTHORIZED | {name.replace("_", "-"): value for name, value in headers.items()}


CASES: dict[str, Case] = {
    "chat": post(200),
    "doubled slashes": post(200, path="//v1//chat/completions/"),
    "no slash after the version": post(200, path="/v1chat/completions"),
    "a query": post(200, path="/v1/chat/completions?api-version=1"),
    "no version": post(404, "unknown_url", path="/chat/completions"),
    "the version twice": post(404, "unknown_url", path="/v1/v1/chat/completions"),
    "another of OpenAI's endpoints": post(404, "unsupported_endpoint", path="/v1/moderations"),
    "an agent's traces": post(204, path="/v1/traces/ingest"),
    "a wrong verb": Case(
        "PUT", "/v1/chat/completions", 405, "method_not_supported", answered={"allow": "POST, OPTIONS"}
    ),
    "the list of models": Case("GET", "/v1/models", 200),
    "its head": Case("HEAD", "/v1/models", 200, answered={"content-type": "application/json"}),
    "a model": Case("GET", "/v1/models/qwen3.7-plus", 200),
    "a model that is not there": Case("GET", "/v1/models/nonesuch", 404, "model_not_found"),
    "options": Case("OPTIONS", "/v1/models", 204, answered={"allow": "GET, HEAD, OPTIONS"}),
    "a WebSocket of another kind": Case(
        "GET",
        "/v1/realtime",
        426,
        "websocket_not_supported",
        shown(
            Upgrade="websocket",
            Connection="Upgrade",
            Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAAAA==",
            Sec_WebSocket_Version="13",
        ),
        answered={"upgrade": "HTTP/1.1"},
    ),
    "no key": post(401, "invalid_api_key", headers={}, answered={"www-authenticate": "Bearer"}),
    "a wrong key": post(401, "invalid_api_key", headers={"Authorization": "Bearer sk-other"}),
    "no key for the models": Case("GET", "/v1/models", 401, "invalid_api_key", {}),
    "a page that may": post(
        200, headers=shown(Origin=PAGE), answered={"access-control-allow-origin": PAGE, "vary": "Origin"}
    ),
    "its error": Case(
        "GET", "/v1/nothing", 404, "unknown_url", shown(Origin=PAGE), answered={"access-control-allow-origin": PAGE}
    ),
    "its preflight, without a key": Case(
        "OPTIONS",
        "/v1/chat/completions",
        204,
        headers=PREFLIGHT,
        answered={"access-control-allow-origin": PAGE, "access-control-allow-headers": "x-stainless-os"},
    ),
    "a foreign page": post(
        403, "forbidden", headers=shown(Origin="https://evil.example"), answered={"access-control-allow-origin": None}
    ),
    "its preflight": Case(
        "OPTIONS",
        "/v1/chat/completions",
        403,
        "forbidden",
        PREFLIGHT | {"Origin": "https://evil.example"},
        answered={"access-control-allow-origin": None},
    ),
    "a page without an origin": post(403, "forbidden", headers=shown(Sec_Fetch_Site="cross-site")),
    "a name bound anew": post(403, "forbidden", headers=shown(Host="evil.example")),
    "the name of whom it stands in for": post(200, headers=shown(Host="api.openai.com")),
    "no JSON": Case("POST", "/v1/chat/completions", 400, body=b"{"),
    "a body that is too large": Case("POST", "/v1/chat/completions", 413, "request_too_large", body=b"x" * 5000),
    "an encoding that nobody knows": post(415, "unsupported_content_encoding", headers=shown(Content_Encoding="x-new")),
}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, client_keys=KEY, cors_origins=PAGE, body_limit="4k") as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_request_meets_the_rules(stage: Simulated, http: aiohttp.ClientSession, case: Case) -> None:
    stage.asked()
    url = URL(stage.proxy.url + case.path, encoded=True)
    body = {"data": case.body} if isinstance(case.body, bytes) else {"json": case.body}
    async with http.request(case.method, url, headers=case.headers, **body) as response:
        raw = await response.read()
        assert response.status == case.status, raw
        error = (await response.json())["error"] if raw and case.status >= 400 else {"code": None}
    assert error["code"] == case.code
    assert {name: response.headers.get(name) for name in case.answered} == case.answered
    assert response.headers.get("x-request-id", "").startswith("req_") or case.status == 204
    if case.method == "HEAD":
        assert raw == b""
        assert int(response.headers["content-length"]) > 0
    called = case.status == 200 and case.method == "POST"
    assert len([body for body in stage.asked() if body is not None]) == called, (
        "what is refused does not reach the upstream"
    )


async def test_a_client_key_is_shown_as_the_apps_own(stage: Simulated) -> None:
    async with App(stage.proxy.base_url, api_key=KEY) as app:
        assert (await app.ask()).choices[0].finish_reason == "stop"
        stage.asked()
    async with App(stage.proxy.base_url, api_key="sk-other", max_retries=2) as app:
        with pytest.raises(AuthenticationError, match="not one of this proxy's client keys"):
            await app.ask()
    assert stage.asked() == []
