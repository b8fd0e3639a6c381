"""How far one gets to an upstream: name, connection, TLS, HTTP; each stage with its time.  No credential is sent."""

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any, Literal
from urllib.parse import urlsplit

from qwenproxy import hostnames
from qwenproxy.auth.client import tls_context
from qwenproxy.lines import USER_AGENT

type Stage = Literal["DNS", "TCP", "TLS", "HTTP"]
type Address = tuple[Any, ...]

FAULTS = (OSError, EOFError, UnicodeError, ValueError, asyncio.LimitOverrunError)
"""What a stage may raise; a time-out and all of TLS are OSErrors."""
BAD_DATE = (9, 10)  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED


@dataclass(slots=True)
class Reached:
    """How far it went."""

    stage: Stage = "DNS"
    """The last one that was tried."""
    times: dict[Stage, float] = field(default_factory=dict)
    """Seconds that each stage has taken that was passed."""
    error: str = ""
    """Why it went no further; "" if it went through."""
    bad_date: bool = False
    """The certificate is not valid at this time of this machine's clock."""
    status: int = 0
    headers: Message = field(default_factory=Message)
    at: float = 0.0
    """When the answer came, in seconds since 1970, by this machine's clock."""

    async def timed[T](self, stage: Stage, work: Awaitable[T], limit: float) -> T:
        """What *work* gives, within *limit* seconds.  Raises TimeoutError."""
        self.stage = stage
        began = time.monotonic()
        async with asyncio.timeout(limit):
            found = await work
        self.times[stage] = time.monotonic() - began
        return found


async def reach(
    base_url: str,
    limit: float,
    context: Callable[[], ssl.SSLContext] = tls_context,
    now: Callable[[], float] = time.time,
) -> Reached:
    """Go to *base_url*, *limit* seconds for each stage.  Never raises."""
    url = urlsplit(base_url)
    host, port = url.hostname or "", url.port or (443 if url.scheme == "https" else 80)
    found = Reached()
    try:
        addresses: list[Address] = [(host, port)]
        if not hostnames.is_address(host):
            addresses = await found.timed("DNS", resolve(host, port), limit)
        reader, writer = await found.timed("TCP", connect(addresses), limit)
        try:
            if url.scheme == "https":
                await found.timed("TLS", writer.start_tls(context(), server_hostname=host), limit)
            asked = _ask(reader, writer, url.netloc.rpartition("@")[2], f"{url.path}/models")
            found.status, found.headers = await found.timed("HTTP", asked, limit)
        finally:
            writer.transport.abort()
        found.at = now()
    except FAULTS as e:
        found.error = reason(e, limit)
        found.bad_date = isinstance(e, ssl.SSLCertVerificationError) and e.verify_code in BAD_DATE
    return found


async def resolve(host: str, port: int) -> list[Address]:
    """The addresses of *host*.  Raises OSError.

    Not in asyncio's pool of threads, whose end is waited for: a resolver may take minutes.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[Address]] = loop.create_future()

    def settle(addresses: list[Address], error: Exception | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def work() -> None:
        error: Exception | None = None
        addresses: list[Address] = []
        try:
            addresses = [each[4] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as e:
            error = e
        with suppress(RuntimeError):  # the loop is over: nobody waits any more
            loop.call_soon_threadsafe(settle, addresses, error)

    threading.Thread(target=work, daemon=True).start()
    return await found


async def connect(addresses: Sequence[Address]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first of *addresses* that takes one.  Raises OSError."""
    for address in addresses[:-1]:
        with suppress(OSError):
            return await asyncio.open_connection(address[0], address[1])
    return await asyncio.open_connection(addresses[-1][0], addresses[-1][1])


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> tuple[int, Message]:
    """Status and headers of the answer to a request without credential.  Raises ValueError if it is not HTTP."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", f"User-Agent: {USER_AGENT}", "Accept: */*", "Connection: close")
    writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode())
    await writer.drain()
    first = await reader.readline()
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/") or not rest[:3].isdigit():
        raise ValueError("what answers does not speak HTTP" if first else "the connection was closed without an answer")
    head = await reader.readuntil(b"\r\n\r\n")
    return int(rest[:3]), BytesHeaderParser().parsebytes(head)


def reason(error: BaseException, limit: float) -> str:
    """What went wrong, in few words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {limit:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return f"no TLS ({(error.reason or 'it was refused').replace('_', ' ').lower()})"
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name is not known"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
