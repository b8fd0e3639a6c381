"""Names of hosts."""

import pytest

from qwenproxy import hostnames


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("api.openai.com", "api.openai.com"),
        ("API.OpenAI.com:443", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        ("api.openai.com.:443", "api.openai.com"),
        ("localhost:", "localhost"),
        (" localhost ", "localhost"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("[FE80::1]:8080", "fe80::1"),
        ("", ""),
        ("localhost:8080@evil.example", "localhost:8080@evil.example"),
        ("[::1].evil.example", "[::1].evil.example"),
        ("localhost:evil", "localhost:evil"),
    ],
)
def test_the_plain_name_is_without_port_brackets_and_case(host: str, name: str) -> None:
    assert hostnames.plain(host) == name


LOOPBACK = [
    "localhost",
    "LOCALHOST:8080",
    "localhost.",
    "app.localhost:1",
    "127.0.0.1",
    "127.255.0.9:80",
    "::1",
    "[::1]:8",
]
REMOTE = [
    "",
    "*",
    "0.0.0.0",
    "::",
    "192.168.1.2",
    "localhost.example.com",
    "notlocalhost",
    "127.0.0.1.example.com",
    "127.1",
]


@pytest.mark.parametrize("host", [*LOOPBACK, "::ffff:127.0.0.1", "[::ffff:7f00:1]:80"])
def test_loopback_is_this_machine(host: str) -> None:
    assert hostnames.is_loopback(host)


@pytest.mark.parametrize("host", [*REMOTE, "::ffff:192.168.1.2", "localhost@example.com", "localhost:80@example.com"])
def test_all_else_is_not_loopback(host: str) -> None:
    assert not hostnames.is_loopback(host)


@pytest.mark.parametrize(
    ("host", "yes"), [("10.0.0.1:80", True), ("[::1]:80", True), ("a.example", False), ("", False)]
)
def test_addresses_are_told_from_names(host: str, yes: bool) -> None:
    assert hostnames.is_address(host) == yes


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        (" API.OpenAI.com. ", "api.openai.com"),
        ("*.Example.com", "*.example.com"),
        ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("10.0.0.1", "10.0.0.1"),
        ("[0:0::1]", "::1"),
        ("::1", "::1"),
    ],
)
def test_a_pattern_has_one_form(text: str, pattern: str) -> None:
    assert hostnames.pattern(text) == pattern


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "*.",
        "*example.com",
        "a.*.com",
        "a..b",
        "a:443",
        "10.0.0.1:80",
        "[::1]:80",
        "https://a.example",
        "a b",
        "bücher.de",
    ],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a name has"):
        hostnames.pattern(text)


@pytest.mark.parametrize(
    ("pattern", "host", "yes"),
    [
        ("api.openai.com", "API.openai.com:443", True),
        ("api.openai.com", "api.openai.com.", True),
        ("api.openai.com", "us.api.openai.com", False),
        ("api.openai.com", "apixopenai.com", False),
        ("api.openai.com", "api.openai.com.evil.example", False),
        ("*.api.openai.com", "us.api.openai.com", True),
        ("*.api.openai.com", "a.b.api.openai.com", True),
        ("*.api.openai.com", "api.openai.com", False),
        ("*.api.openai.com", ".api.openai.com", False),
        ("*.api.openai.com", "evilapi.openai.com", False),
        ("kiosk.example", "\u212aiosk.example", False),  # the Kelvin sign is a k to a regular expression
        ("kiosk.example", "kio\u017fk.example", False),
        ("::1", "[::1]:443", True),
        ("10.0.0.1", "10.0.0.1:80", True),
    ],
)
def test_a_pattern_stands_for_a_name_or_all_below_it(pattern: str, host: str, yes: bool) -> None:
    assert hostnames.stands_for(pattern, host) == yes
