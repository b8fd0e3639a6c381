"""How the workers are: told by their launcher through a Unix socket that is its user's alone."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from qwenproxy.settings import sources

log = logging.getLogger(__name__)

SUFFIX = ".workers"
ANSWER = 3.0  # s in which a launcher says how things are

type Json = dict[str, Any]


def folder(environ: Mapping[str, str]) -> Path:
    """Where the sockets are: the user's runtime folder, or one for state (XDG Base Directory Specification)."""
    if (runtime := environ.get("XDG_RUNTIME_DIR", "")).startswith("/"):
        return Path(runtime, "qwenproxy")
    given = environ.get("XDG_STATE_HOME", "")
    state = Path(given) if given.startswith("/") else sources.home_path("~/.local/state", environ, Path.cwd())
    return state / "qwenproxy"


@asynccontextmanager
async def told(environ: Mapping[str, str], ask: Callable[[], Awaitable[Json]]) -> AsyncIterator[None]:
    """Tell whoever may ask what *ask* says.  Where there is no place for the socket, nobody is told, and the log is."""
    path = folder(environ) / f"{os.getpid()}{SUFFIX}"

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            writer.write(orjson.dumps(await ask()))
            await writer.drain()
        writer.close()

    server = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(answer, path)
        path.chmod(0o600)
    except OSError as e:
        log.warning("`qwenproxy status` will not show the workers: %s: %s", path, e.strerror or e)
    try:
        yield
    finally:
        if server is not None:
            server.close()
        with suppress(OSError):
            path.unlink(missing_ok=True)


def ask(environ: Mapping[str, str]) -> list[Json]:
    """What the launchers of this user say.  The sockets of those that are gone are removed."""
    found = [_ask(path) for path in sorted(folder(environ).glob(f"*{SUFFIX}"))]
    return [each for each in found if each is not None]


def _ask(path: Path) -> Json | None:
    try:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(ANSWER)
            asking.connect(str(path))
            told: Json = orjson.loads(b"".join(iter(lambda: asking.recv(65536), b"")))
            return told
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except (OSError, ValueError):
        pass
    return None
