"""Which requests are addressed to this proxy itself, whatever name it stands in for."""

from mitmproxy import http
from mitmproxy.proxy.mode_specs import RegularMode, ReverseMode

from qwenproxy import hostnames


def is_local(flow: http.HTTPFlow) -> bool:
    """Whether the app calls this proxy by its own address: on a reverse listener, or at that of a proxy listener."""
    mode = flow.client_conn.proxy_mode
    return isinstance(mode, ReverseMode) or (isinstance(mode, RegularMode) and _is_own_address(flow))


def _is_own_address(flow: http.HTTPFlow) -> bool:
    own, port = flow.client_conn.sockname[:2]
    request = flow.request
    if request.port != port:
        return False
    host = hostnames.plain(request.host)
    return host == hostnames.plain(own) or (hostnames.is_loopback(host) and hostnames.is_loopback(own))
