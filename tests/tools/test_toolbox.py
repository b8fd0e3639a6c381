"""The toolbox: what an exchange gets of it, and that it follows settings and files."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from qwenproxy.errors import ProxyError
from qwenproxy.settings import Settings
from qwenproxy.tools import policy
from qwenproxy.tools.executor import GIVE_UP, REPAIR, Outcome
from qwenproxy.tools.policy import OFF, Allowed
from qwenproxy.tools.toolbox import Kit, Toolbox, may_begin
from tests.tools.tooling import own_server, servers, settings_of

TOOL = "from qwenproxy.tools import tool\n@tool\ndef get(n: int = 0) -> str:\n    return 'got'\n"
ALL = Allowed(("*",), ("*",))


@asynccontextmanager
async def toolbox(settings: Settings, clock: Callable[[], float] = lambda: 0.0) -> AsyncIterator[Toolbox]:
    found = Toolbox(settings, os.environ, clock)
    try:
        yield found
    finally:
        await found.close()


def names(kit: Kit) -> list[str]:
    return [function["function"]["name"] for function in kit.functions]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "web.py"
    path.write_text(TOOL)
    return path


async def test_by_default_there_is_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    async with toolbox(settings) as box:
        kit = await box.kit(policy.allowed(settings, None, None))
        assert (bool(kit), kit.functions) == (False, [])
        assert (await kit.run("calculate", '{"expression": "1"}')).outcome is Outcome.UNKNOWN


async def test_what_is_on_is_offered_and_run(file: Path) -> None:
    settings = settings_of(file.parent, tools="calculate,web__*", tool_sources=str(file))
    async with toolbox(settings) as box:
        kit = await box.kit(policy.allowed(settings, None, None), exchange="req-1")
        assert names(kit) == ["calculate", "web__get"]
        assert [kit.owns(name) for name in ("web__get", "current_time")] == [True, False]
        assert (await kit.run("calculate", '{"expression": "2^10"}')).text == "1024"
        assert (await kit.run("web__get", "")).text == "got"
        assert (await kit.run("current_time", "")).outcome is Outcome.UNKNOWN


async def test_what_the_app_has_itself_is_the_apps(file: Path) -> None:
    async with toolbox(settings_of(file.parent, tool_sources=str(file))) as box:
        kit = await box.kit(ALL, taken=["web__get", "other"])
        assert names(kit) == ["current_time", "calculate"]
        assert not kit.owns("web__get")


async def test_wrong_arguments_are_mended_once_for_each_tool(file: Path) -> None:
    async with toolbox(settings_of(file.parent, tool_sources=str(file))) as box:
        kit = await box.kit(ALL)
        said = [(await kit.run("web__get", text)).text for text in ('{"n": "x"}', '{"n": []}', "{}", "[]")]
        assert [text.endswith(REPAIR) for text in said] == [True, False, False, True]
        assert said[1].endswith(GIVE_UP)
        assert said[2] == "got"
        assert (await (await box.kit(ALL)).run("web__get", "[]")).text.endswith(REPAIR), "another exchange"


async def test_what_needs_a_person_is_not_offered(file: Path) -> None:
    rewrite(file, TOOL.replace("@tool", "@tool(needs_confirmation=True)"))
    async with toolbox(settings_of(file.parent, tool_sources=str(file))) as box:
        assert names(await box.kit(ALL)) == ["current_time", "calculate"]
        asked = Allowed(("*",), ("web__get",), ("web__get",))
        with pytest.raises(ProxyError, match="no tool web__get that it could run"):
            await box.kit(asked)


async def test_servers_are_started_for_those_that_may_use_them(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mcp_servers=servers(own=own_server("stdio")))
    async with toolbox(settings) as box:
        (server,) = box.servers
        for other in (OFF, Allowed(("*",), ("calculate",)), Allowed(("other__*",), ("*",))):
            await box.kit(other)
        assert server.tools == ()
        kit = await box.kit(Allowed(("*",), ("own__e*",)))
        assert names(kit) == ["own__echo", "own__environment"]
        assert (await kit.run("own__echo", '{"text": "a"}')).text == "a"
        assert "own__unsaid" not in names(await box.kit(ALL)), "it does not say that it does no harm"


async def test_a_kit_stays_the_same_while_tools_change(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, mcp_servers=servers(own=own_server("stdio", trust=True)))
    async with toolbox(settings) as box:
        before = await box.kit(ALL)
        await asyncio.sleep(0.1)
        await before.run("own__grow", "")
        for _ in range(200):
            after = await box.kit(ALL)
            if after.owns("own__grown"):
                break
            await asyncio.sleep(0.05)
        assert (await after.run("own__grown", "")).text == "new"
        assert not before.owns("own__grown")
        assert after.owns("own__unsaid"), "its server is trusted"


async def test_a_server_that_is_not_there_takes_nothing_from_others(tmp_path: Path) -> None:
    entries = servers(gone={"command": "/no/such/program"}, own=own_server("stdio"))
    async with toolbox(settings_of(tmp_path, mcp_servers=entries)) as box:
        assert (await box.kit(ALL)).owns("own__echo")
        assert [bool(server.error) for server in box.servers] == [True, False]
        assert {tool.name for tool in await box.tools()} >= {"calculate", "own__unsaid"}


async def test_a_file_that_changes_is_read_again(file: Path) -> None:
    now = 0.0
    async with toolbox(settings_of(file.parent, tool_sources=str(file)), lambda: now) as box:
        await box.kit(ALL)
        rewrite(file, TOOL + "@tool\ndef put() -> str:\n    return 'put'\n")
        assert not (await box.kit(ALL)).owns("web__put"), "it is looked at now and then only"
        now = 2.0
        assert (await box.kit(ALL)).owns("web__put")


async def test_a_file_that_breaks_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    async with toolbox(settings_of(file.parent, tool_sources=str(file)), lambda: now) as box:
        rewrite(file, "1 / 0")
        now = 2.0
        assert (await (await box.kit(ALL)).run("web__get", "")).text == "got"
        assert "the tools stay as they were" in caplog.text


async def test_other_settings_are_taken_over_and_servers_that_stay_go_on(file: Path) -> None:
    own = own_server("stdio")
    before = settings_of(file.parent, mcp_servers=servers(own=own, gone={"command": "/no/such/program"}))
    async with toolbox(before) as box:
        await box.tools()
        kept = next(iter(box.servers))
        await box.reload(settings_of(file.parent, mcp_servers=servers(own=own), tool_sources=str(file)))
        assert list(box.servers) == [kept]
        kit = await box.kit(ALL)
        assert kit.owns("web__get")
        assert (await kit.run("own__echo", '{"text": "still"}')).text == "still"


async def test_settings_that_are_wrong_change_nothing(file: Path) -> None:
    settings = settings_of(file.parent, tool_sources=str(file))
    async with toolbox(settings) as box:
        with pytest.raises(ValueError, match="there is no tool nonsense"):
            await box.reload(settings_of(file.parent, tools="nonsense"))
        assert box.settings is settings
        assert (await box.kit(ALL)).owns("web__get")


BEGINNINGS = [("*", True), ("own__*", True), ("own__echo", True), ("o*", True), ("own__?", True), ("?wn__*", True)]
BEGINNINGS += [("own", False), ("other*", False), ("calculate", False), ("own_", False), ("own__", True)]


@pytest.mark.parametrize(("pattern", "may"), BEGINNINGS)
def test_a_pattern_may_stand_for_a_servers_tools(pattern: str, may: bool) -> None:
    assert may_begin(pattern, "own__") is may


def rewrite(file: Path, text: str) -> None:
    file.write_text(text)
