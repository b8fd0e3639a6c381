"""Who is let in: the rule of interception, and how large a request may be."""

from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy import http
from mitmproxy.proxy import mode_specs

from qwenproxy import errors, hostnames
from qwenproxy.errors import ProxyError
from qwenproxy.flows import listeners
from qwenproxy.flows.hosts import Hosts

NO_RELAY = ProxyError(
    errors.FORBIDDEN,
    "for other machines this proxy answers OpenAI's hosts (setting hosts) and relays nothing else: name the others in "
    "NO_PROXY, or set mitmproxy's option proxyauth",
)
SHED = 5.0  # s after which a client may try again when too much is held


@dataclass
class Door:
    """What is let in: the rule of interception, kept here so that it outlives the script that set it."""

    hosts: Hosts
    body_limit: int
    buffer_limit: int = 0
    """Bytes of request bodies that are held at the same time; 0: any number."""
    buffered: int = 0
    authenticates: bool = False
    """mitmproxy asks the users of its proxies for a password (its option `proxyauth`)."""
    parting: bool = False
    """The process is about to end: what is under way may end, apps are told to come elsewhere with what comes next."""
    hears: Callable[[str], bool] = lambda name: True
    """Whether any addon may want the hook of that name: to tell of one takes a task, a lock and a way through all
    layers."""

    def owns(self, flow: http.HTTPFlow) -> bool:
        """Whether *flow* is ours: addressed to us, or to OpenAI: by target (the CONNECT host), server name or Host."""
        if listeners.is_local(flow):
            return True
        request = flow.request
        names = (request.host, flow.client_conn.sni, request.host_header, request.authority)
        return any(name and self.hosts.matches(name) for name in names)

    def relays(self, flow: http.HTTPFlow) -> bool:
        """Whether a request that is not ours may go on: for other machines we are no way to the hosts that we reach."""
        connection = flow.client_conn
        as_proxy = isinstance(connection.proxy_mode, mode_specs.RegularMode | mode_specs.UpstreamMode)
        return not as_proxy or self.authenticates or hostnames.is_loopback(connection.peername[0])

    def too_much(self, size: int) -> ProxyError | None:
        """Why a request's body of *size* bytes is not taken, if it is not."""
        if size > self.body_limit:
            message = f"the request body is larger than {self.body_limit} bytes (setting body_limit)"
            return ProxyError(errors.PAYLOAD_TOO_LARGE, message, limit="body_limit")
        if self.buffer_limit and self.buffered > self.buffer_limit:
            message = f"the proxy holds request bodies of {self.buffer_limit} bytes in all (setting buffer_limit)"
            return ProxyError(errors.BUSY, message, retry_after=SHED, limit="buffer_limit")
        return None


door = Door(Hosts(["api.openai.com", "*.api.openai.com"]), body_limit=64 * 1024 * 1024)


def declared_size(request: http.Request) -> int:
    """The body's length by its header, in bytes; 0 if there is none that can be read."""
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else 0
