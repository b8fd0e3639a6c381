"""The proxy's own page, at `/` on reverse listeners; what programs ask is in `probes`."""

import time
from collections import deque
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path

from mitmproxy import ctx
from mitmproxy.proxy.mode_specs import RegularMode
from mitmproxy.utils import human

from qwenproxy import __version__, hostnames
from qwenproxy.exchange import Answer
from qwenproxy.flows import home
from qwenproxy.flows.readiness import readiness
from qwenproxy.flows.visits import Visit
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.service import Service
from qwenproxy.settings import Settings

SEEN = 20
"""Exchanges that the page tells of."""


class Local:
    """What is answered at the proxy's own paths, for one set of settings."""

    def __init__(self, settings: Settings, service: Service) -> None:
        self._keys = bool(settings.client_keys)
        self._service = service
        self._seen: deque[tuple[float, Record]] = deque(maxlen=SEEN)

    def note(self, record: Record) -> None:
        """Remember an exchange that has begun."""
        self._seen.appendleft((time.time(), record))

    def inherit(self, before: "Local") -> None:
        """Go on with what *before* has seen."""
        self._seen = before._seen

    async def answer(self, visit: Visit, headers: Mapping[str, str]) -> Answer | None:
        """The answer if *visit* is to one of these paths; else None."""
        request = visit.flow.request
        if request.method not in ("GET", "HEAD") or request.path.partition("?")[0] != "/":
            return None
        connection = visit.flow.client_conn
        host = request.host_header or human.format_address(connection.sockname)
        page = home.Home(
            version=__version__,
            base_url=f"{'https' if connection.tls else 'http'}://{host}/v1",
            proxies=proxies(hostnames.plain(host)),
            ca=certificate(),
            keys=self._keys,
            upstreams=() if self._keys else [upstream(line) for line in self._service.lines],
            models=() if self._keys else await self._models(headers),
            exchanges=() if self._keys else [told(at, record) for at, record in self._seen],
        )
        return Answer(200, dict(home.HEADERS), home.page(page))

    async def _models(self, headers: Mapping[str, str]) -> list[str]:
        offer = await self._service.offer(headers.get("user-agent", ""))
        return [model.id for model in offer.models()]


def proxies(called: str) -> list[str]:
    """The addresses at which this process is an HTTPS proxy; *called*: the host by which its visitor calls it."""
    return [
        proxy_url(address[0], address[1], called)
        for server in ctx.master.addons.get("proxyserver").servers
        if isinstance(server.mode, RegularMode)
        for address in server.listen_addrs[:1]
    ]


def proxy_url(host: str, port: int, called: str) -> str:
    """The address of a proxy that listens at *host*; one that listens everywhere does so where it is *called*."""
    shown = called if ip_address(host).is_unspecified else host
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def certificate() -> str:
    """The file of the certificate that clients of the HTTPS proxy have to trust."""
    return str(Path(ctx.options.confdir).expanduser() / "mitmproxy-ca-cert.pem")


def upstream(line: Line) -> home.Upstream:
    """How things are with *line*; no secret."""
    found = readiness(line)
    state, well = ": ".join(filter(None, (found.state, found.next))), found.ready
    if well and line.rests_until > time.monotonic():
        state, well = "put aside for a while: it has refused calls", False
    return home.Upstream(line.upstream.base_url, line.credential.name, state, well)


def told(at: float, record: Record) -> dict[str, object]:
    """What the page tells of an exchange that began at *at* (seconds since 1970)."""
    return {"time": time.strftime("%H:%M:%S", time.localtime(at)), **record.facts()}
