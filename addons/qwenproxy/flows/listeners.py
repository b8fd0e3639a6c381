"""Which requests are addressed to this proxy itself, whatever name it stands in for."""

from mitmproxy import http
from mitmproxy.proxy.mode_specs import RegularMode, ReverseMode

from qwenproxy import hostnames

PROBES = ("/healthz", "/readyz", "/metrics")
"""The paths at which other programs ask how the proxy is."""


def is_local(flow: http.HTTPFlow) -> bool:
    """Whether *flow* is addressed to this proxy: on a reverse listener, or one of `PROBES` at that of a proxy."""
    mode = flow.client_conn.proxy_mode
    return isinstance(mode, ReverseMode) or (
        isinstance(mode, RegularMode) and is_probe(flow.request.path) and _is_own_address(flow)
    )


def is_probe(path: str) -> bool:
    """Whether *path*, with its query if it has any, is one of these."""
    return path.partition("?")[0] in PROBES


def _is_own_address(flow: http.HTTPFlow) -> bool:
    own, port = flow.client_conn.sockname[:2]
    request = flow.request
    if request.port != port:
        return False
    host = hostnames.plain(request.host)
    return host == hostnames.plain(own) or (hostnames.is_loopback(host) and hostnames.is_loopback(own))
