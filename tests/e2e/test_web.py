"""mitmweb, by its REST interface: it shows no secret, opens no way, and what it sends again is answered here."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from qwenproxy.commands.run import free_port
from qwenproxy.flows.views.screen import COLUMNS
from tests.support.clients import HELLO
from tests.support.evidence import CLIENT_KEY, CREDENTIALS, OTHER_CLIENT_KEY, UPSTREAM_KEY, found_in
from tests.support.stage import ANSWER, DONE, RUNNING, Stage, event, stage
from tests.support.upstream import STREAM_END, STREAM_HEAD, whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

SETTINGS = {"client_keys": f"{CLIENT_KEY},{OTHER_CLIENT_KEY}", "api_key": UPSTREAM_KEY}
MINE: dict[str, Any] = {"authorization": f"Bearer {CLIENT_KEY}", "host": "localhost"} | CREDENTIALS
STREAMED = STREAM_HEAD + event("one") + event("two", "stop") + DONE + STREAM_END


@dataclass
class Web:
    """mitmweb as a browser has it, after a whole answer and a streamed one."""

    stage: Stage
    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str) -> bytes:
        async with self.session.get(self.url + path) as response:
            assert response.status == 200
            return await response.read()

    async def flows(self) -> list[Any]:
        async with self.session.get(f"{self.url}/flows") as response:
            found: list[Any] = await response.json()
            return found

    async def send(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        token = {"_mitmproxy_xsrf": "0" * 32}
        headers = {"X-XSRFToken": token["_mitmproxy_xsrf"]}
        async with self.session.request(method, self.url + path, json=body, headers=headers, cookies=token) as response:
            return response.status, await response.text()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def web(confdir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Web]:
    port = free_port("127.0.0.1")
    command = (*RUNNING, "--ui", "web", "--set", f"web_port={port}", "--set", "web_password=open-sesame")
    async with stage(tmp_path_factory.mktemp("home"), confdir, command, SETTINGS) as found:
        assert f"web=http://127.0.0.1:{port}" in found.process.output
        for stream, reply in ((False, whole(ANSWER)), (True, STREAMED)):
            await found.says(reply)
            async with found.local() as app:
                assert (await app.ask(body=HELLO | {"stream": stream}, **MINE)).status == 200
        await found.says(whole(ANSWER))
        headers = {"authorization": "Bearer open-sesame"}
        async with aiohttp.ClientSession(headers=headers) as session:
            yield Web(found, session, f"http://127.0.0.1:{port}")


async def test_what_it_shows_holds_no_secret(web: Web) -> None:
    flows = await web.flows()
    assert len(flows) == 2
    paths = ["/flows", "/flows/dump", "/options", "/events", "/state", "/commands"]
    for flow in flows:
        for message in ("request", "response"):
            paths += [f"/flows/{flow['id']}/{message}/{what}" for what in ("content.data", "content/Auto.json")]
    for path in paths:
        shown = await web.get(path)
        assert shown
        assert (path, found_in(shown)) == (path, set())


async def test_the_flow_list_has_room_for_what_is_told_of_an_exchange(web: Web) -> None:
    options = orjson.loads(await web.get("/options"))
    assert options["web_columns"]["value"] == COLUMNS
    assert [flow["comment"][:12] for flow in await web.flows()] == ["chat gpt-4o,", "chat gpt-4o,"]


async def test_both_sides_of_an_exchange_can_be_seen(web: Web) -> None:
    for flow in await web.flows():
        shown = orjson.loads(await web.get(f"/flows/{flow['id']}/request/content/Auto.json"))
        assert shown["view_name"] == "Exchange"
        assert "===== as Qwen got it: POST http://127.0.0.1:" in shown["text"]


async def test_rounds_can_be_shown_as_flows_of_their_own(web: Web) -> None:
    before = await web.flows()
    chosen = f"@{before[0]['id']}"
    assert (await web.send("POST", "/commands/qwen.rounds", {"arguments": [chosen]}))[1] == '{"value": null}'
    (row,) = [flow for flow in await web.flows() if flow["id"] not in {each["id"] for each in before}]
    assert row["comment"].startswith("round 1 of 1 of req_")
    assert row["response"]["status_code"] == 200
    for message in ("request", "response"):
        assert found_in(await web.get(f"/flows/{row['id']}/{message}/content.data")) == set()
    assert (await web.send("DELETE", f"/flows/{row['id']}"))[0] == 200


async def test_a_streamed_answer_can_be_seen(web: Web) -> None:
    _, streamed = await web.flows()
    body = await web.get(f"/flows/{streamed['id']}/response/content.data")
    assert body.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize(
    "change",
    [
        {"ignore_hosts": [".*"]},
        {"allow_hosts": ["example.com"]},
        {"connection_strategy": "eager"},
        {"stream_large_bodies": "1"},
        {"rawtcp": True},
        {"proxy_debug": True},
        {"mode": ["reverse:https://portal.qwen.ai@127.0.0.1:0"]},
        {"mode": ["regular@0.0.0.0:0"]},
        {"qwen_upstream": "http://qwen.example.com/v1"},
    ],
    ids=str,
)
async def test_an_option_that_opens_a_way_is_refused(web: Web, change: dict[str, Any]) -> None:
    before = await web.get("/options")
    status, said = await web.send("PUT", "/options", change)
    assert status == 400
    assert re.search("remove it|name further hosts|use reverse:|allow_remote|allowed_hosts", said)
    assert await web.get("/options") == before
    async with web.stage.local() as app:
        assert (await app.ask(body=HELLO, **MINE)).status == 200


async def test_a_setting_may_be_changed(web: Web) -> None:
    assert (await web.send("PUT", "/options", {"qwen_models": '{"mine": "qwen-plus"}'}))[0] == 200
    async with web.stage.local() as app:
        found = await app.ask(body=HELLO | {"model": "mine"}, **MINE)
    assert found.headers["x-qwenproxy-model"] == "qwen-plus"


async def test_a_request_that_is_sent_again_is_answered_here(web: Web) -> None:
    """Its key has not been kept, so it is asked for one; to another host it does not go either way."""
    flow = (await web.flows())[0]
    path = f"/flows/{flow['id']}"
    elsewhere = {"request": {"host": "127.0.0.1", "port": web.stage.original.port, "scheme": "http"}}
    assert (await web.send("PUT", path, elsewhere))[0] == 200
    assert (await web.send("POST", f"{path}/replay"))[0] == 200

    statuses = []
    for _ in range(100):
        found = next(each for each in await web.flows() if each["id"] == flow["id"])
        statuses.append((found.get("response") or {}).get("status_code"))
        if statuses[-1] == 401:
            break
        await asyncio.sleep(0.02)
    assert statuses[-1] == 401
    assert web.stage.original.received == []


async def test_the_log_holds_no_secret(web: Web) -> None:
    assert "POST chat 200" in web.stage.process.output
    assert found_in(web.stage.process.output.encode()) == set()
