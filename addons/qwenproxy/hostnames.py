"""Names of hosts: their plain form, which of them are this machine, and patterns that stand for many."""

import re
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

_LABEL = "[a-z0-9_-]+"
_AUTHORITY = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::[0-9]*)?")
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def plain(host: str) -> str:
    """*host* in lower case, without port, brackets and the root's dot; an IPv6 address may come without brackets."""
    name = host.strip()
    if name.isascii():  # else the Kelvin sign would become a k
        name = name.lower()
    if parts := _AUTHORITY.fullmatch(name):
        name = parts[1] or parts[2] or ""
    return name.removesuffix(".")


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether *host* is this machine and no other: an address of the loopback, or a name reserved for it (RFC 6761)."""
    name = plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def is_address(host: str) -> bool:
    """Whether *host* is an IP address rather than a name."""
    try:
        ip_address(plain(host))
    except ValueError:
        return False
    return True


def pattern(text: str) -> str:
    """*text* as a pattern: a name, `*.` and a name, or an IP address, without a port.  Raises ValueError."""
    name = text.strip().lower().removesuffix(".")
    with suppress(ValueError):
        return str(ip_address(name.removeprefix("[").removesuffix("]")))
    if not _NAME.fullmatch(name.removeprefix("*.")):
        raise ValueError("a name has letters, digits, dots and hyphens, no port, and * only as its first label")
    return name


def expression(of: str) -> str:
    """A regular expression, for case-insensitive use, of the plain names that the pattern *of* stands for.

    `*.` is one label or more.  ASCII only: else `ſ` would pass for s.
    """
    wild = f"(?:{_LABEL}\\.)+" if of.startswith("*.") else ""
    return f"(?a:{wild}{re.escape(of.removeprefix('*.'))})"


def stands_for(of: str, host: str) -> bool:
    """Whether *host* is one of the hosts that the pattern *of* stands for."""
    return re.fullmatch(expression(of), plain(host), re.IGNORECASE) is not None
