"""From a visit to its answer, without a proxy around it."""

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from mitmproxy.http import Headers
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils

from qwenproxy.exchange import Answer
from qwenproxy.flows.requests import Desk
from qwenproxy.flows.visits import Visit, take_credentials
from qwenproxy.limits.places import Places
from qwenproxy.service import service
from qwenproxy.settings import load
from qwenproxy.wire.openai import Json
from tests.support.completions import completion, refused
from tests.support.simulated import until
from tests.support.upstream import Connection, upstream, whole

HELLO: Json = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}
REVERSE = ProxyMode.parse("reverse:http://api.openai.com:443@127.0.0.1:8080")
REGULAR = ProxyMode.parse("regular@127.0.0.1:8081")


def visit(method: str, path: str, body: Any = None, mode: ProxyMode = REVERSE, **headers: str) -> Visit:
    """A request as it stands at the door."""
    named = {name.replace("_", "-"): value for name, value in ({"host": "localhost:8080"} | headers).items()}
    content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
    request = tutils.treq(
        method=method.encode(),
        path=path.encode(),
        headers=Headers([(name.encode(), value.encode()) for name, value in named.items()]),
        content=content,
        host="localhost",
    )
    flow = tflow.tflow(req=request)
    flow.client_conn.proxy_mode = mode
    flow.client_conn.sockname, flow.client_conn.peername = ("127.0.0.1", 8080), ("127.0.0.1", 50000)
    return Visit(flow, take_credentials(flow.request))


DESKS: list[Desk] = []
"""All that one test has set up."""


@pytest.fixture(autouse=True)
async def no_connection_is_left() -> AsyncIterator[None]:
    yield
    while DESKS:
        await DESKS.pop().service.retire()


def settled(base_url: str = "http://127.0.0.1:1/compatible-mode/v1", **settings: str) -> Desk:
    named = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
    environ = {"HOME": "/nowhere", "QWENPROXY_UPSTREAM": base_url, "QWENPROXY_API_KEY": "sk-1"} | named
    found = load(environ, Path("/nowhere"))
    places = Places()
    places.configure(found)
    DESKS.append(Desk(found, service(found, environ), places=places))
    return DESKS[-1]


@asynccontextmanager
async def answering(*replies: bytes, **settings: str) -> AsyncIterator[Desk]:
    """A desk whose upstream has these replies."""
    async with upstream(*replies) as found:
        yield settled(f"http://127.0.0.1:{found.port}/compatible-mode/v1", **settings)


def content(answer: Answer) -> Any:
    assert isinstance(answer.body, bytes)
    return orjson.loads(answer.body) if answer.body else None


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "qwenproxy.exchange")


