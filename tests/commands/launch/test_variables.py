"""The variables that a command gets."""

import os
import shlex
from pathlib import Path

import pytest

from qwenproxy.commands.launch import variables as table
from qwenproxy.commands.launch.trust import TrustFiles
from qwenproxy.commands.launch.variables import ADDING, ANY_KEY, REPLACING, java_options, trusted, variables
from tests.support.places import PLACE, TRUST, place

EXPECTED = {
    "HTTPS_PROXY": "http://127.0.0.1:4711",
    "https_proxy": "http://127.0.0.1:4711",
    "HTTP_PROXY": "http://127.0.0.1:4711",
    "http_proxy": "http://127.0.0.1:4711",
    "ALL_PROXY": "http://127.0.0.1:4711",
    "all_proxy": "http://127.0.0.1:4711",
    "NO_PROXY": "localhost,127.0.0.1",
    "no_proxy": "localhost,127.0.0.1",
    "SSL_CERT_FILE": "/t/bundle.pem",
    "REQUESTS_CA_BUNDLE": "/t/bundle.pem",
    "CURL_CA_BUNDLE": "/t/bundle.pem",
    "AWS_CA_BUNDLE": "/t/bundle.pem",
    "GIT_SSL_CAINFO": "/t/bundle.pem",
    "NODE_EXTRA_CA_CERTS": "/t/extra.pem",
    "DENO_CERT": "/t/extra.pem",
    "CODEX_CA_CERTIFICATE": "/t/extra.pem",
    "NODE_USE_ENV_PROXY": "1",
    "OPENAI_API_KEY": ANY_KEY,
}


def test_every_client_finds_its_variable() -> None:
    found = variables(PLACE, {})
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED


@pytest.mark.parametrize("name", [*REPLACING, *ADDING, *table.PROXY])
def test_what_is_set_is_overridden(name: str) -> None:
    """Many machines preset these to the system's own files."""
    assert variables(PLACE, {name: "elsewhere"})[name] == variables(PLACE, {})[name]


def test_the_users_no_proxy_is_kept_but_for_what_would_switch_interception_off() -> None:
    found = variables(PLACE, {"NO_PROXY": "internal.example,.openai.com", "no_proxy": "10.0.0.0/8,localhost"})
    assert found["NO_PROXY"] == found["no_proxy"] == "internal.example,10.0.0.0/8,localhost,127.0.0.1"


@pytest.mark.parametrize(
    ("environ", "wants_key", "expected"),
    [
        ({"OPENAI_API_KEY": "sk-own"}, False, None),
        ({"OPENAI_API_KEY": ""}, False, ANY_KEY),
        ({}, False, ANY_KEY),
        ({}, True, None),
    ],
    ids=["the user's own stays", "an empty one is none", "none", "the proxy takes its own keys only"],
)
def test_an_app_gets_a_key_if_it_has_none_and_any_will_do(
    environ: dict[str, str], wants_key: bool, expected: str | None
) -> None:
    assert variables(place(wants_key=wants_key), environ).get("OPENAI_API_KEY") == expected


def test_java_gets_proxy_and_trust_store_after_what_it_had() -> None:
    first, *rest = java_options(PLACE, "-Xmx1g").split()
    assert first == "-Xmx1g"
    assert "-Dhttps.proxyHost=127.0.0.1" in rest
    assert "-Dhttps.proxyPort=4711" in rest
    assert "-Djavax.net.ssl.trustStore=/t/truststore.p12" in rest


def test_java_options_are_not_given_twice() -> None:
    once = java_options(PLACE, "-Xmx1g")
    assert java_options(PLACE, once) == once


def test_a_blank_in_a_path_does_not_part_a_java_option() -> None:
    trust = TrustFiles(TRUST.bundle, TRUST.extra, Path("/my files/truststore.p12"))
    assert "-Djavax.net.ssl.trustStore=/my files/truststore.p12" in shlex.split(java_options(place(trust=trust), ""))


def test_what_the_users_variables_name_is_found_once() -> None:
    environ = {
        "SSL_CERT_FILE": "/a",
        "REQUESTS_CA_BUNDLE": "/b",
        "CURL_CA_BUNDLE": "/a",
        "PIP_CERT": " ",
        "SSL_CERT_DIR": os.pathsep.join(("/c", "/d")),
        "NODE_EXTRA_CA_CERTS": "/e",
    }
    replaced, added = trusted(environ)
    assert [path.as_posix() for path in replaced] == ["/a", "/b", "/c", "/d"]
    assert [path.as_posix() for path in added] == ["/e"]
    assert trusted({}) == ([], [])
