"""Credentials: what yields a bearer token for the upstream."""

from pathlib import Path
from typing import Protocol

from qwenproxy.errors import ProxyError


class Credential(Protocol):
    """A source of bearer tokens."""

    name: str
    """What logs and errors call it; never holds a secret."""

    @property
    def base_url(self) -> str:
        """The API that it is for, version included; "" if it does not say: then the settings decide."""
        ...

    async def token(self) -> str | None:
        """The token to send; None for an upstream that wants none.  Does not wait while one is fresh."""
        ...

    async def renew(self, refused: str | None) -> bool:
        """The upstream refused the token *refused*: whether to ask `token()` again, which may know why."""
        ...


class NoCredential:
    """For an upstream that asks for none."""

    name = "none"
    base_url = ""

    async def token(self) -> None:
        return None

    async def renew(self, refused: str | None) -> bool:
        return False


class ApiKey:
    """A key from the settings, or from a file that may be replaced while the proxy runs."""

    name = "api_key"
    base_url = ""

    def __init__(self, key: str, path: Path | None = None) -> None:
        self._key = key
        self._path = path

    async def token(self) -> str:
        return self._key

    async def renew(self, refused: str | None) -> bool:
        """Read the key file again: a rotated key is taken up without a restart."""
        if self._key != refused:
            return True
        if self._path is None:
            return False
        try:
            key = self._path.read_text(encoding="utf-8").strip()
        except OSError:
            return False
        changed = bool(key) and key != refused
        if changed:
            self._key = key
        return changed


class MissingKey:
    """For a proxy that was started without a key: every call is told how to give one."""

    name = "missing"
    base_url = ""

    def __init__(self, error: ProxyError) -> None:
        self.error = error

    async def token(self) -> str | None:
        raise ProxyError(self.error.failure, self.error.message)

    async def renew(self, refused: str | None) -> bool:
        return False
