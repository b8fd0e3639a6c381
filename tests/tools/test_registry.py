"""Where tools come from, and what can be wrong with that."""

from pathlib import Path

import pytest

from qwenproxy.tools import registry
from tests.tools.tooling import servers, settings_of

TOOL = "from qwenproxy.tools import tool\n@tool\ndef get() -> str:\n    return 'got'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web.py").write_text(TOOL)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "web.py").write_text(TOOL)
    return tmp_path


def test_built_in_ones_files_and_servers_are_found(folder: Path) -> None:
    settings = settings_of(folder, tool_sources="web.py", mcp_servers=servers(time={"command": "x"}))
    found = registry.registry(settings, {})
    assert list(found.tools) == ["current_time", "calculate", "web__get"]
    assert [server.name for server in found.servers] == ["time"]
    assert registry.files(settings) == (folder / "web.py",)


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "two files of one name": ({"tool_sources": "web.py,sub/web.py"}, r"/web\.py and .*/sub/web\.py would both"),
    "a file and a server": (
        {"tool_sources": "web.py", "mcp_servers": servers(web={"command": "x"})},
        r"/web\.py and MCP server web would both",
    ),
    "two servers that read alike": (
        {"mcp_servers": '{"a b": {"command": "x"}, "a.b": {"command": "x"}}'},
        "MCP server a b and MCP server a.b would both",
    ),
    "one name within another": (
        {"mcp_servers": '{"a": {"command": "x"}, "a__b": {"command": "x"}}'},
        "MCP server a and MCP server a__b",
    ),
    "a name that nobody has": ({"tools": "current_tim"}, "there is no tool current_tim; the nearest is current_time"),
    "a name of no source": ({"tools_on_request": "time__now"}, "there is no tool time__now"),
    "a key's": (
        {"client_keys": "k", "client_tools": '{"k": ["calculator"]}'},
        "there is no tool calculator; the nearest is calculate",
    ),
    "nothing to fetch from": ({"tools": "fetch_url"}, "the tool fetch_url needs fetch_hosts"),
    "a file that is not there": ({"tool_sources": "none.py"}, r"none\.py: there is no such file"),
    "servers that cannot be read": ({"mcp_servers": "none.json"}, r"none\.json: No such file"),
}


@pytest.mark.parametrize(("given", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_at_the_start(folder: Path, given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        registry.registry(settings_of(folder, **given), {})


@pytest.mark.parametrize("tools", ["*", "time__now", "time__*,no_such_*", "calculate"])
def test_what_may_be_there_later_is_not_wrong(folder: Path, tools: str) -> None:
    registry.registry(settings_of(folder, tools=tools, mcp_servers=servers(time={"command": "x"})), {})


def test_two_tools_of_one_name_are_both_named(folder: Path) -> None:
    again = TOOL + "@tool(name='get')\ndef other() -> str:\n    return ''\n"
    (folder / "web.py").write_text(again)
    with pytest.raises(ValueError, match=r"web__get: both .*web\.py and .*web\.py have a tool of this name"):
        registry.registry(settings_of(folder, tool_sources="web.py"), {})
