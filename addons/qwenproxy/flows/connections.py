"""How many connections of apps there may be, in all and from one address."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address, ip_address
from math import inf

from mitmproxy import ctx
from mitmproxy.connection import Client
from mitmproxy.proxy.mode_specs import ReverseMode
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.utils import asyncio_utils

from qwenproxy.settings.limits import LimitSettings

log = logging.getLogger(__name__)

TOLD_EVERY = 60.0  # s


class Connections:
    """Those that are open: half of the files that the process may have open at most, as each may need another one.

    *on_limit* is called with the name of the setting whose limit was hit."""

    def __init__(
        self,
        on_limit: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
        files: Callable[[], float] | None = None,
    ) -> None:
        """*files*: how many files the process may have open."""
        self._on_limit = on_limit
        self._files = files or files_allowed
        self._clock = clock
        self._origins: dict[str, str] = {}
        self._of: Counter[str] = Counter()
        self._told = float("-inf")
        self._silent: dict[str, asyncio.TimerHandle] = {}
        """Those of which nothing is known yet, and when they have been so for too long."""

    def admit(self, client: Client, settings: LimitSettings) -> None:
        """Let *client* in, or turn it away if there are too many; on a reverse listener it has to speak HTTP soon."""
        complaint = self.enter(client.id, client.peername[0], settings)
        if complaint:
            client.error = complaint
        elif settings.head_timeout and isinstance(client.proxy_mode, ReverseMode):
            self.expect(client.id, settings.head_timeout, partial(close, handler_of(client)))

    def dismiss(self, client: Client) -> None:
        """*client* has gone."""
        self.leave(client.id)
        shut(handler_of(client))

    def enter(self, connection: str, address: str, settings: LimitSettings) -> str:
        """Count the *connection* (its id) from *address*; why it is not let in, if it is not."""
        origin = origin_of(address)
        limits = {
            "connections": (min(settings.connections or inf, self._files() // 2), len(self._origins)),
            "client_connections": (settings.client_connections, self._of[origin]),
        }
        for name, (most, found) in limits.items():
            if most and found >= most:
                self._on_limit(name)
                complaint = f"{found} connections are open, and no more are let in (setting {name})"
                self._tell(f"from {origin}, {complaint}" if name == "client_connections" else complaint)
                return complaint
        self._origins[connection] = origin
        self._of[origin] += 1
        return ""

    def expect(self, connection: str, seconds: float, close: Callable[[], object]) -> None:
        """Have the *connection* closed by *close* unless it turns out to speak HTTP in so many *seconds*."""

        def give_up() -> None:
            del self._silent[connection]
            self._on_limit("head_timeout")
            close()

        self._silent[connection] = asyncio.get_running_loop().call_later(seconds, give_up)

    def speaks(self, connection: str) -> None:
        """It is known by now, and bounded by its own layer."""
        timer = self._silent.pop(connection, None)
        if timer is not None:
            timer.cancel()

    def leave(self, connection: str) -> None:
        """It is closed; one that was not let in does not count."""
        self.speaks(connection)
        origin = self._origins.pop(connection, None)
        if origin is None:
            return
        self._of[origin] -= 1
        if not self._of[origin]:
            del self._of[origin]

    def _tell(self, complaint: str) -> None:
        """One line a minute: whoever knocks fast must not fill the log as well."""
        if self._clock() - self._told >= TOLD_EVERY:
            self._told = self._clock()
            log.warning("%s", complaint)


def files_allowed() -> float:
    """How many files the process may have open."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return inf
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def origin_of(address: str) -> str:
    """Who counts as one: an IPv4 address, or the /64 of an IPv6 one, which one household has."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return address
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return f"{IPv6Address(int(ip) >> 64 << 64)}/64"


def handler_of(client: Client) -> ConnectionHandler | None:
    """mitmproxy's end of a connection of an app."""
    found: ConnectionHandler | None = ctx.master.addons.get("proxyserver").connections.get(client.id)
    return found


def close(handler: ConnectionHandler | None) -> None:
    """End a connection of an app, as mitmproxy does when its time is up."""
    if handler is not None:
        asyncio_utils.create_task(handler.on_timeout(), name="close a connection", keep_ref=True)


def shut(handler: ConnectionHandler | None) -> None:
    """Close what mitmproxy leaves open when a connection is ended just as it has data to take: nobody else would."""
    io = None if handler is None else handler.transports.get(handler.client)
    if io is not None and io.writer is not None:
        io.writer.close()
