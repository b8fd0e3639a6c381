"""Prometheus itself, by its promtool: whether it takes our figures, and the dashboard's queries."""

import re
import shutil
import subprocess
from pathlib import Path

import aiohttp
import orjson
import pytest

from tests.scripts.test_grafana import QUERIES
from tests.support.apps import simulated
from tests.support.clock import until
from tests.support.figures import everything
from tests.support.load import TOOLS, load

PROMTOOL = shutil.which("promtool")

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool (Debian: prometheus)"),
]


def promtool(*words: str, said: bytes = b"") -> tuple[int, str]:
    """Its exit status, and all that it prints."""
    done = subprocess.run([str(PROMTOOL), *words], input=said, capture_output=True, timeout=60, check=False)
    return done.returncode, (done.stdout + done.stderr).decode()


async def test_it_takes_the_metrics_of_a_proxy_that_has_done_everything(tmp_path: Path) -> None:
    async with simulated(tmp_path, tools=TOOLS) as stage:
        await load(stage.app, each=1)
        assert await until(lambda: not stage.proxy.addon.traffic.under_way)
        async with aiohttp.ClientSession() as http, http.get(f"{stage.proxy.url}/metrics") as answer:
            text = await answer.read()
    assert b"qwenproxy_tool_calls_total{" in text
    assert promtool("check", "metrics", said=text) == (0, "")


def test_it_takes_every_figure() -> None:
    assert promtool("check", "metrics", said=everything().encode()) == (0, "")


def test_it_understands_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"query:{number}", "expr": re.sub(r"\$__rate_interval", "5m", query)}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "rules.json"
    file.write_bytes(orjson.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, told = promtool("check", "rules", str(file))
    assert (status, f"{len(rules)} rules found" in told) == (0, True), told