def words(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The words of the one line that was logged of an exchange."""
    (line,) = [record for record in caplog.records if record.name == "qwenproxy.exchange"]
    return line.getMessage().split(" ")


@dataclass(frozen=True)
class Case:
    """A request that needs no upstream: its answer, and what its line begins with."""

    visit: Visit
    status: int
    line: list[str]
    code: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


KEYED = {"client_keys": "team-key"}
CHAT = "/v1/chat/completions"
CASES: dict[str, Case] = {
    "the models": Case(visit("GET", "/v1/models"), 200, ["GET", "models", "200"]),
    "a model": Case(visit("GET", "/v1/models/qwen3.7-plus"), 200, ["GET", "model", "200"]),
    "no such model": Case(visit("GET", "/v1/models/x"), 404, ["GET", "model", "404"], "model_not_found"),
    "no such path": Case(visit("POST", "/v1/x"), 404, ["POST", "-", "404"], "unknown_url"),
    "not served": Case(visit("POST", "/v1/moderations"), 404, ["POST", "-", "404"], "unsupported_endpoint"),
    "no JSON": Case(visit("POST", CHAT, b"{"), 400, ["POST", "chat", "400"]),
    "no messages": Case(
        visit("POST", CHAT, {"model": "x"}), 400, ["POST", "chat", "400"], "missing_required_parameter"
    ),
    "not as it is packed": Case(visit("POST", CHAT, HELLO, content_encoding="gzip"), 400, ["POST", "chat", "400"]),
    "traces": Case(visit("POST", "/v1/traces/ingest", b"[]"), 204, ["POST", "-", "204"]),
    "a foreign host": Case(visit("POST", CHAT, HELLO, host="evil.example"), 403, ["POST", "-", "403"], "forbidden"),
    "a foreign page": Case(
        visit("POST", CHAT, HELLO, origin="https://evil.example"), 403, ["POST", "-", "403"], "forbidden"
    ),
    "no client key": Case(visit("GET", "/v1/models"), 401, ["GET", "-", "401"], "invalid_api_key", KEYED),
    "a client key": Case(
        visit("GET", "/v1/models", authorization="Bearer team-key"), 200, ["GET", "models", "200"], None, KEYED
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_request_is_answered_and_told(caplog: pytest.LogCaptureFixture, case: Case) -> None:
    answer = await settled(**case.settings).answer(case.visit)
    assert answer.status == case.status
    found = content(answer) or {}
    assert found.get("error", {}).get("code") == case.code
    assert answer.headers["x-request-id"] == f"req_{case.visit.flow.id.replace('-', '')}"
    assert words(caplog)[:3] == case.line
    assert words(caplog)[-1] == f"id={answer.headers['x-request-id']}"


async def test_the_host_header_counts_on_a_reverse_listener_only() -> None:
    """In a proxy mode it was the app's own wish to speak to that host."""
    found = await settled().answer(visit("GET", "/v1/models", mode=REGULAR, host="api.eu.example"))
    assert found.status == 200


async def test_a_chat_goes_upstream_and_comes_back_under_the_apps_names(caplog: pytest.LogCaptureFixture) -> None:
    async with answering(completion("Hi")) as desk:
        answer = await desk.answer(visit("POST", CHAT, HELLO, user_agent="app/1"))
    assert content(answer)["model"] == "gpt-4o"
    assert content(answer)["id"].startswith("chatcmpl-")
    assert answer.headers["x-qwenproxy-model"] == "qwen3.7-plus"
    assert words(caplog)[:4] == ["POST", "chat", "200", "gpt-4o->qwen3.7-plus"]


async def test_embeddings_go_upstream_and_come_back_under_the_apps_names(caplog: pytest.LogCaptureFixture) -> None:
    vectors = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 2, "total_tokens": 2}}
    asked = {"model": "text-embedding-3-large", "input": [[9906, 1917]]}
    async with answering(whole(vectors)) as desk:
        answer = await desk.answer(visit("POST", "/v1/embeddings", asked, user_agent="app/1"))
    assert content(answer)["model"] == "text-embedding-3-large"
    assert content(answer)["data"][0]["embedding"] == [0.5]
    assert answer.headers["x-qwenproxy-model"] == "text-embedding-v4"
    assert words(caplog)[:4] == ["POST", "embeddings", "200", "text-embedding-3-large->text-embedding-v4"]
    assert "tokens=2+0" in words(caplog)


async def test_legacy_completions_are_asked_for_as_chats(caplog: pytest.LogCaptureFixture) -> None:
    async with answering(completion("Hi")) as desk:
        answer = await desk.answer(visit("POST", "/v1/completions", {"model": "davinci-002", "prompt": "Hello"}))
    assert content(answer)["id"].startswith("cmpl-")
    assert content(answer)["choices"] == [{"text": "Hi", "index": 0, "logprobs": None, "finish_reason": "stop"}]
    assert words(caplog)[:4] == ["POST", "completions", "200", "davinci-002->qwen3.7-plus"]


async def test_what_nobody_ranks_is_left_out_or_refused() -> None:
    asked = {"model": "davinci-002", "prompt": "Hello", "best_of": 2, "user": "anne"}
    async with answering(completion("Hi")) as desk:
        answer = await desk.answer(visit("POST", "/v1/completions", asked))
    assert answer.headers["x-qwenproxy-dropped"] == "best_of, user"
    answer = await settled(unsupported="refuse").answer(visit("POST", "/v1/completions", asked))
    assert (answer.status, content(answer)["error"]["param"]) == (400, "best_of")


@pytest.mark.parametrize(
    ("path", "asked", "endpoint"),
    [
        ("/v1/engines/davinci/completions", {"prompt": "Hello"}, "completions"),
        ("/v1/engines/davinci/completions", {"prompt": "Hello", "model": "gpt-4o"}, "completions"),
        ("/v1/engines/davinci/chat/completions", {"messages": HELLO["messages"]}, "chat"),
    ],
    ids=["completions", "another model in the body", "chat"],
)
async def test_an_engine_is_a_model_named_by_the_path(
    caplog: pytest.LogCaptureFixture, path: str, asked: Json, endpoint: str
) -> None:
    async with answering(completion("Hi")) as desk:
        answer = await desk.answer(visit("POST", path, asked))
    assert content(answer)["model"] == "davinci"
    assert words(caplog)[:4] == ["POST", endpoint, "200", "davinci->qwen3.7-plus"]


