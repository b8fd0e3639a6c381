"""The keys that seal what apps carry: named by a setting, or in a file beside the state, made at its first use."""

import asyncio
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from qwenproxy.errors import INTERNAL, ProxyError
from qwenproxy.sealing import Keyring, OwnersSeal, new_key
from qwenproxy.settings import Settings
from qwenproxy.state import place, private


class Seals:
    """Gives each owner a seal.  The keys are looked for when they are first needed; *find* may wait for the disk."""

    def __init__(self, find: Callable[[], Keyring]) -> None:
        self._find = find
        self._keyring: Keyring | None = None

    async def of(self, owner: str) -> OwnersSeal:
        """The seal of *owner*.  Raises ProxyError if there can be no keys."""
        if self._keyring is None:
            try:
                self._keyring = await asyncio.to_thread(self._find)
            except (OSError, ValueError) as e:
                message = f"The proxy cannot seal what an app carries: {e} (settings state, state_keys)."
                raise ProxyError(INTERNAL, message) from e
        return OwnersSeal(self._keyring, owner)


def seals(settings: Settings, environ: Mapping[str, str]) -> Seals:
    """The seals by *settings*; without keys in them, and without a file for the state, they end with the process."""
    if settings.state_keys:
        named = [key.reveal() for key in settings.state_keys]
        return Seals(lambda: Keyring(named))
    if settings.state in (place.OFF, place.MEMORY):
        return own()
    state = place.path_of(settings, environ)
    return Seals(lambda: Keyring(keys(state.with_name(f"{state.name}-keys"))))


def own() -> Seals:
    """The seals by a key that is nowhere else."""
    return Seals(lambda: Keyring([new_key()]))


def keys(path: Path) -> list[str]:
    """The keys in the file at *path*, one a line, `#` before a comment; made if there is none.

    Raises OSError, and ValueError for a file without any.
    """
    private.close(path)
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        _make(path)
        text = path.read_text(encoding="ascii")
    found = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not found:
        raise ValueError(f"{path} has no key")
    return found


def _make(path: Path) -> None:
    """Make the file with a new key, whole and for its owner only; another process's, if it was quicker, stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}-{os.getpid()}-{new_key()[:8]}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as written:
            written.write(f"{new_key()}\n")
            written.flush()
            os.fsync(written.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
