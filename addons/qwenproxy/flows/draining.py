"""The end of a process without harm: no new connections, and time for the answers that are under way."""

import asyncio
import logging
import signal
from contextlib import suppress

from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy.mode_servers import AsyncioServerInstance

from qwenproxy.errors import STOPPING, ProxyError
from qwenproxy.flows import guard, under_way
from qwenproxy.flows.door import door
from qwenproxy.traffic import Traffic

log = logging.getLogger(__name__)

SILENCE = 2.0
"""Seconds without a byte after which a kept connection is closed: its next request is not on its way."""
GRACE = 2.0
"""Seconds in which the news that their answers are cut may reach the apps."""
TICK = 0.05  # s
AGAIN = 1.0  # s after which an app may ask again: another worker, or the proxy's successor


async def drain(server: Proxyserver, traffic: Traffic, limit: float, hurry: asyncio.Event) -> None:
    """Take no more connections, and wait up to *limit* seconds until all is answered; then cut the rest, and say so.

    Requests that still come on kept connections are answered, and told to come elsewhere with the next.  *hurry*: not
    to wait any longer for anything.
    """
    door.parting = traffic.draining = True
    await stop_listening(server)
    if traffic.under_way and not hurry.is_set():
        log.info("stopping: %d under way may take up to %g s", traffic.under_way, limit)
    if await is_empty(server, traffic, limit, SILENCE, hurry) or hurry.is_set():
        return
    if traffic.under_way:
        log.warning("cut after %g s (setting drain_timeout): %d under way", limit, traffic.under_way)
    for visit in under_way.visits(server):
        visit.fail(stopping(f"this answer was not complete after {limit:g} s (setting drain_timeout): ask again"))
    await is_empty(server, traffic, GRACE, 0.0, hurry)


def hurried_by_signals(hurry: asyncio.Event) -> None:
    """Have a signal, from now on, set *hurry*: it is the second one."""
    for name in (signal.SIGINT, signal.SIGTERM):
        with suppress(ValueError, RuntimeError, NotImplementedError):  # not the main thread; Windows
            asyncio.get_running_loop().add_signal_handler(name, hurry.set)


def stopping(more: str) -> ProxyError:
    """What apps are told, and *more*."""
    return ProxyError(STOPPING, f"the proxy is stopping: {more}", retry_after=AGAIN)


async def stop_listening(server: Proxyserver) -> None:
    """Take the connections that are waiting, and then no more."""
    for _ in range(2):
        await asyncio.sleep(0)  # the loop looks at its sockets once a turn
    for instance in list(server.servers):
        if isinstance(instance, AsyncioServerInstance) and isinstance(instance.mode, guard.OWN_LISTENERS):
            with suppress(AssertionError):  # it has not begun to listen
                await instance.stop()


async def is_empty(server: Proxyserver, traffic: Traffic, limit: float, silence: float, hurry: asyncio.Event) -> bool:
    """Whether all is over within *limit* seconds; idle connections are closed after *silence* seconds."""
    now = asyncio.get_running_loop().time
    deadline = now() + limit
    while True:
        under_way.close_idle(server, silence)
        for visit in under_way.visits(server):
            visit.part(stopping("connect again"))
        if not (traffic.under_way or under_way.open_ones(server)):
            return True
        if now() >= deadline or hurry.is_set():
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK):
                await hurry.wait()
