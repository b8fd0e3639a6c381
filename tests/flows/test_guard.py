"""Options by which a request could get past the proxy."""

import re
from typing import Any

import pytest
from mitmproxy.addons import next_layer, proxyserver, save, savehar
from mitmproxy.options import Options
from mitmproxy.test import taddons

from qwenproxy.flows import guard
from qwenproxy.flows.hosts import Hosts

HOSTS = Hosts(["api.openai.com", "*.api.openai.com"])
OURS = (HOSTS.allow_hosts(), ["an older rule"])

WAYS: list[tuple[str, Any]] = [
    ("ignore_hosts", ["example.com"]),
    ("tcp_hosts", ["example.com"]),
    ("udp_hosts", ["example.com"]),
    ("rawtcp", True),
    ("connection_strategy", "eager"),
    ("stream_large_bodies", "1m"),
    ("keep_host_header", False),
    ("proxy_debug", True),
    ("allow_hosts", ["example.com"]),
    ("allow_hosts", [".*"]),
    ("allow_hosts", [*OURS[0], "example.com"]),
]


def complaints(**options: Any) -> list[str]:
    with taddons.context(proxyserver.Proxyserver(), next_layer.NextLayer()) as context:
        context.options.update(rawtcp=False, connection_strategy="lazy", keep_host_header=True)
        context.options.update(**options)
        found: Options = context.options
        return list(guard.holes(found, OURS))


def test_safe_options_draw_no_complaint() -> None:
    assert complaints() == []


@pytest.mark.parametrize(("option", "value"), WAYS)
def test_an_option_that_opens_a_way_is_named_with_what_to_do(option: str, value: Any) -> None:
    (complaint,) = complaints(**{option: value})
    assert complaint.startswith(option)
    assert re.search("remove it|name further hosts", complaint)


def test_each_hole_is_tried_here() -> None:
    assert {option for option, _ in WAYS} == {"allow_hosts", *guard.HOLES}


@pytest.mark.parametrize("value", [[], *OURS])
def test_the_rule_of_interception_may_be_the_one_that_was_and_the_one_that_will_be(value: list[str]) -> None:
    assert complaints(allow_hosts=value) == []


UNSHARED = [
    ({}, "", ""),
    ({}, "/a/file", ""),
    ({"hardump": "flows.har"}, "off", "hardump"),
    ({}, "memory", "state = memory"),
]


@pytest.mark.parametrize(("options", "state", "wrong"), UNSHARED)
def test_what_several_workers_cannot_share_is_named(options: dict[str, str], state: str, wrong: str) -> None:
    with taddons.context(proxyserver.Proxyserver(), save.Save(), savehar.SaveHar()) as context:
        context.options.update(**options)
        found = guard.unshared(context.options, state)
    assert found == (f"{wrong}: several workers cannot share it; leave --workers out" if wrong else "")


def test_an_empty_list_is_no_hole() -> None:
    assert complaints(ignore_hosts=(), tcp_hosts=[]) == []


@pytest.mark.parametrize(
    "spec",
    [
        "regular",
        "regular@8080",
        "socks5",
        "transparent",
        "upstream:http://proxy.example:3128",
        "wireguard",
        "reverse:https://api.openai.com",
        "reverse:http://api.openai.com:443@127.0.0.1:8080",
        "reverse:https://us.api.openai.com",
        "reverse:https://API.OpenAI.com./@8080",
    ],
)
def test_a_mode_that_stands_in_for_openai_is_fine(spec: str) -> None:
    assert list(guard.wrong_targets([spec], HOSTS)) == []


@pytest.mark.parametrize(
    "spec",
    [
        "reverse:https://portal.qwen.ai@8080",
        "reverse:https://mtls.api.openai.com",
        "reverse:https://127.0.0.1:9",
        "reverse:https://api.openai.com.example.com",
        "reverse:tls://api.openai.com:443",
        "reverse:tcp://api.openai.com:443",
        "reverse:http3://api.openai.com",
        "reverse:quic://api.openai.com",
        "reverse:udp://api.openai.com:443",
        "reverse:dns://api.openai.com",
    ],
)
def test_a_reverse_listener_for_another_target_or_protocol_is_not(spec: str) -> None:
    (complaint,) = guard.wrong_targets(["regular", spec], HOSTS)
    assert spec in complaint
    assert f"use reverse:{guard.TARGET}@" in complaint


def test_a_mode_that_mitmproxy_cannot_read_is_left_to_it() -> None:
    assert list(guard.wrong_targets(["reverse", "nonsense"], HOSTS)) == []
    assert guard.listen_addresses(["reverse", "nonsense"], "") == []


@pytest.mark.parametrize(
    ("spec", "default", "addresses"),
    [
        ("regular", "", [""]),
        ("regular", "127.0.0.1", ["127.0.0.1"]),
        ("regular@8080", "", [""]),
        ("regular@127.0.0.1:8080", "", ["127.0.0.1"]),
        ("regular@0.0.0.0:8080", "127.0.0.1", ["0.0.0.0"]),
        ("socks5@[::1]:1080", "", ["[::1]"]),
        ("transparent", "", [""]),
        ("upstream:http://proxy.example:3128@8080", "", [""]),
        ("reverse:https://api.openai.com@8080", "", [""]),
        ("wireguard", "", []),
        ("dns@0.0.0.0:53", "", []),
    ],
)
def test_where_apps_can_connect(spec: str, default: str, addresses: list[str]) -> None:
    assert guard.listen_addresses([spec], default) == addresses


@pytest.mark.parametrize(
    "data", [b"P", b"PO", b"POST", b"POST ", b"POST /v1 HTTP/1.1", b"POST /v1 HTTP/1.1\r", b"\x16"]
)
def test_a_request_or_a_handshake_that_has_only_begun_is_undecided(data: bytes) -> None:
    assert guard.undecided(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16\x03\x01",
        b"POST /v1 HTTP/1.1\r\n",
        b"PROXY TCP4",
        b"HELO example.com\r\n",
        b"SSH-2.0-OpenSSH",
        b"\x05\x01\x00",
        b"\x00",
        b"post",
        b"GET " + bytes(70_000),
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_clear_or_cannot_be_ours_is_not_held_up(data: bytes) -> None:
    assert not guard.undecided(data)


REVERSE = "reverse:http://api.openai.com:443@127.0.0.1:8080"


@pytest.mark.parametrize(
    ("upstream", "itself"),
    [
        ("http://127.0.0.1:8080/v1", True),
        ("http://localhost:8080/v1", True),
        ("http://[::1]:8081/v1", True),
        ("http://127.0.0.1:8090/v1", False),
        ("http://127.0.0.1/v1", False),
        ("https://qwen.example:8080/v1", False),
        ("", False),
    ],
)
def test_an_upstream_that_is_the_proxy_itself_is_refused(upstream: str, itself: bool) -> None:
    found = list(guard.loops([REVERSE, "regular@8081", "dns@53"], upstream))
    assert len(found) == itself
    assert all("is the proxy itself" in complaint for complaint in found)
