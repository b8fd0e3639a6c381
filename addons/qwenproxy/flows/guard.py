"""Options of mitmproxy that would open a way past the proxy: found before the first connection, and refused."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from mitmproxy.options import Options
from mitmproxy.proxy import mode_specs

from qwenproxy import hostnames
from qwenproxy.flows.hosts import Hosts
from qwenproxy.state import place

TARGET = "https://api.openai.com"
PLAIN_TARGET = "http://api.openai.com:443"
"""The same without mitmproxy's UDP listener for HTTP/3; takes TLS and plain connections."""

HOLES: Mapping[str, tuple[object, str]] = {
    "ignore_hosts": ([], "would let requests past the proxy, with the app's key"),
    "tcp_hosts": ([], "would relay requests unread, with the app's key"),
    "udp_hosts": ([], "would relay requests unread, with the app's key"),
    "rawtcp": (False, "would relay unread what does not look like HTTP at once, with the app's key"),
    "connection_strategy": ("lazy", "(eager) connects to OpenAI before the proxy can answer"),
    "stream_large_bodies": (None, "would send a request on before it can be translated"),
    "keep_host_header": (True, "(false) hides by which name the proxy was called: web pages could use it"),
    "proxy_debug": (False, "would write all that apps send into the log, their keys too"),
}
"""Options of mitmproxy -> the value that is safe, and what any other one would do."""

OWN_HOSTS = "is set by the proxy from its setting `hosts`; name further hosts there (QWENPROXY_HOSTS)"

OWN_FILES = ("save_stream_file", "hardump")
"""Options by which a process writes a file of its own."""

METHODS = (b"GET ", b"POST ", b"HEAD ", b"OPTIONS ", b"PUT ", b"PATCH ", b"DELETE ")
PORTS = {"http": 80, "https": 443}
LONGEST_LINE = 64 * 1024  # bytes; of the line that a request begins with

OWN_LISTENERS = (
    mode_specs.RegularMode,
    mode_specs.UpstreamMode,
    mode_specs.Socks5Mode,
    mode_specs.TransparentMode,
    mode_specs.ReverseMode,
)
"""Modes that take an app's connections on an address of this machine without a key of their own (as WireGuard has)."""


def modes(specs: Sequence[str]) -> list[mode_specs.ProxyMode]:
    """The modes that mitmproxy is to run; those it cannot read itself it refuses by itself."""
    found = []
    for spec in specs:
        try:
            found.append(mode_specs.ProxyMode.parse(spec))
        except ValueError:
            continue
    return found


def listen_addresses(specs: Sequence[str], default_host: str) -> list[str]:
    """The hosts on which apps can connect; "" is every interface."""
    hosts = (mode.listen_host(default_host) for mode in modes(specs) if isinstance(mode, OWN_LISTENERS))
    return list(dict.fromkeys(hosts))


def wrong_targets(specs: Sequence[str], hosts: Hosts) -> Iterator[str]:
    """A complaint for each reverse listener that stands in for anyone but OpenAI.

    mitmproxy applies `allow_hosts` before it sets up a reverse listener: any other target would be relayed raw.
    """
    for mode in modes(specs):
        if not isinstance(mode, mode_specs.ReverseMode):
            continue
        if mode.scheme not in ("http", "https") or not hosts.matches(mode.address[0]):
            yield (
                f"mode {mode.full_spec!r} would pass requests on to {mode.address[0]} as they are, with the app's key: "
                f"use reverse:{TARGET}@127.0.0.1:8080 (the target names whom the proxy stands in for; the upstream is "
                "the setting `upstream`)"
            )


def loops(specs: Sequence[str], upstream: str) -> Iterator[str]:
    """A complaint if *upstream* is a listener of ours: each request would ask for another one, without an end."""
    url = urlsplit(upstream)
    if not upstream or not hostnames.is_loopback(url.hostname or ""):
        return
    for mode in modes(specs):
        port = mode.listen_port() if isinstance(mode, OWN_LISTENERS) else None
        if port and port == (url.port or PORTS[url.scheme]):
            yield f"the upstream {upstream} is the proxy itself (mode {mode.full_spec!r}): name Qwen's address there"


def holes(options: Options, ours: Sequence[Sequence[str]]) -> Iterator[str]:
    """A complaint for each option by which a request could get past the proxy; *ours*: what `allow_hosts` may be."""
    if list(options.allow_hosts) not in ([], *map(list, ours)):
        yield f"allow_hosts {OWN_HOSTS}"
    for name in HOLES:
        if found := harm(name, getattr(options, name)):
            yield f"{name} {found}: remove it"


def harm(name: str, value: object) -> str:
    """What the option *name*, one of `HOLES`, would do as *value*; "" if it is safe."""
    safe, found = HOLES[name]
    return found if value != safe and (value or safe) else ""


def unshared(options: Options, state: str) -> str:
    """A complaint if several processes cannot share the work by *options* and the setting *state*; "" if they can."""
    wrong = [name for name in OWN_FILES if getattr(options, name, None)]
    wrong += ["state = memory"] if state == place.MEMORY else []
    return f"{', '.join(wrong)}: several workers cannot share it; leave --workers out" if wrong else ""


def undecided(data: bytes) -> bool:
    """Whether *data*, the first bytes of a connection, may begin a request whose host is not to be seen yet.

    mitmproxy decides all the same, by the address alone, and relays the rest unread.
    """
    if data[:1] == b"\x16":  # a record of TLS; with its version mitmproxy waits for all of the ClientHello
        return len(data) < 3
    begun = any(data.startswith(method) or method.startswith(data) for method in METHODS)
    return begun and data != b"" and b"\n" not in data and len(data) < LONGEST_LINE
