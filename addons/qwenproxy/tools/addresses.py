"""Which addresses on the network are everybody's, and which lead inside: the ground of every check against SSRF."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

type Address = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address
_INSIDE = {IPv4Address("168.63.129.16")}
"""Public by its number, yet answered by the host below a virtual machine (Azure's)."""
_NUMERIC = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


def is_public(text: str) -> bool:
    """Whether *text*, an address in its plain form, is one of the open internet, whatever it carries inside."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(each) for each in _meant(address))


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved or address in _INSIDE:
        return False
    return not (isinstance(address, IPv6Address) and address.is_site_local)


def _meant(address: Address) -> Iterator[Address]:
    """*address*, and the IPv4 addresses that it carries: a tunnel ends at those; some only stand for one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None or address in _NAT64:
            yield IPv4Address(int(address) & 0xFFFFFFFF)
            return
        if address.sixtofour is not None:
            yield address.sixtofour
        if address.teredo is not None:
            yield from address.teredo
    yield address


def is_odd(host: str) -> bool:
    """Whether *host* is a number where a name should be: 2130706433, 0x7f.1, 127.1 and 0177.0.0.1 are all loopback.

    The rule by which browsers tell (WHATWG URL, "ends in a number"), without the plain dotted form.
    """
    try:
        ip_address(host)
    except ValueError:
        return _NUMERIC.fullmatch(host.removesuffix(".").rpartition(".")[2]) is not None
    return False
