"""The program `qwenproxy` with other commands than `run`: called to its end, and at a user's home."""

import asyncio
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from tests.support.processes import DEADLINE, QWENPROXY, clean

TOKENS = ("at_kept", "rt_kept")


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    status: int
    out: str
    err: str


async def called(home: Path, *words: str, **settings: str) -> Ended:
    """`qwenproxy` with *words* as a process, to its end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *QWENPROXY,
        *words,
        env=clean(home, **settings),
        cwd=home,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
    )
    try:
        async with asyncio.timeout(DEADLINE):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return Ended(process.returncode or 0, out.decode(), err.decode())


@dataclass(frozen=True)
class Home:
    """A user's home, and the login in it."""

    path: Path

    @property
    def file(self) -> Path:
        return self.path / ".qwen" / "oauth_creds.json"

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.file.read_bytes())
        return found

    @property
    def names(self) -> list[str]:
        """All that lies beside the login, itself included."""
        return sorted(path.name for path in self.file.parent.glob("*"))

    @property
    def modes(self) -> tuple[int, int]:
        """Of the file, and of its folder."""
        return stat.S_IMODE(self.file.stat().st_mode), stat.S_IMODE(self.file.parent.stat().st_mode)

    def keep(self, content: bytes | None = None, *, expires_in: float = 3600, **fields: Any) -> None:
        """Put a login into its file: good for *expires_in* seconds, with *fields* of its own, or *content* as it is."""
        self.file.parent.mkdir(mode=0o700, exist_ok=True)
        access, refresh = TOKENS
        token = {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "resource_url": "portal.qwen.ai",
            "expiry_date": round((time.time() + expires_in) * 1000),
        }
        self.file.write_bytes(orjson.dumps(token | fields) if content is None else content)
        self.file.chmod(0o600)

    def lock(self, age: float = 0.0) -> Path:
        """Hold the lock that goes with the login, since *age* seconds."""
        path = self.file.with_name("oauth_creds.lock")
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text("0b7d5a36-5d6c-4a8f-9f0a-000000000000")
        os.utime(path, (time.time() - age,) * 2)
        return path

    def environ(self, **settings: str) -> Mapping[str, str]:
        """An environment with this home, and nothing else of the user's."""
        return clean(self.path, **settings)
