"""The part of the table of settings that is about the proxy's own tools."""

from collections.abc import Mapping
from dataclasses import dataclass

from qwenproxy.settings import values
from qwenproxy.settings.rows import setting as _setting
from qwenproxy.settings.values import Secret


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """Which tools there are, for whom, and what they may take."""

    tools: tuple[str, ...] = _setting(
        values.TOOLS,
        "",
        "Tools of the proxy that are on for every request, with wildcards: `current_time,files__*`; "
        "`qwenproxy tools` lists what there is",
    )
    tools_on_request: tuple[str, ...] = _setting(
        values.TOOLS,
        "",
        "Tools that a request may turn on itself: by the header `x-qwenproxy-tools`, or `qwenproxy_tools` in its body",
    )
    client_tools: Mapping[Secret, tuple[str, ...]] = _setting(
        values.CLIENT_TOOLS,
        "{}",
        'Tools that are on for one client key, instead of `tools`: `{"key": ["current_time"]}`; a table in TOML',
        secret=True,
    )
    tool_sources: tuple[str, ...] = _setting(
        values.TOOL_SOURCES,
        "",
        "Where tools in Python are: files (`~/weather.py`), or names of entry points in the group `qwenproxy.tools`",
    )
    mcp_servers: str = _setting(
        values.MCP_SERVERS,
        "",
        "MCP servers that tools come from, as `mcpServers` in JSON: a file, or itself; a table in TOML",
        secret=True,
    )
    fetch_hosts: tuple[str, ...] = _setting(
        values.FETCH_HOSTS,
        "",
        "Hosts that the tool `fetch_url` may fetch from, at public addresses only; none: no such tool",
    )
    tool_timeout: float = _setting(values.seconds(1), "30", "Seconds that one call of a tool may take")
    tool_output_limit: int = _setting(values.SIZE, "64k", "How much of a tool's answer the model gets to read")
    tool_concurrency: int = _setting(values.count(1), "8", "Calls of tools at the same time, for all requests together")
    tool_rounds: int = _setting(
        values.count(1), "10", "Rounds of one answer in which the model may call tools; then it has to answer without"
    )
    tool_time: float = _setting(
        values.seconds(1), "120", "Seconds after which an answer has to do without further calls of tools"
    )
    tool_tokens: int = _setting(
        values.count(1),
        "1000000",
        "Tokens, of all rounds of an answer together, after which it has to do without further calls",
    )
    tool_notes: str = _setting(
        values.one_of("hide", "reasoning"),
        "hide",
        "Whether apps read of the proxy's own calls of tools, as `reasoning_content`",
    )
    log_tool_arguments: bool = _setting(
        values.FLAG, "false", "Whether the log line of a tool's call tells the arguments"
    )
