"""The rule of interception, as data: which hosts are ours, in words for us and for mitmproxy's `allow_hosts`."""

import re
from collections.abc import Iterable

from qwenproxy import hostnames

_NEVER = "(?!mtls)"
"""Hosts that want a client's certificate cannot be stood in for."""


class Hosts:
    """The hosts that *patterns* (as `hostnames.pattern` gives them) stand for, but never `mtls*`."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self._names = [_NEVER + hostnames.expression(pattern) for pattern in patterns]
        self._any = re.compile("|".join(self._names) or "(?!)", re.IGNORECASE)

    def matches(self, host: str) -> bool:
        """Whether *host*, with or without a port, is ours: a CONNECT host, a TLS server name or a Host header."""
        return self._any.fullmatch(hostnames.plain(host)) is not None

    def allow_hosts(self) -> list[str]:
        """The same for mitmproxy's `allow_hosts`, which searches each in "host:port", ignoring case.

        An IPv6 address comes bare there, or in brackets from a Host header.
        """
        return [rf"^\[?{name}\]?\.?:+\d+\Z" for name in self._names]