async def test_an_engine_embeds_too() -> None:
    async with answering(whole({"data": [{"index": 0, "embedding": [0.5] * 1536}], "usage": {}})) as desk:
        path = "/v1/engines/text-embedding-ada-002/embeddings"
        answer = await desk.answer(visit("POST", path, {"input": "a"}))
    assert content(answer)["model"] == "text-embedding-ada-002"


async def test_engines_are_listed_and_found() -> None:
    listed = content(await settled().answer(visit("GET", "/v1/engines")))["data"]
    assert {engine["object"] for engine in listed} == {"engine"}
    found = await settled().answer(visit("GET", f"/v1/engines/{listed[0]['id']}"))
    assert content(found) == listed[0]
    missing = await settled().answer(visit("GET", "/v1/engines/no-such-engine"))
    assert (missing.status, content(missing)["error"]["code"]) == (404, "model_not_found")


async def test_the_upstreams_refusal_is_the_answer() -> None:
    async with answering(refused(429, "Too many.", code="limit_requests")) as desk:
        answer = await desk.answer(visit("POST", CHAT, HELLO))
    assert (answer.status, answer.headers["retry-after"]) == (429, "10")
    assert content(answer)["error"]["code"] == "rate_limit_exceeded"


async def test_a_client_that_has_used_up_its_calls_waits() -> None:
    desk = settled(rate_limit="2/minute")
    answers = [await desk.answer(visit("GET", "/v1/models")) for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in answers] == ["1", "0", "0"]
    assert int(answers[2].headers["retry-after"]) <= 60


async def test_new_settings_do_not_give_a_client_its_calls_again() -> None:
    before = settled(rate_limit="1/minute")
    await before.answer(visit("GET", "/v1/models"))
    same, other = settled(rate_limit="1/minute", reasoning="hide"), settled(rate_limit="2/minute")
    for desk in (same, other):
        desk.inherit(before)
    assert (await same.answer(visit("GET", "/v1/models"))).status == 429
    assert (await other.answer(visit("GET", "/v1/models"))).status == 200


async def test_every_answer_can_be_read_by_a_page_that_may() -> None:
    desk = settled(cors_origins="https://app.example")
    for path in ("/v1/models", "/v1/x"):
        answer = await desk.answer(visit("GET", path, origin="https://app.example"))
        assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_a_fault_of_ours_is_told_and_raised(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = settled()
    monkeypatch.setattr(desk.service, "offer", lambda agent: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await desk.answer(visit("GET", "/v1/models"))
    assert words(caplog)[:3] == ["GET", "models", "500"]


async def test_a_body_is_measured_unpacked() -> None:
    packed = gzip.compress(b" " * 5_000)
    answer = await settled(body_limit="1k").answer(visit("POST", CHAT, packed, content_encoding="gzip"))
    assert (answer.status, content(answer)["error"]["code"]) == (413, "request_too_large")


def test_a_limit_that_cannot_be_names_its_setting() -> None:
    with pytest.raises(ValueError, match="RATE_LIMIT"):
        settled(rate_limit="often")


async def test_what_an_app_showed_as_its_key_is_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    asked = visit("GET", "/v1/models/open-sesame", authorization="Bearer open-sesame")
    answer = await settled().answer(asked)
    assert "[secret]" in content(answer)["error"]["message"]
    assert "open-sesame" not in content(answer)["error"]["message"]
    assert "open-sesame" not in caplog.text


async def test_calls_of_models_wait_for_a_place_and_others_do_not() -> None:
    go_on = asyncio.Event()

    async def late(connection: Connection) -> None:
        await go_on.wait()
        await connection.send(completion("Hi"))

    async with upstream(late) as found:
        base_url = f"http://127.0.0.1:{found.port}/compatible-mode/v1"
        desk = settled(base_url, exchanges="1", queue="1", heartbeat="0")
        first, second = (asyncio.create_task(desk.answer(visit("POST", CHAT, HELLO))) for _ in range(2))
        assert await until(lambda: desk.places.queued == 1)
        refused = await desk.answer(visit("POST", CHAT, HELLO))
        assert (refused.status, content(refused)["error"]["code"]) == (503, "proxy_overloaded")
        assert refused.headers["retry-after"]
        assert (await desk.answer(visit("GET", "/v1/models"))).status == 200
        second.cancel()
        assert await until(lambda: desk.places.queued == 0)
        third = asyncio.create_task(desk.answer(visit("POST", CHAT, HELLO)))
        go_on.set()
        assert [(await each).status for each in (first, third)] == [200, 200]
