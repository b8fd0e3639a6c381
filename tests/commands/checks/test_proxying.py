"""The proxy variables of the shell."""

import asyncio
from pathlib import Path

import pytest

from qwenproxy import hostnames
from qwenproxy.commands.checks import listeners, proxying
from qwenproxy.commands.checks.findings import Finding
from qwenproxy.commands.checks.listeners import Occupant
from qwenproxy.commands.checks.proxying import State
from qwenproxy.commands.launch.addresses import ProxyAddress
from qwenproxy.commands.run import free_port
from tests.support.processes import authority
from tests.support.proxy import REGULAR, REVERSE, proxy
from tests.support.upstream import upstream, whole

HOSTS = ("api.openai.com", "*.api.openai.com")
HERE, CORP = "http://127.0.0.1:8081", "http://corp.example:3128"


def found(environ: dict[str, str], state: State = "ours") -> list[Finding]:
    addresses = {address for address in proxying.addressed(environ).values() if address is not None}
    states: dict[ProxyAddress, State] = dict.fromkeys(addresses, state)
    findings = list(proxying.proxying(environ, HOSTS, states))
    assert all(bool(finding.next) is (finding.level != "ok") for finding in findings)
    assert not [finding for finding in findings if "SECRET" in f"{finding.what}{finding.next}"]
    return findings


def levels(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.name, finding.level) for finding in findings]


CASES: dict[str, tuple[dict[str, str], State, list[tuple[str, str]]]] = {
    "none": ({}, "unknown", [("proxy", "ok")]),
    "empty": ({"HTTPS_PROXY": " "}, "unknown", [("proxy", "ok")]),
    "ours": ({"HTTPS_PROXY": HERE}, "ours", [("proxy", "ok")]),
    "ours, by lower case": ({"https_proxy": HERE}, "ours", [("proxy", "ok")]),
    "ours, by all": ({"ALL_PROXY": "127.0.0.1:8081"}, "ours", [("proxy", "ok")]),
    "both cases agree": ({"HTTPS_PROXY": HERE, "https_proxy": f"{HERE}/"}, "ours", [("proxy", "ok")]),
    "both cases disagree": (
        {"HTTPS_PROXY": HERE, "https_proxy": "http://127.0.0.1:1"},
        "ours",
        [("proxy", "warn"), ("proxy", "ok"), ("proxy", "ok")],
    ),
    "nobody there": ({"HTTPS_PROXY": HERE}, "nobody", [("proxy", "fail")]),
    "our local OpenAI there": ({"HTTPS_PROXY": HERE}, "openai", [("proxy", "fail")]),
    "nobody elsewhere": ({"HTTPS_PROXY": CORP}, "nobody", [("proxy", "fail")]),
    "somebody else's": (
        {"HTTPS_PROXY": CORP, "NO_PROXY": "localhost,127.0.0.1"},
        "other",
        [("proxy", "warn")],
    ),
    "somebody else's, for local calls too": ({"HTTP_PROXY": CORP}, "other", [("proxy", "warn"), ("no-proxy", "warn")]),
    "no HTTP proxy": ({"ALL_PROXY": "socks5://127.0.0.1:1080"}, "ours", [("proxy", "warn")]),
    "no address": ({"HTTPS_PROXY": "http://user:SECRET@[::1"}, "ours", [("proxy", "warn")]),
    "a password": ({"HTTPS_PROXY": "http://user:SECRET@127.0.0.1:8081"}, "ours", [("proxy", "ok")]),
    "interception switched off": (
        {"HTTPS_PROXY": HERE, "no_proxy": "localhost,.openai.com"},
        "ours",
        [("proxy", "ok"), ("no-proxy", "fail")],
    ),
    "it would be": ({"NO_PROXY": "*"}, "unknown", [("proxy", "ok"), ("no-proxy", "warn")]),
    "other exceptions": ({"HTTPS_PROXY": HERE, "NO_PROXY": "localhost,.example.com"}, "ours", [("proxy", "ok")]),
}


@pytest.mark.parametrize(("environ", "state", "expected"), CASES.values(), ids=CASES.keys())
def test_variables_are_judged(environ: dict[str, str], state: State, expected: list[tuple[str, str]]) -> None:
    assert levels(found(environ, state)) == expected


