"""Where tools come from, by the settings: all that can be wrong with that is found here, before anything runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from qwenproxy.settings.tools import ToolSettings
from qwenproxy.tools import builtin, mcp_config, names, python_sources
from qwenproxy.tools.mcp_config import Server
from qwenproxy.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Registry:
    """The tools in this process, and the servers that have more."""

    tools: Mapping[str, Tool]
    servers: tuple[Server, ...]


def registry(settings: ToolSettings, environ: Mapping[str, str]) -> Registry:
    """What *settings* name.  Reads files and runs those that are Python; starts nothing.  Raises ValueError."""
    servers = tuple(mcp_config.read(settings.mcp_servers, environ))
    spaces = [(python_sources.space(source), source) for source in settings.tool_sources]
    spaces += [(server.space, server.source) for server in servers]
    if clash := names.clash(spaces):
        raise ValueError(clash)
    tools: dict[str, Tool] = {}
    for tool in _tools(settings):
        if tool.name in tools:
            raise ValueError(f"{tool.name}: both {tools[tool.name].source} and {tool.source} have a tool of this name")
        tools[tool.name] = tool
    _check_names(settings, tools, [space for space, _ in spaces])
    return Registry(tools, servers)


def _tools(settings: ToolSettings) -> Iterator[Tool]:
    yield from builtin.tools(settings)
    for source in settings.tool_sources:
        yield from python_sources.load(source)


def _check_names(settings: ToolSettings, tools: Mapping[str, Tool], spaces: list[str]) -> None:
    """Names that are on, but can be nobody's.  Raises ValueError."""
    given = [
        *settings.tools,
        *settings.tools_on_request,
        *(name for own in settings.client_tools.values() for name in own),
    ]
    for name in filter(names.is_plain, given):
        if name in tools or any(name.startswith(space + names.BETWEEN) for space in spaces):
            continue
        if name == "fetch_url":
            raise ValueError("the tool fetch_url needs fetch_hosts: the hosts that it may fetch from")
        near = get_close_matches(name, [*tools, *(f"{space}{names.BETWEEN}*" for space in spaces)], n=1, cutoff=0.0)
        raise ValueError(f"there is no tool {name}; the nearest is {near[0]}")


def files(settings: ToolSettings) -> tuple[Path, ...]:
    """The files that the registry was read from."""
    named = [source for source in settings.tool_sources if python_sources.is_file(source)]
    if settings.mcp_servers and not settings.mcp_servers.startswith("{"):
        named.append(settings.mcp_servers)
    return tuple(Path(name) for name in named)
