"""The proxy's own paths for other programs, on each of its listeners, through the real proxy."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from openai import APIStatusError

from tests.support.apps import Simulated, simulated
from tests.support.clients import connected, request
from tests.support.proxy import REGULAR, REVERSE

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS = ("/healthz", "/readyz", "/metrics")
LISTENERS = {"reverse": 0, "proxy": 1}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(confdir: Path) -> AsyncIterator[Simulated]:
    async with simulated(confdir, modes=(REVERSE, REGULAR)) as found:
        yield found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("absolute", [False, True], ids=["origin-form", "absolute-form"])
@pytest.mark.parametrize("listener", LISTENERS.values(), ids=LISTENERS)
async def test_each_listener_answers_at_its_own_address(
    stage: Simulated, listener: int, absolute: bool, path: str
) -> None:
    port = stage.proxy.ports[listener]
    own = f"localhost:{port}"
    target = f"http://{own}{path}" if absolute else path
    async with connected(port) as app:
        for method, status in (("GET", 200), ("POST", 405), ("GET", 200)):
            answer = await app.ask(method, target, host=own)
            assert answer.status == status
            assert answer.body
        await app.send(request("HEAD", target, host=own))
        head = await app.head()
        assert (head.status, head.headers["cache-control"]) == (200, "no-store")
        assert (await app.ask("GET", target, host="evil.test" if absolute or listener == 0 else own)).status == (
            403 if absolute or listener == 0 else 200
        )


async def test_a_page_behind_another_name_is_no_way_in_on_a_proxy_listener(stage: Simulated) -> None:
    """A rebound name leads to the proxy, which takes it for a host to relay to, and never for itself."""
    port = stage.proxy.ports[LISTENERS["proxy"]]
    async with connected(port) as app:
        answer = await app.ask("GET", "/readyz", host=f"evil.invalid:{port}")
    assert (answer.status, b"upstreams" in answer.body) == (502, False)


async def test_they_are_no_exchanges(stage: Simulated, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "qwenproxy.exchange")
    async with aiohttp.ClientSession() as http:
        for path in PATHS:
            async with http.get(stage.proxy.url + path) as answer:
                text = await answer.text()
    assert "qwenproxy_exchanges_total{" not in text
    assert not [line for line in caplog.records if line.name == "qwenproxy.exchange"]


async def test_ready_until_the_upstream_refuses_the_key(confdir: Path) -> None:
    async with simulated(confdir) as stage, aiohttp.ClientSession() as http:

        async def ready() -> tuple[int, str]:
            async with http.get(f"{stage.proxy.url}/readyz") as answer:
                return answer.status, (await answer.json())["upstreams"][0]["state"]

        assert await ready() == (200, "there is a key, which was not tried yet")
        await stage.app.ask("Hello")
        assert await ready() == (200, "the key has worked")
        with pytest.raises(APIStatusError, match="quota"):
            await stage.app.ask("Hello [sim: error free_quota]")
        assert await ready() == (200, "the key has worked"), "it may be that of one model"
        with pytest.raises(APIStatusError):
            await stage.app.ask("Hello [sim: error invalid_api_key]")
        status, state = await ready()
        assert (status, state.startswith("the credential was refused: ")) == (503, True)
        await stage.app.ask("Hello")
        assert await ready() == (200, "the key has worked")


async def test_where_client_keys_are_asked_for_figures_want_one(confdir: Path) -> None:
    async with simulated(confdir, client_keys="sk-client") as stage, aiohttp.ClientSession() as http:
        statuses = {}
        for path in PATHS:
            for key in ("sk-client", "sk-other"):
                headers = {"authorization": f"Bearer {key}"}
                async with http.get(stage.proxy.url + path, headers=headers) as answer:
                    statuses[path, key] = answer.status, "upstreams" in await answer.text()
    assert statuses == {
        ("/healthz", "sk-client"): (200, False),
        ("/healthz", "sk-other"): (200, False),
        ("/readyz", "sk-client"): (200, True),
        ("/readyz", "sk-other"): (200, False),
        ("/metrics", "sk-client"): (200, False),
        ("/metrics", "sk-other"): (401, False),
    }


async def test_what_is_switched_off_is_not_there(confdir: Path) -> None:
    async with simulated(confdir, metrics="off") as stage, aiohttp.ClientSession() as http:
        async with http.get(f"{stage.proxy.url}/metrics") as answer:
            assert answer.status == 404
        addon = stage.proxy.addon
        assert list(addon.traffic.watchers) == [addon.places]
