"""Options of mitmproxy that would open a way past the proxy: found before the first connection, and refused."""

from collections.abc import Iterator, Sequence

from mitmproxy.proxy import mode_specs

from qwenproxy.flows.hosts import Hosts

TARGET = "https://api.openai.com"
PLAIN_TARGET = "http://api.openai.com:443"
"""The same without mitmproxy's UDP listener for HTTP/3; takes TLS and plain connections."""

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


def holes(
    *,
    allow_hosts: Sequence[str],
    ours: Sequence[str],
    ignore_hosts: Sequence[str],
    strategy: str,
    streaming: str | None,
) -> Iterator[str]:
    """A complaint for each option by which a request could get past the proxy."""
    if list(allow_hosts) not in ([], list(ours)):
        yield "allow_hosts is set by the proxy from its setting `hosts`; name further hosts there (QWENPROXY_HOSTS)"
    if ignore_hosts:
        yield "ignore_hosts would let requests past the proxy, with the app's key: remove it"
    if strategy != "lazy":
        yield "connection_strategy=eager connects to OpenAI before the proxy can answer: remove it (lazy is set)"
    if streaming:
        yield "stream_large_bodies would send a request on before it can be translated: remove it"