def test_variables_that_mean_the_same_share_a_line() -> None:
    (finding,) = found({"HTTPS_PROXY": HERE, "https_proxy": HERE, "ALL_PROXY": HERE})
    assert finding.what == f"HTTPS_PROXY and https_proxy and ALL_PROXY: {HERE}, where qwenproxy's HTTPS proxy runs"


def test_what_is_missing_in_no_proxy_is_written_out() -> None:
    missing = found({"HTTPS_PROXY": CORP, "NO_PROXY": ".corp.example"}, "other")[1]
    assert missing.next == "NO_PROXY=.corp.example,localhost,127.0.0.1"


URLS = {
    "http://127.0.0.1:8080/v1": "ok",
    "http://localhost:8080/v1/": "ok",
    "https://api.openai.com/v1": "ok",
    "http://127.0.0.1:8080": "warn",
    "https://user:SECRET@elsewhere.example/v1": "warn",
    "http://[::1": "warn",
}


@pytest.mark.parametrize(("url", "level"), URLS.items())
def test_a_base_url_must_lead_here(url: str, level: str) -> None:
    assert levels(found({"OPENAI_BASE_URL": url}))[1:] == [("base-url", level)]


OCCUPANTS: dict[State, tuple[str, str]] = {
    "openai": ("ok", "where qwenproxy's local OpenAI runs"),
    "nobody": ("fail", "where nobody listens"),
    "ours": ("fail", "is qwenproxy's HTTPS proxy"),
    "other": ("warn", "not the proxy"),
    "unknown": ("ok", "http://127.0.0.1:8080/v1"),
}


@pytest.mark.parametrize(("local", "expected"), OCCUPANTS.items(), ids=OCCUPANTS.keys())
def test_at_a_base_url_our_local_openai_must_be(local: State, expected: tuple[str, str]) -> None:
    environ = {"OPENAI_BASE_URL": "http://127.0.0.1:8080/v1"}
    (finding,) = proxying.base_url(environ, HOSTS, local)
    assert (finding.level, expected[1] in finding.what) == (expected[0], True)
    assert bool(finding.next) is (finding.level != "ok")


async def test_who_is_there_is_looked_at(tmp_path: Path) -> None:
    pem = authority(tmp_path).read_bytes()
    environ = {"QWENPROXY_AUTH": "none", "QWENPROXY_UPSTREAM": "http://127.0.0.1:9/v1"}
    async with (
        upstream(whole(b"hello", 404)) as stranger,
        proxy(environ, tmp_path, modes=(REGULAR, REVERSE)) as running,
    ):
        ports: dict[State, int] = {
            "ours": running.ports[0],
            "openai": running.ports[1],
            "other": stranger.port,
            "nobody": free_port("127.0.0.1"),
        }
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
        given = {name: f"http://localhost:{port}" for name, port in zip(names, ports.values(), strict=True)}
        states = await proxying.look(given, pem, 5.0, offline=True)
        assert {address.port: state for address, state in states.items()} == {
            port: state for state, port in ports.items()
        }
        for state, port in ports.items():
            assert await proxying.look_local({"OPENAI_BASE_URL": f"http://localhost:{port}/v1"}, pem) == state


@pytest.mark.parametrize("url", ["", "http://elsewhere.example/v1", "http://[::1"], ids=["none", "elsewhere", "broken"])
async def test_only_a_base_url_on_this_machine_is_looked_at(url: str) -> None:
    assert await proxying.look_local({"OPENAI_BASE_URL": url}, b"") == "unknown"


async def test_other_machines_are_asked_unless_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def occupied(port: int, pem: bytes) -> Occupant:
        return Occupant("nobody")

    monkeypatch.setattr(listeners, "occupant", occupied)
    monkeypatch.setattr(hostnames, "is_loopback", lambda host: False)
    async with upstream(whole(b"hello")) as other:
        here, gone = f"http://127.0.0.1:{other.port}", f"http://127.0.0.1:{free_port('127.0.0.1')}"
        given = {"HTTPS_PROXY": here, "HTTP_PROXY": gone}
        assert list((await proxying.look(given, b"", 5.0, offline=False)).values()) == ["other", "nobody"]
        assert set((await proxying.look(given, b"", 5.0, offline=True)).values()) == {"unknown"}
        async with asyncio.timeout(5):
            unresolved = {"HTTPS_PROXY": "http://no-such-host.invalid:1"}
            assert list((await proxying.look(unresolved, b"", 1.0, offline=False)).values()) == ["nobody"]
