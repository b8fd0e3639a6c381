"""Other languages and older clients: found on this machine, or installed beside the checkout, once for all runs."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
LIMIT = 180.0
"""Seconds that one installation may take."""


class Missing(Exception):
    """A tool is not there and cannot be had; the message says why."""


def needed[T](tool: Callable[[], T]) -> T:
    """What *tool* finds; without it the test is skipped, with the reason."""
    try:
        return tool()
    except Missing as why:
        pytest.skip(str(why))


def folder(name: str) -> Path:
    """Where *name* is kept between runs: nothing of it lies in the checkout."""
    found = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "qwenproxy-tests", name)
    found.mkdir(parents=True, exist_ok=True)
    return found


def program(name: str) -> str:
    """The program *name*.  Raises Missing."""
    path = shutil.which(name)
    if path is None:
        raise Missing(f"there is no {name} on this machine")
    return path


def call(*words: str, cwd: Path) -> str:
    """What a command prints.  Raises Missing if it fails."""
    try:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        raise Missing(f"{' '.join(words)} took longer than {LIMIT:g} s") from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines() or ["nothing"]
        raise Missing(f"{' '.join(words)} failed and said: {said[-1]}")
    return done.stdout


@cache
def node() -> str:
    """Node 24.5 or later, whose `fetch` heeds HTTPS_PROXY; npm has it as a package."""
    for path in (shutil.which("node"), str(folder("node") / "node_modules" / ".bin" / "node")):
        if path is not None and Path(path).exists() and version(path) >= (24, 5):
            return path
    npm("node@24")
    return str(folder("node") / "node_modules" / ".bin" / "node")


def version(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", call(path, "--version", cwd=CLIENTS))[:2])


def npm(package: str) -> None:
    home = folder("node")
    if not (home / "package.json").exists():
        (home / "package.json").write_text('{"private": true}')
    call(program("npm"), "install", "--no-audit", "--no-fund", package, cwd=home)


@cache
def node_script(name: str) -> Path:
    """The program *name* of this folder, laid where Node finds the package openai."""
    home = folder("node")
    if not (home / "node_modules" / "openai").exists():
        npm("openai@7")
    return Path(shutil.copy(CLIENTS / name, home))


@cache
def python_with_openai_2() -> str:
    """A Python of its own with the last openai-python that speaks by httpx."""
    home = folder("openai-2")
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        call(sys.executable, "-m", "venv", "--clear", str(home), cwd=CLIENTS)
        call(str(python), "-m", "pip", "install", "--quiet", "openai>=2,<3", cwd=home)
        (home / "ready").touch()
    return str(python)


def trust_store(authority: Path, path: Path) -> Path:
    """A Java trust store at *path* that holds *authority*, to be read without a password.  Raises Missing."""
    words = ("-importcert", "-noprompt", "-alias", "proxy", "-storetype", "jks", "-storepass", "changeit")
    call(program("keytool"), *words, "-file", str(authority), "-keystore", str(path), cwd=path.parent)
    return path
