"""Which addresses are everybody's."""

import pytest

from qwenproxy.tools.addresses import is_odd, is_public

INSIDE = {
    "0.0.0.0": "unspecified",
    "10.1.2.3": "private",
    "100.64.0.1": "shared",
    "100.100.100.200": "metadata of Alibaba Cloud",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "the host below a machine of Azure's",
    "169.254.169.254": "metadata of most clouds",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.2.1": "documentation",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "239.1.1.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "compatible",
    "::ffff:127.0.0.1": "mapped",
    "::ffff:10.0.0.1": "mapped",
    "::ffff:7f00:1": "mapped",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::10.0.0.1": "NAT64",
    "64:ff9b:1::1": "local NAT64",
    "2001:0:7f00:1::1": "Teredo",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a00:1::1": "6to4",
    "fc00::1": "private",
    "fd12:3456::1": "private",
    "fe80::1": "link",
    "fe80::1%eth0": "link, with a zone",
    "fec0::1": "site",
    "ff02::1": "multicast",
    "localhost": "no address",
    "": "no address",
}


@pytest.mark.parametrize("address", INSIDE, ids=[f"{address}, {why}" for address, why in INSIDE.items()])
def test_what_leads_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


ODD = ["2130706433", "0x7f000001", "0x7f.1", "127.1", "0177.0.0.1", "127.0.1", "0", "1.2.3.4.5", "256.1.1.1", "1."]


@pytest.mark.parametrize("host", ODD)
def test_a_number_that_a_resolver_would_read_as_an_address_is_odd(host: str) -> None:
    assert is_odd(host)


@pytest.mark.parametrize("host", ["example.com", "1.1.1.1", "::1", "1and1.com", "x.1a", "3com", "0xdead.beef.example"])
def test_names_and_plain_addresses_are_not(host: str) -> None:
    assert not is_odd(host)
