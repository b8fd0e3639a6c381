"""The proxies for HTTPS that an environment names."""

import pytest

from qwenproxy.commands.launch.addresses import ProxyAddress, named

CORP = ProxyAddress("http", "corp.example", 3128)
NAMED: dict[str, tuple[dict[str, str], list[ProxyAddress]]] = {
    "none": ({}, []),
    "empty": ({"HTTPS_PROXY": " "}, []),
    "one": ({"HTTPS_PROXY": "http://corp.example:3128/"}, [CORP]),
    "without a scheme": ({"HTTPS_PROXY": "corp.example:3128"}, [CORP]),
    "http's own port": ({"HTTPS_PROXY": "http://corp.example"}, [ProxyAddress("http", "corp.example", 80)]),
    "https' own port": ({"HTTPS_PROXY": "https://corp.example"}, [ProxyAddress("https", "corp.example", 443)]),
    "the same twice": ({"https_proxy": "http://corp.example:3128", "HTTPS_PROXY": "corp.example:3128"}, [CORP]),
    "lower case first, then those for everything": (
        {"HTTPS_PROXY": "a:1", "https_proxy": "b:2", "ALL_PROXY": "c:3"},
        [ProxyAddress("http", "b", 2), ProxyAddress("http", "a", 1), ProxyAddress("http", "c", 3)],
    ),
    "an IPv6 address": ({"HTTPS_PROXY": "http://[::1]:3128"}, [ProxyAddress("http", "::1", 3128)]),
    "with a password": (
        {"HTTPS_PROXY": "http://me:p%40ss@corp.example:3128"},
        [ProxyAddress("http", "corp.example", 3128, "me", "p@ss")],
    ),
    "of another kind": ({"HTTPS_PROXY": "socks5://corp.example:1080"}, []),
    "for plain HTTP": ({"HTTP_PROXY": "http://corp.example:3128"}, []),
    "a port that is none": ({"HTTPS_PROXY": "http://corp.example:port"}, []),
    "a host that is none": ({"HTTPS_PROXY": "http://[corp:1"}, []),
    "no host": ({"HTTPS_PROXY": "http://:3128"}, []),
}


@pytest.mark.parametrize(("environ", "found"), NAMED.values(), ids=NAMED.keys())
def test_proxies_are_read_as_clients_read_them(environ: dict[str, str], found: list[ProxyAddress]) -> None:
    assert list(named(environ)) == found


def test_a_password_is_not_shown() -> None:
    (found,) = named({"HTTPS_PROXY": "http://me:secret@[::1]:3128"})
    assert found.url == "http://[::1]:3128"
    assert "secret" not in repr(found)
