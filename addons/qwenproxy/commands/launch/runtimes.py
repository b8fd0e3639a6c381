"""Runtimes that do not heed proxy variables: recognised by the command, so that one is not left to wonder."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

NODES = frozenset({"node", "nodejs", "npx", "npm", "yarn", "pnpm", "corepack", "tsx", "ts-node"})
"""Programs that are Node, or run their work in it."""
HEEDING = ((22, 21), (24, 0))
"""Node's `fetch` heeds proxy variables, with NODE_USE_ENV_PROXY, from these releases on."""
PATIENCE = 5.0  # s


def deaf_node(program: str, path: str) -> tuple[int, ...]:
    """The version of the Node that runs *program* if it does not heed proxy variables; else ().

    *path* is the PATH in which it is looked for.
    """
    version = node_version(program, path) if is_node(program) else ()
    return () if heeds_proxies(version) else version


def is_node(program: str) -> bool:
    """Whether *program*, the path of a command, is Node or a script that Node runs."""
    path = Path(program)
    if path.name.removesuffix(".exe").removesuffix(".cmd") in NODES or path.suffix in (".js", ".mjs", ".cjs"):
        return True
    try:
        with path.open("rb") as file:
            first = file.readline(128)
    except OSError:
        return False
    return first.startswith(b"#!") and re.search(rb"\bnode(js)?\b", first) is not None


def node_version(program: str, path: str) -> tuple[int, ...]:
    """The version of the Node that runs *program*: itself, or the one in *path*; () if that is not to be had."""
    name = Path(program).name.removesuffix(".exe")
    node = program if name in ("node", "nodejs") else shutil.which("node", path=path)
    if node is None:
        return ()
    words = [node, "--version"]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout)[:3])


def heeds_proxies(version: Sequence[int]) -> bool:
    """Whether Node of this *version* heeds proxy variables; if unknown, nobody is alarmed."""
    (older, newer), found = HEEDING, tuple(version)
    return not found or found >= newer or older <= found < (older[0] + 1,)
