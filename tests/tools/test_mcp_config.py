"""MCP servers as other programs write them."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy.tools.mcp_config import Address, Program, Server, read

ENVIRON = {"TOKEN": "t0ken", "HOME": "/home/me"}

ENTRIES: dict[str, tuple[dict[str, Any], Server]] = {
    "a program": (
        {"command": "uvx", "args": ["mcp-server-time"], "env": {"A": "b"}, "cwd": "/srv"},
        Server("it", Program("uvx", ("mcp-server-time",), (("A", "b"),), "/srv")),
    ),
    "a program, by its type": ({"type": "stdio", "command": "x"}, Server("it", Program("x"))),
    "a program, with nulls": ({"command": "x", "env": None}, Server("it", Program("x"))),
    "an address": ({"url": "https://h.example/mcp"}, Server("it", Address("https://h.example/mcp"))),
    "an address, with headers": (
        {"type": "http", "url": "http://h/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}},
        Server("it", Address("http://h/mcp", (("Authorization", "Bearer t0ken"),))),
    ),
    "an address, by another name": (
        {"type": "streamable-http", "httpUrl": "http://h/mcp"},
        Server("it", Address("http://h/mcp")),
    ),
    "variables": (
        {"command": "${HOME}/x", "args": ["${env:TOKEN}", "${NO:-none}", "$TOKEN"], "env": {"T": "${TOKEN}"}},
        Server("it", Program("/home/me/x", ("t0ken", "none", "$TOKEN"), (("T", "t0ken"),))),
    ),
    "approved tools": (
        {"command": "x", "autoApprove": ["a"], "alwaysAllow": ["b"]},
        Server("it", Program("x"), frozenset({"a", "b"})),
    ),
    "trusted": ({"command": "x", "trust": True}, Server("it", Program("x"), frozenset({"*"}))),
    "what only others know": (
        {"command": "x", "icon": "y", "timeout": 3, "disabled": False},
        Server("it", Program("x")),
    ),
}


@pytest.mark.parametrize(("entry", "server"), ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_a_server(entry: dict[str, Any], server: Server) -> None:
    assert read(orjson.dumps({"mcpServers": {"it": entry}}).decode(), ENVIRON) == [server]


def test_the_outer_object_has_many_names() -> None:
    entries = {"my time": {"command": "x"}}
    found = [read(orjson.dumps(text).decode(), {}) for text in (entries, {"servers": entries}, {"mcpServers": entries})]
    assert found[0] == found[1] == found[2]
    assert (found[0][0].space, found[0][0].source) == ("my_time", "MCP server my time")


def test_what_is_disabled_is_left_out_and_nothing_is_nothing() -> None:
    assert read('{"a": {"command": "x", "disabled": true}}', {}) == []
    assert read("", {}) == []


def test_a_file_is_read_and_a_folder_in_it_is_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text('\ufeff{"mcpServers": {"it": {"command": "x", "cwd": "sub"}}}')
    assert read(str(tmp_path / "mcp.json"), {}) == [Server("it", Program("x", cwd=str(tmp_path / "sub")))]


WRONG: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "mcp_servers: not valid JSON: line 1"),
    "no servers": ('{"mcpServers": []}', "mcp_servers: mcpServers is not an object"),
    "no entry": ('{"a": 1}', "mcp_servers: a is not an object"),
    "nothing in it": ('{"a": {}}', "mcp_servers: a: neither command nor url"),
    "an older transport": ('{"a": {"type": "sse", "url": "http://h"}}', "a: type 'sse' is not supported"),
    "no url": ('{"a": {"type": "http", "command": "x"}}', "a: no url"),
    "no web address": ('{"a": {"url": "ws://h"}}', "a: url is not http"),
    "args": ('{"a": {"command": "x", "args": "y"}}', "a: args is not a list of texts"),
    "env": ('{"a": {"command": "x", "env": {"SECRET": 1}}}', "a: env is not an object of texts"),
    "a variable that is not there": (
        '{"a": {"command": "x", "env": {"A": "${NONE}"}}}',
        "a: the environment has no NONE",
    ),
    "approval": ('{"a": {"command": "x", "autoApprove": true}}', "a: autoApprove is not a list of names"),
    "no such file": ("/no/such/mcp.json", "/no/such/mcp.json: No such file"),
}


@pytest.mark.parametrize(("setting", "complaint"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(setting: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(setting, ENVIRON)
