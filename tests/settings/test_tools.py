"""The settings about tools: off by default, and how the odder ones are written."""

from pathlib import Path

import pytest

from qwenproxy.settings import Settings, load
from qwenproxy.settings.values import Secret


def read(folder: Path, file: str = "", **given: str) -> Settings:
    (folder / "qwenproxy.toml").write_text(file)
    return load({f"QWENPROXY_{name.upper()}": text for name, text in given.items()} | {"HOME": "/home/me"}, folder)


def test_nothing_is_on_by_itself() -> None:
    found = Settings()
    assert not any((found.tools, found.tools_on_request, found.client_tools, found.fetch_hosts, found.mcp_servers))


def test_keys_have_tools_of_their_own(tmp_path: Path) -> None:
    found = read(tmp_path, client_keys="one,two", client_tools='{"one": ["calculate"], "two": []}')
    assert found.client_tools == {Secret("one"): ("calculate",), Secret("two"): ()}
    in_file = read(tmp_path, 'client_keys = ["one"]\n[client_tools]\none = ["files__*"]')
    assert in_file.client_tools == {Secret("one"): ("files__*",)}


def test_a_key_that_nobody_has_to_show_is_refused_and_not_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CLIENT_TOOLS: names a key that is not one of client_keys") as caught:
        read(tmp_path, client_tools='{"sk-secret": ["calculate"]}')
    assert "sk-secret" not in str(caught.value)


WRONG = {
    "tools": ("calculate; rm", "names of tools"),
    "tools_on_request": ("a.b", "names of tools"),
    "client_tools": ('["sk-secret"]', "tools for keys"),
    "tool_concurrency": ("0", "a whole number from 1"),
    "tool_timeout": ("0", "a number of seconds from 1"),
    "fetch_hosts": ("*", "host names"),
}


@pytest.mark.parametrize(("name", "text", "complaint"), [(name, *row) for name, row in WRONG.items()], ids=WRONG)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        read(tmp_path, **{name: text})
    assert "sk-secret" not in str(caught.value)


def test_paths_are_relative_to_where_they_are_written(tmp_path: Path) -> None:
    found = read(tmp_path, 'tool_sources = ["a.py", "~/b.py", "package"]\nmcp_servers = "mcp.json"')
    assert found.tool_sources == (str(tmp_path / "a.py"), "/home/me/b.py", "package")
    assert found.mcp_servers == str(tmp_path / "mcp.json")


def test_servers_may_be_a_table(tmp_path: Path) -> None:
    found = read(tmp_path, '[mcp_servers.time]\ncommand = "x"\nenv = {TOKEN = "t"}')
    assert found.mcp_servers == '{"time": {"command": "x", "env": {"TOKEN": "t"}}}'
    assert read(tmp_path, mcp_servers='\n{\n "a": {} }').mcp_servers == '{\n "a": {} }'
