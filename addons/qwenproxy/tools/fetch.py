"""The built-in tool that fetches a URL: from hosts that the operator named, at public addresses, text only.

Every hop of a redirect is checked like the first.  A name is resolved once, all of its addresses are looked at, and the
connection goes to those addresses and no others: a name that changes its mind in between changes nothing.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from qwenproxy import hostnames
from qwenproxy.auth.client import tls_context
from qwenproxy.tools import addresses
from qwenproxy.tools.html_text import text_of
from qwenproxy.tools.tool import ToolError

HOPS = 5
LARGEST = 1 << 20
"""Bytes of a body that are read; the rest is left."""
CONNECT = 10.0
PORTS = frozenset({80, 443})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
LONGEST = 2_048

_TEXT = re.compile(r"text/|application/(?:[\w.-]+\+)?(?:json|xml|yaml|javascript|x-ndjson)$")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_HEADERS = {
    "user-agent": "qwenproxy",
    "accept": "text/*, application/json, application/xml;q=0.9, */*;q=0.1",
    "accept-encoding": "identity",  # what is packed could be of any size
}

type Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of *host*, as the system finds them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


@dataclass(frozen=True, slots=True)
class Fence:
    """What may be reached."""

    hosts: tuple[str, ...]
    """Patterns of host names."""
    is_public: Callable[[str], bool] = addresses.is_public
    ports: frozenset[int] = PORTS
    resolve: Resolve = resolved

    def check(self, url: str) -> SplitResult:
        """The parts of *url*, if one may go there.  Raises ToolError."""
        if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise ToolError("that is no URL: it has to be ASCII, without spaces and backslashes, and not too long")
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError:
            raise ToolError("that is no URL") from None
        host = parts.hostname or ""
        if parts.scheme not in ("http", "https") or not host:
            raise ToolError("only http:// and https:// URLs can be fetched")
        if "@" in parts.netloc:
            raise ToolError("a URL with a user name or password is not fetched")
        if port not in self.ports:
            raise ToolError(f"port {port} is not allowed")
        self._check_host(host)
        return parts

    def _check_host(self, host: str) -> None:
        if addresses.is_odd(host) or not any(hostnames.stands_for(pattern, host) for pattern in self.hosts):
            raise ToolError(f"the host {host[:100]} is not one of those allowed: {', '.join(self.hosts)}")
        if hostnames.is_address(host):
            self._check_address(host, host)

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Where *host* is, if all of it is public.  Raises ToolError."""
        try:
            found = await self.resolve(host, port)
        except (OSError, UnicodeError):
            raise ToolError(f"the host {host} has no address") from None
        for address in found:
            self._check_address(address, host)
        return found

    def _check_address(self, address: str, host: str) -> None:
        if not self.is_public(address):
            raise ToolError(f"the host {host} is at an address that is not public; that is not allowed")


class Fenced(AbstractResolver):
    """What aiohttp resolves names with: nothing but checked addresses comes out of it."""

    def __init__(self, fence: Fence) -> None:
        self._fence = fence

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            found = await self._fence.addresses(host, port)
        except ToolError as error:
            raise Refused(str(error)) from None
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


class Refused(OSError):
    """A refusal on its way through aiohttp, which takes an OSError from a resolver."""


class Fetcher:
    """Fetches what *fence* lets through."""

    def __init__(self, fence: Fence, *, largest: int = LARGEST) -> None:
        self._fence = fence
        self._largest = largest

    async def fetch(self, url: str) -> str:
        """The text at *url*, after its redirects; of a web page, its words.  Raises ToolError."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=Fenced(self._fence), ssl=tls_context(), use_dns_cache=False, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        ) as session:
            try:
                return await self._followed(session, url)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise ToolError(told(error)) from None

    async def _followed(self, session: aiohttp.ClientSession, url: str) -> str:
        for _ in range(HOPS + 1):
            before = self._fence.check(url)
            async with session.get(url, allow_redirects=False) as response:
                location = response.headers.get("location")
                if response.status not in REDIRECTS or location is None:
                    return await self._body(response)
            url = urljoin(url, location).partition("#")[0]
            if before.scheme == "https" and urlsplit(url).scheme == "http":
                raise ToolError("it redirects from https to http; that is not followed")
        raise ToolError(f"it redirects more than {HOPS} times")

    async def _body(self, response: aiohttp.ClientResponse) -> str:
        type_ = response.headers.get("content-type", "text/plain")
        kind = type_.partition(";")[0].strip().lower()
        if not _TEXT.match(kind):
            raise ToolError(f"it is no text but {kind[:100]}")
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise ToolError("it is packed, though that was not asked for")
        data, is_whole = await self._read(response)
        charset = _CHARSET.search(type_)
        text = decoded(data, charset[1] if charset else "utf-8")
        if "html" in kind:
            text = await asyncio.to_thread(text_of, text)
        status = "" if response.status == 200 else f"[HTTP status {response.status}]\n"
        return f"{status}{text}" + ("" if is_whole else f"\n[cut here: only {self._largest >> 10} KiB are read]")

    async def _read(self, response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """The body, up to its largest size, and whether that is all of it."""
        data = bytearray()
        async for piece in response.content.iter_any():
            data += piece
            if len(data) > self._largest:
                return bytes(data[: self._largest]), False
        return bytes(data), True


def decoded(data: bytes, charset: str) -> str:
    """*data* as text; what *charset* cannot read is marked."""
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def told(error: BaseException) -> str:
    """Why it could not be fetched: a refusal in its own words."""
    cause: Any = error
    while cause is not None:
        if isinstance(cause, Refused):
            return str(cause)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return f"it could not be fetched: {type(error).__name__}"
