"""`qwenproxy tools`: which tools of its own the proxy has, and what one of them answers."""

import argparse
import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace

import orjson

from qwenproxy.commands import configured
from qwenproxy.commands.screen import Screen
from qwenproxy.settings import Settings
from qwenproxy.tools import names
from qwenproxy.tools.executor import Asked, Outcome, Result
from qwenproxy.tools.mcp_server import McpServer
from qwenproxy.tools.tool import Tool
from qwenproxy.tools.toolbox import Toolbox, executor

HELP = "show the tools that the proxy can run, or `call` one; exit status 1 if a source or the call fails"
STARTING = 60.0
"""Seconds that a server may take to start: nobody else waits."""


def arguments(parser: argparse.ArgumentParser) -> None:
    options(parser)
    parser.set_defaults(action="list", name=None)
    again = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    options(again)  # behind the action too; what was said before it stays
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", parents=[again], help="show the tools (if ACTION is left out, all)")
    listing.add_argument("name", nargs="?", metavar="NAME", help="only these, with wildcards")
    call = actions.add_parser("call", parents=[again], help="run one, whether it is on or not")
    call.add_argument("name", metavar="NAME")
    call.add_argument("arguments", nargs="?", metavar="JSON", default="{}", help="such as '{\"a\": 1}'")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON, for programs; with schemas")
    configured.arguments(parser)


def main(arguments: argparse.Namespace) -> int:
    """Show or call: 0 if all went well, 1 if a server is not there or the call failed, 2 if the settings are wrong."""
    try:
        settings, environ = configured.load(arguments)
        with configured.heard() as notes:
            return asyncio.run(done(arguments, settings, environ, notes))
    except ValueError as e:
        configured.complain("tools", str(e))
        return 2


async def done(
    arguments: argparse.Namespace, settings: Settings, environ: Mapping[str, str], notes: Iterable[str]
) -> int:
    """Do what *arguments* say; the exit status.  Raises ValueError."""
    toolbox = Toolbox(settings, environ)
    try:
        found = await toolbox.tools(STARTING)
        if arguments.action == "call":
            return shown(await called(found, settings, arguments), as_json=arguments.json)
        wanted = [tool for tool in found if names.matches(tool.name, [arguments.name or "*"])]
        away = [server for server in toolbox.servers if server.error]
        write = list_json if arguments.json else list_table
        write(wanted, away, settings, environ)
        return 1 if away or (arguments.name and not wanted) else 0
    finally:
        await toolbox.close()


async def called(found: Iterable[Tool], settings: Settings, arguments: argparse.Namespace) -> Result:
    """What the call answers.  Who types it has agreed to it, and need not have turned the tool on."""
    tool = next((tool for tool in found if tool.name == arguments.name), None)
    agreed = None if tool is None else replace(tool, needs_confirmation=False)
    return await executor(settings).run(agreed, Asked(arguments.name, arguments.arguments))


def shown(result: Result, *, as_json: bool) -> int:
    """Write *result*, on standard error if it is a failure; the exit status."""
    ok = result.outcome is Outcome.OK
    if as_json:
        print(orjson.dumps({"outcome": result.outcome, "text": result.text}, option=orjson.OPT_INDENT_2).decode())
    else:
        print(result.text, file=sys.stdout if ok else sys.stderr)
    return 0 if ok else 1


def list_json(found: Iterable[Tool], away: Iterable[McpServer], settings: Settings, _: Mapping[str, str]) -> None:
    """For programs."""
    listed = {
        "tools": [tool.facts() | {"on": on(tool, settings)} for tool in found],
        "away": [{"source": server.config.source, "error": server.error} for server in away],
    }
    print(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode())


def list_table(
    found: Iterable[Tool], away: Iterable[McpServer], settings: Settings, environ: Mapping[str, str]
) -> None:
    """For people: a line for each, its description below."""
    screen = Screen(sys.stdout, environ)
    for tool in found:
        state = on(tool, settings)
        kind = "only reads" if tool.read_only else "may change things"
        mark = screen.styled("●", "green" if state == "every request" else "dim")
        screen.line(f"{mark} {screen.styled(tool.name, 'bold')} ({tool.source}, {kind}): {STATES[state]}")
        if first := tool.description.strip().partition("\n")[0]:
            screen.paragraph(first, first="  ", indent="  ", style="dim")
    for server in away:
        screen.paragraph(f"{server.config.source}: {server.error}", first="! ", indent="  ")


STATES = {
    "every request": "on",
    "on request": "on for requests that ask for it",
    "some keys": "on for some client keys",
    "confirmation": "not run: a person would have to agree to each call",
    "off": "off",
}


def on(tool: Tool, settings: Settings) -> str:
    """For whom *tool* is on: a key of `STATES`."""
    if tool.needs_confirmation:
        return "confirmation"
    if names.matches(tool.name, settings.tools):
        return "every request"
    if names.matches(tool.name, settings.tools_on_request):
        return "on request"
    return "some keys" if any(names.matches(tool.name, own) for own in settings.client_tools.values()) else "off"
