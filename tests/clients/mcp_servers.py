"""MCP servers that others wrote: installed beside the checkout, once for all runs."""

import sys
from functools import cache
from pathlib import Path

from tests.clients.toolchains import CLIENTS, call, folder, node, npm_path


@cache
def reference(name: str) -> str:
    """The program of a reference server in Python: mcp-server-time, mcp-server-fetch.  Raises Missing."""
    home = folder("mcp-servers")
    if not (home / "ready").exists():
        call(sys.executable, "-m", "venv", "--clear", str(home), cwd=CLIENTS)
        packages = ("mcp-server-time>=2026", "mcp-server-fetch>=2026")
        call(str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages, cwd=home)
        (home / "ready").touch()
    return str(home / "bin" / name)


@cache
def everything() -> tuple[str, str]:
    """Node, and the script of the reference server that shows everything.  Raises Missing."""
    return node(), str(package("server-everything") / "index.js")


@cache
def filesystem() -> tuple[str, str]:
    """Node, and the script of the reference server of files.  Raises Missing."""
    return node(), str(package("server-filesystem") / "index.js")


def package(name: str) -> Path:
    full = f"@modelcontextprotocol/{name}"
    return npm_path(folder("node"), f"{full}/dist", f"{full}@2026")
