"""`qwenproxy tools`: what it shows, what it calls, and with which exit status."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from qwenproxy import cli
from tests.support.commands import Ended, Home
from tests.tools.tooling import own_server, servers

type Tools = Callable[..., Ended]

WEB = """
from qwenproxy.tools import ToolError, tool

@tool(read_only=True)
def get(page: str) -> str:
    "Get a page.  It is quick.\\n\\nMore."
    return f"page {page}"

@tool(needs_confirmation=True)
def wipe() -> str:
    return "wiped"

@tool
def fail() -> str:
    raise ToolError("no")
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tools:
    """Calls it in this process, with a file of tools."""
    (tmp_path / "web.py").write_text(WEB)
    monkeypatch.chdir(tmp_path)

    def call(*words: str, **settings: str) -> Ended:
        for name, value in Home(tmp_path).environ(**{"tool_sources": "web.py"} | settings).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["tools", *words])
        return Ended(int(str(caught.value.code)), *capsys.readouterr())

    return call


def test_each_tool_is_shown_with_its_source_and_whether_it_is_on(tools: Tools, tmp_path: Path) -> None:
    found = tools(tools="calculate", tools_on_request="web__*")
    assert (found.status, found.err) == (0, "")
    lines = [line for line in found.out.splitlines() if line.startswith("●")]
    assert lines == [
        "● current_time (built in, only reads): off",
        "● calculate (built in, only reads): on",
        f"● web__get ({tmp_path}/web.py, only reads): on for requests that ask for it",
        f"● web__wipe ({tmp_path}/web.py, may change things): not run: a person would have to agree to each call",
        f"● web__fail ({tmp_path}/web.py, may change things): on for requests that ask for it",
    ]
    assert "  Get a page.  It is quick.\n" in found.out


def test_as_json_with_schemas(tools: Tools) -> None:
    found = tools("--json", "list", "web__g*", client_keys="k", client_tools='{"k": ["web__get"]}')
    (tool,) = orjson.loads(found.out)["tools"]
    assert (tool["name"], tool["on"], tool["parameters"]["required"]) == ("web__get", "some keys", ["page"])


def test_a_server_that_is_not_there_is_status_1_and_the_rest_is_shown(tools: Tools) -> None:
    entries = servers(own=own_server("stdio"), gone={"command": "/no/such/program"})
    found = tools(mcp_servers=entries)
    assert found.status == 1
    assert "● own__echo (MCP server own, only reads): off\n  Say it again.\n" in found.out
    assert "! MCP server gone: FileNotFoundError" in found.out
    assert "! MCP server own" not in found.out


def test_a_name_that_is_nobodys_is_status_1(tools: Tools) -> None:
    assert tools("list", "nobody__*").status == 1


CALLS = {
    "it answers": (("web__get", '{"page": "a"}'), 0, "page a\n", ""),
    "who calls it agrees to it": (("web__wipe",), 0, "wiped\n", ""),
    "it fails": (("web__fail",), 1, "", "Error: web__fail: no\n"),
    "there is none": (("nobody",), 1, "", "Error: there is no tool 'nobody' here."),
    "wrong arguments": (("web__get", '{"page": 1}'), 1, "", "Error: web__get cannot take these arguments:"),
}


@pytest.mark.parametrize(("words", "status", "out", "err"), CALLS.values(), ids=CALLS)
def test_a_call_shows_the_answer_or_the_failure(
    tools: Tools, words: tuple[str, ...], status: int, out: str, err: str
) -> None:
    found = tools("call", *words)
    assert (found.status, found.out) == (status, out)
    assert found.err.startswith(err)


def test_a_call_as_json_tells_the_outcome(tools: Tools) -> None:
    for words in (("call", "--json", "web__fail"), ("--json", "call", "web__fail"), ("call", "web__fail", "--json")):
        found = tools(*words)
        assert (found.status, orjson.loads(found.out)) == (1, {"outcome": "failed", "text": "Error: web__fail: no"})


@pytest.mark.parametrize(
    ("words", "settings", "complaint"),
    [
        (("call",), {}, "the following arguments are required: NAME"),
        ((), {"tools": "clok"}, "qwenproxy tools: there is no tool clok"),
        ((), {"tool_sources": "none.py"}, "none.py: there is no such file"),
        ((), {"mcp_servers": "{"}, "mcp_servers: not valid JSON"),
    ],
    ids=["no name", "no such tool", "no such file", "no JSON"],
)
def test_what_is_wrong_is_one_line_and_status_2(
    tools: Tools, words: tuple[str, ...], settings: dict[str, str], complaint: str
) -> None:
    found = tools(*words, **settings)
    assert (found.status, found.out) == (2, "")
    assert complaint in " ".join(found.err.split())
