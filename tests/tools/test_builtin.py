"""The tools that come along."""

from pathlib import Path

import pytest

from qwenproxy.tools import builtin
from qwenproxy.tools.builtin import NAMES, SOURCE, tools
from qwenproxy.tools.tool import ToolError
from tests.tools.tooling import settings_of


def test_there_are_two_and_with_hosts_a_third(tmp_path: Path) -> None:
    assert [tool.name for tool in tools(settings_of(tmp_path))] == ["current_time", "calculate"]
    found = tools(settings_of(tmp_path, fetch_hosts="a.example"))
    assert sorted(tool.name for tool in found) == sorted(NAMES)
    assert all(tool.read_only and tool.source == SOURCE and tool.description for tool in found)
    assert "a.example" in found[-1].description


async def test_they_do_what_they_say(tmp_path: Path) -> None:
    time, calculate, fetch = tools(settings_of(tmp_path, fetch_hosts="a.example"))
    assert "Europe/Riga" in await time.call({"timezone": "Riga"})
    assert "UTC" in await time.call({})
    assert await calculate.call({"expression": "17^23 mod 1000"}) == "713"
    with pytest.raises(ToolError, match=r"not one of those allowed: a\.example"):
        await fetch.call({"url": "http://127.0.0.1/"})


def test_they_are_functions_too() -> None:
    assert builtin.calculate("1+1") == "2"
    assert builtin.current_time().endswith("UTC)")
