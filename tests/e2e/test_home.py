"""The proxy's own page, through the real proxy."""

from pathlib import Path

import aiohttp
import pytest

from tests.support.apps import Simulated, simulated
from tests.support.proxy import REVERSE


async def get(stage: Simulated, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
    url = stage.proxy.base_url.removesuffix("/v1") + "/"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_it_tells_of_upstream_models_proxy_and_the_last_exchanges(confdir: Path) -> None:
    async with simulated(confdir, modes=(REVERSE, "regular@127.0.0.1:0")) as stage:
        await stage.app.ask("A very secret prompt", model="gpt-4o")
        status, html = await get(stage)
        assert status == 200
        for words in (stage.proxy.base_url, "HTTPS_PROXY=http://127.0.0.1:", "/compatible-mode/v1", "qwen3.7-plus"):
            assert words in html
        assert "<td>chat</td><td>200</td><td>gpt-4o</td><td>qwen3.7-plus</td>" in html
        for secret in ("secret prompt", stage.simulator.key, "fake-api-key"):
            assert secret not in html
        assert await get(stage, method="HEAD") == (200, "")


async def test_it_keeps_to_itself_where_client_keys_are_asked_for(confdir: Path) -> None:
    async with simulated(confdir, client_keys="sk-client") as stage:
        status, html = await get(stage)
        assert (status, "/compatible-mode/v1" in html, "one of the client keys" in html) == (200, False, True)


@pytest.mark.parametrize("headers", [{"Host": "evil.test"}, {"Sec-Fetch-Site": "cross-site"}], ids=str)
async def test_foreign_pages_do_not_get_it(confdir: Path, headers: dict[str, str]) -> None:
    async with simulated(confdir) as stage:
        assert (await get(stage, headers))[0] == 403
