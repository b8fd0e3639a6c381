"""What other programs ask the proxy about itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils

from qwenproxy import errors
from qwenproxy.errors import ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows.access import Access
from qwenproxy.flows.door import door
from qwenproxy.flows.listeners import PROBES
from qwenproxy.flows.probes import Probes
from qwenproxy.flows.visits import Visit, plain_headers, take_credentials
from qwenproxy.service import Service, service
from qwenproxy.settings import load
from qwenproxy.telemetry.metrics import Metrics
from qwenproxy.traffic import Traffic

REMOTE = {"allow_remote": "true", "client_keys": "sk-client"}
KEY = {"authorization": "Bearer sk-client"}


class Proxy:
    """The probes of a proxy with *settings*."""

    def __init__(self, **settings: str) -> None:
        named = {f"QWENPROXY_{name.upper()}": value for name, value in settings.items()}
        environ = {"HOME": "/nowhere", "QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://localhost:1/v1"} | named
        found = load(environ, Path("/nowhere"))
        self.traffic = Traffic()
        self.service: Service = service(found, environ)
        self.probes = Probes(Access(found), self.service, self.traffic, Metrics({}) if found.metrics else None)

    async def ask(
        self, path: str, method: str = "GET", peer: str = "127.0.0.1", headers: Mapping[str, str] | None = None
    ) -> Answer:
        request = tutils.treq(method=method.encode(), path=path.encode(), host="localhost")
        request.headers.clear()
        request.headers.update({"host": "localhost:8080"} | dict(headers or {}))
        flow = tflow.tflow(req=request)
        flow.client_conn.proxy_mode = ProxyMode.parse("reverse:http://api.openai.com:443")
        flow.client_conn.sockname, flow.client_conn.peername = ("10.0.0.1", 8080), (peer, 50_000)
        return await self.probes.answer(Visit(flow, take_credentials(request)), plain_headers(request))

    async def ready(self, **more: Any) -> tuple[int, Any]:
        answer = await self.ask("/readyz", **more)
        assert isinstance(answer.body, bytes)
        return answer.status, orjson.loads(answer.body)


@pytest.mark.parametrize("path", PROBES)
async def test_each_answers_whoever_reads(path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await Proxy().ask(f"{path}?x=1", method)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "another verb": ({"method": "POST"}, 405),
    "a name that a page has made up": ({"headers": {"host": "evil.test"}}, 403),
    "a page of another origin": ({"headers": {"origin": "https://evil.test"}}, 403),
    "a page that says no origin": ({"headers": {"sec-fetch-site": "cross-site"}}, 403),
}


@pytest.mark.parametrize("path", PROBES)
@pytest.mark.parametrize(("asked", "status"), REFUSED.values(), ids=REFUSED)
async def test_each_refuses(path: str, asked: dict[str, Any], status: int) -> None:
    with pytest.raises(ProxyError) as caught:
        await Proxy().ask(path, **asked)
    assert caught.value.status == status
    assert caught.value.extra_headers == ({"allow": "GET, HEAD"} if status == 405 else {})


async def test_ready_says_by_which_way() -> None:
    assert await Proxy().ready() == (
        200,
        {
            "ready": True,
            "under_way": 0,
            "upstreams": [
                {
                    "address": "http://localhost:1/v1",
                    "credential": "none",
                    "ready": True,
                    "state": "the upstream wants none",
                    "next": "",
                }
            ],
        },
    )


async def test_not_ready_says_why_and_what_to_do() -> None:
    proxy = Proxy(auth="api_key", upstream="")
    status, told = await proxy.ready()
    assert (status, told["ready"], told["why"]) == (503, False, "there is no key")
    assert "set QWENPROXY_API_KEY" in told["next"]


async def test_a_proxy_that_takes_its_leave_is_alive_and_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy()
    monkeypatch.setattr(door, "parting", True)
    assert (await proxy.ask("/healthz")).status == 200
    status, told = await proxy.ready()
    assert (status, told["why"]) == (503, "draining")
    assert told["next"]


async def test_one_of_several_ways_is_enough() -> None:
    proxy = Proxy(auth="api_key", api_key="sk-1", upstream="")
    (line,) = proxy.service.lines
    line.refused = (float("inf"), ProxyError(errors.BILLING, "no more"))
    assert (await proxy.ready())[0] == 503
    proxy.service.lines = [line, *Proxy().service.lines]
    assert (await proxy.ready())[0] == 200


async def test_without_a_client_key_there_is_yes_or_no_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy = Proxy(**REMOTE)
    assert (await proxy.ask("/healthz", peer="10.0.0.9")).body == b"ok\n"
    assert await proxy.ready() == (200, {"ready": True})
    monkeypatch.setattr(door, "parting", True)
    assert await proxy.ready() == (503, {"ready": False})
    assert (await proxy.ready(headers=KEY))[1]["why"] == "draining"
    with pytest.raises(ProxyError) as caught:
        await proxy.ask("/metrics")
    assert caught.value.failure is errors.CLIENT_KEY
    assert (await proxy.ask("/metrics", headers=KEY, peer="10.0.0.9")).status == 200


async def test_another_machine_without_keys_hears_no_more() -> None:
    proxy = Proxy()
    assert (await proxy.ready(peer="10.0.0.9"))[1] == {"ready": True}
    with pytest.raises(ProxyError) as caught:
        await proxy.ask("/metrics", peer="10.0.0.9")
    assert caught.value.failure is errors.FORBIDDEN


async def test_where_nothing_is_counted_it_says_how_to_change_that() -> None:
    with pytest.raises(ProxyError, match="set `metrics` to true") as caught:
        await Proxy(metrics="off").ask("/metrics")
    assert caught.value.status == 404
