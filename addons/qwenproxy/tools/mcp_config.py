"""MCP servers as other programs write them: `{"mcpServers": {"time": {"command": "mcp-server-time"}}}`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from qwenproxy.tools import names

_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}")
_STDIO = ("stdio",)
_HTTP = ("http", "streamable-http", "streamableHttp", "streamable_http")
_APPROVED = ("autoApprove", "alwaysAllow")


@dataclass(frozen=True, slots=True)
class Program:
    """A server that is started, and spoken to by its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """A server that is reached by streamable HTTP."""

    url: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One entry."""

    name: str
    at: Program | Address
    approved: frozenset[str] = frozenset()
    """Names of its tools that need nobody's confirmation; `*` for all."""

    @property
    def space(self) -> str:
        """What the names of its tools begin with."""
        return names.namespace(self.name)

    @property
    def source(self) -> str:
        return f"MCP server {self.name}"


def read(setting: str, environ: Mapping[str, str]) -> list[Server]:
    """The servers that *setting* says, JSON or the path of a file with it.  Raises ValueError, never with a value."""
    if not setting:
        return []
    if setting.startswith("{"):
        return servers(document(setting, "mcp_servers"), environ, "mcp_servers", Path.cwd())
    path = Path(setting)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {getattr(error, 'strerror', None) or 'cannot be read'}") from None
    return servers(document(text, str(path)), environ, str(path), path.parent)


def document(text: str, place: str) -> Mapping[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"{place}: not valid JSON: line {error.lineno}, column {error.colno}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{place}: not a JSON object")
    return found


def servers(found: Mapping[str, Any], environ: Mapping[str, str], place: str, folder: Path) -> list[Server]:
    """The entries of *found* that are not disabled; a relative `cwd` is relative to *folder*.  Raises ValueError."""
    entries = found.get("mcpServers", found.get("servers", found))
    if not isinstance(entries, dict):
        raise ValueError(f"{place}: mcpServers is not an object")
    wanted = {}
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise ValueError(f"{place}: {name} is not an object")
        if entry.get("disabled") is not True:
            wanted[name] = entry
    return [Entry(entry, environ, f"{place}: {name}", folder).server(name) for name, entry in wanted.items()]


class Entry:
    """One entry, read field by field; *place* is what a complaint begins with."""

    def __init__(self, entry: Mapping[str, Any], environ: Mapping[str, str], place: str, folder: Path) -> None:
        self._entry = entry
        self._environ = environ
        self._place = place
        self._folder = folder

    def server(self, name: str) -> Server:
        """The server that it describes.  Raises ValueError."""
        kind = self._entry.get("type", self._entry.get("transport"))
        if kind is not None and kind not in (*_STDIO, *_HTTP):
            raise ValueError(f"{self._place}: type {kind!r} is not supported, only stdio and http (streamable)")
        url = self._text("httpUrl") or self._text("url")
        if (kind in _HTTP or kind is None) and url:
            return Server(name, self._address(url), self._approved())
        command = self._text("command")
        if kind in _HTTP or not command:
            raise ValueError(f"{self._place}: {'no url' if kind in _HTTP else 'neither command nor url'}")
        return Server(name, self._program(command), self._approved())

    def _address(self, url: str) -> Address:
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{self._place}: url is not http:// or https://")
        return Address(url, self._texts("headers"))

    def _program(self, command: str) -> Program:
        args = self._entry.get("args", [])
        if not isinstance(args, list) or not all(isinstance(word, str) for word in args):
            raise ValueError(f"{self._place}: args is not a list of texts")
        cwd = self._text("cwd")
        where = str(self._folder / Path(cwd).expanduser()) if cwd else None
        return Program(command, tuple(self._filled(word) for word in args), self._texts("env"), where)

    def _approved(self) -> frozenset[str]:
        if self._entry.get("trust") is True:
            return frozenset({"*"})
        found: set[str] = set()
        for key in _APPROVED:
            listed = self._entry.get(key, [])
            if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
                raise ValueError(f"{self._place}: {key} is not a list of names")
            found.update(listed)
        return frozenset(found)

    def _text(self, key: str) -> str:
        value = self._entry.get(key, "")
        if not isinstance(value, str):
            raise ValueError(f"{self._place}: {key} is not a text")
        return self._filled(value)

    def _texts(self, key: str) -> tuple[tuple[str, str], ...]:
        value = self._entry.get(key) or {}
        if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
            raise ValueError(f"{self._place}: {key} is not an object of texts")
        return tuple((name, self._filled(text)) for name, text in value.items())

    def _filled(self, text: str) -> str:
        """*text* with its `${NAME}` and `${NAME:-default}` replaced by what the environment says."""

        def value(found: re.Match[str]) -> str:
            said = self._environ.get(found[1], found[2])
            if said is None:
                raise ValueError(f"{self._place}: the environment has no {found[1]}")
            return said

        return _VARIABLE.sub(value, text)
