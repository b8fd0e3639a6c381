"""What is counted is what happened: the figures of a mixed load against those of the apps that made it."""

from pathlib import Path

import aiohttp

from qwenproxy.state.usage import UsageFile
from tests.support.apps import Simulated, simulated
from tests.support.clock import until
from tests.support.figures import figures, total
from tests.support.load import KINDS, TOOLS, load

EACH = 16
"""Exchanges of each kind."""


async def scraped(stage: Simulated) -> str:
    async with aiohttp.ClientSession() as http, http.get(f"{stage.proxy.url}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_the_figures_are_those_of_a_counted_load(confdir: Path, tmp_path: Path) -> None:
    async with simulated(confdir, tools=TOOLS, usage=str(tmp_path / "usage.db")) as stage:
        counted = await load(stage.app, EACH)
        assert sum(counted.ended.values()) == EACH * len(KINDS) > 200
        traffic = stage.proxy.addon.traffic
        assert await until(lambda: not traffic.under_way)
        text = await scraped(stage)
    told = figures(text, "qwenproxy_exchanges_total", "endpoint", "status", "error")
    assert told == dict(counted.ended)
    routed = {key: count for key, count in counted.ended.items() if key[0] != "-"}
    assert total(text, "qwenproxy_exchange_duration_seconds_count") == sum(routed.values())
    assert total(text, "qwenproxy_worker_exchanges_total") == sum(counted.ended.values())
    assert total(text, "qwenproxy_exchanges_in_flight") == 0
    tokens = figures(text, "qwenproxy_tokens_total", "kind")
    assert {kind: tokens[kind,] for kind in ("prompt", "completion")} == dict(counted.tokens)
    assert figures(text, "qwenproxy_tool_calls_total", "outcome") == {("ok",): counted.tools}
    assert figures(text, "qwenproxy_retries_total", "reason")["empty_answer",] == EACH
    uses = UsageFile(tmp_path / "usage.db", 1e9).read("")
    assert sum(use.prompt_tokens for use in uses) == counted.tokens["prompt"]
    assert sum(use.completion_tokens for use in uses) == counted.tokens["completion"]
    errors = sum(count for (endpoint, status, _), count in routed.items() if status >= "400")
    assert sum(use.errors for use in uses) == errors
