"""The rule of interception."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy import hostnames
from qwenproxy.flows.hosts import Hosts

DEFAULT = Hosts(["api.openai.com", "*.api.openai.com"])


@pytest.mark.parametrize(
    "host", ["api.openai.com", "API.OPENAI.COM:443", "api.openai.com.", "us.api.openai.com", "a.b.api.openai.com:8443"]
)
def test_the_hosts_of_the_setting_are_ours(host: str) -> None:
    assert DEFAULT.matches(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "openai.com",
        "chatgpt.com",
        "auth.openai.com",
        "api.openai.com.example.com",
        "myapi.openai.com",
        "mtls.api.openai.com",
        "MTLS.api.openai.com:443",
        "mtls-eu.api.openai.com",
        "api.openai.com:443@example.com",
    ],
)
def test_others_and_mtls_never_are(host: str) -> None:
    assert not DEFAULT.matches(host)


def test_without_hosts_nothing_is_ours() -> None:
    assert not Hosts([]).matches("api.openai.com")
    assert not Hosts([]).matches("")
    assert Hosts([]).allow_hosts() == []


def allowed(hosts: Hosts, place: str) -> bool:
    """As mitmproxy applies its option `allow_hosts` to "host:port"."""
    return any(re.search(expression, place, re.IGNORECASE) for expression in hosts.allow_hosts())


@pytest.mark.parametrize(
    ("place", "yes"),
    [
        ("api.openai.com:443", True),
        ("api.openai.com.:443", True),
        ("eu.API.openai.com:8443", True),
        ("xapi.openai.com:443", False),
        ("api.openai.com:443.example.com:443", False),
        ("api.openai.com:443\n", False),
        ("mtls.api.openai.com:443", False),
        ("chatgpt.com:443", False),
        ("104.18.0.1:443", False),
    ],
)
def test_allow_hosts_lets_mitmproxy_decrypt_ours_only(place: str, yes: bool) -> None:
    assert allowed(DEFAULT, place) == yes


LABELS = st.sampled_from(
    ["a", "b-c", "api", "openai", "com", "mtls", "mtls-eu", "K", "\u212a", "ſ", "*", "", "x y", "\n", "1"]
)
NAMES = st.lists(LABELS, max_size=5).map(".".join)
PATTERNS = st.lists(
    st.lists(st.sampled_from(["a", "b-c", "api", "k", "s", "com", "1"]), min_size=1, max_size=3).map(".".join),
    max_size=3,
).flatmap(lambda names: st.tuples(*(st.sampled_from([name, f"*.{name}"]) for name in names)))


def ours(patterns: tuple[str, ...], name: str) -> bool:
    """The rule in plain words."""
    name = name.removesuffix(".")
    labels = name.split(".")
    if (
        not name.isascii()
        or name.lower().startswith("mtls")
        or not all(re.fullmatch(r"[\w-]+", label) for label in labels)
    ):
        return False
    return any(
        name.lower().endswith(pattern[1:]) if pattern.startswith("*.") else name.lower() == pattern
        for pattern in patterns
    )


@given(PATTERNS, NAMES, st.sampled_from(["", "."]), st.integers(0, 65535))
def test_both_forms_of_the_rule_agree(patterns: tuple[str, ...], name: str, dot: str, port: int) -> None:
    hosts = Hosts(map(hostnames.pattern, patterns))
    expected = ours(patterns, name + dot)
    assert hosts.matches(f"{name}{dot}:{port}") == expected
    assert allowed(hosts, f"{name}{dot}:{port}") == expected


@pytest.mark.parametrize("place", ["::1:443", "[::1]:443"])
def test_an_ipv6_address_is_ours_in_both_spellings(place: str) -> None:
    assert allowed(Hosts(["::1"]), place)
    assert Hosts(["::1"]).matches("::1")
    assert Hosts(["::1"]).matches("[::1]:443")
