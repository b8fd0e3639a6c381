"""Other languages and older clients: found on this machine, or installed beside the checkout, once for all runs."""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
LIMIT = 300.0
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


@contextmanager
def claimed(home: Path) -> Iterator[None]:
    """While no other process installs in *home*."""
    with home.with_name(f"{home.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
    return str(npm_path(folder("node"), ".bin/node", "node@24"))


def version(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", call(path, "--version", cwd=CLIENTS))[:2])


def npm_path(home: Path, name: str, *packages: str) -> Path:
    """Where *name* is among what npm has installed in *home*; *packages* are if it is not there.  Raises Missing."""
    path = home / "node_modules" / name
    with claimed(home):
        if not path.exists():
            if not (home / "package.json").exists():
                (home / "package.json").write_text('{"private": true}')
            call(program("npm"), "install", "--no-audit", "--no-fund", *packages, cwd=home)
    return path


@cache
def deaf_node() -> str:
    """A Node whose `fetch` heeds no proxy variables.  Raises Missing."""
    path = program("node")
    if not (18,) <= version(path) < (22, 21):
        raise Missing("the Node of this machine is none of 18 to 22.20")
    return path


@cache
def node_script(name: str) -> Path:
    """The program *name* of this folder, laid where Node finds the package openai.  Raises Missing."""
    return beside_packages(name, "openai@7")


@cache
def ai_sdk_script() -> Path:
    """The program for the Vercel AI SDK, laid where Node finds its packages.  Raises Missing."""
    return beside_packages("with_ai_sdk.mjs", "ai@7", "@ai-sdk/openai@4")


@cache
def proxies_heeded() -> Path:
    """What makes an older Node heed proxy variables, loaded before its program.  Raises Missing."""
    return beside_packages("heed_proxies.cjs", "undici@6")


@cache
def npm_program(package: str, name: str) -> str:
    """The program *name* of an npm package.  Raises Missing."""
    return str(npm_path(folder("npm"), f".bin/{name}", package))


def beside_packages(name: str, *packages: str) -> Path:
    """The file *name* of this folder, laid where Node finds *packages*, each with its version."""
    home = folder("node")
    for package in packages:
        npm_path(home, package.rpartition("@")[0], package)
    return Path(shutil.copy(CLIENTS / name, home))


ENVIRONMENTS: Mapping[str, str] = {
    "openai-2": "openai>=2,<3",  # the last that speaks by httpx
    "openai-0": "openai>=0.28,<0.29",  # the last that speaks by requests
    "openai-aiohttp": "openai[aiohttp]>=3.50,<4",
    "langchain": "langchain-openai>=1.7,<2",
    "openai-agents": "openai-agents>=0.24,<1",
    "pydantic-ai": "pydantic-ai-slim[openai]>=2.60,<3",
    "instructor": "instructor>=1.17,<2",
    "llm": "llm>=0.36,<0.37",
    "litellm": "litellm[proxy]>=1.106,<2",  # some 700 MB
    "aider": "aider-chat>=0.86.2,<0.87",  # some 600 MB
}
"""Packages that want an environment each, for they do not agree on others' versions."""
BEFORE_3_13 = frozenset({"aider"})
"""Those that Python 3.13 is too new for."""


@cache
def python_with(name: str) -> str:
    """The Python of the environment *name*.  Raises Missing."""
    home, wanted = folder(name), ENVIRONMENTS[name]
    python, ready = home / "bin" / "python", home / "ready"
    with claimed(home):
        if not ready.exists() or ready.read_text() != wanted:
            base = older_python() if name in BEFORE_3_13 else sys.executable
            call(base, "-m", "venv", "--clear", "--without-pip", str(home), cwd=CLIENTS)
            pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile")
            call(*pip, "--disable-pip-version-check", wanted, cwd=home)
            ready.write_text(wanted)
    return str(python)


def older_python() -> str:
    """A Python 3.11 or 3.12 of this machine, or of pyenv.  Raises Missing."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [str(path) for minor in (12, 11) for path in pyenv.glob(f"3.{minor}.*/bin/python3.{minor}")]
    for path in [*found, *filter(None, map(shutil.which, ("python3.12", "python3.11")))]:
        with suppress(Missing):
            call(path, "-c", "import venv", cwd=CLIENTS)
            return path
    raise Missing("there is no Python 3.11 or 3.12 on this machine")


def python_with_openai_2() -> str:
    """A Python of its own with the last openai-python that speaks by httpx.  Raises Missing."""
    return python_with("openai-2")


def litellm() -> str:
    """The program of LiteLLM's proxy, in an environment of its own.  Raises Missing."""
    return str(Path(python_with("litellm")).with_name("litellm"))


def trust_store(authority: Path, path: Path) -> Path:
    """A Java trust store at *path* that holds *authority*, to be read without a password.  Raises Missing."""
    words = ("-importcert", "-noprompt", "-alias", "proxy", "-storetype", "jks", "-storepass", "changeit")
    call(program("keytool"), *words, "-file", str(authority), "-keystore", str(path), cwd=path.parent)
    return path
