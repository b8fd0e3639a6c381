"""What a user hears before the command starts."""

import pytest

from qwenproxy.commands.launch.notices import about_node, notices
from tests.support.places import PLACE, place

HEARD: dict[str, tuple[dict[str, str], str]] = {
    "interception switched off": (
        {"NO_PROXY": "a.example,*", "no_proxy": ".openai.com"},
        "NO_PROXY has *, .openai.com: taken out for the command, or its calls would go past the proxy",
    ),
    "another address": (
        {"OPENAI_BASE_URL": "https://user:secret@other.example:8443/v1?key=secret"},
        "OPENAI_BASE_URL is set: an app that heeds it calls https://other.example:8443, not the proxy",
    ),
    "another trust store": (
        {"JAVA_TOOL_OPTIONS": "-Xmx1g -Djavax.net.ssl.trustStore=/etc/corporate.jks"},
        "JAVA_TOOL_OPTIONS names a trust store: replaced for the command by one with the authorities of this system",
    ),
}


@pytest.mark.parametrize(("environ", "notice"), HEARD.values(), ids=HEARD.keys())
def test_what_keeps_calls_away_from_the_proxy_is_said(environ: dict[str, str], notice: str) -> None:
    assert list(notices(PLACE, environ)) == [notice]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"NO_PROXY": "localhost,10.0.0.0/8"},
        {"OPENAI_BASE_URL": "https://api.openai.com/v1"},
        {"JAVA_TOOL_OPTIONS": "-Xmx1g"},
        {"JAVA_TOOL_OPTIONS": "-Djavax.net.ssl.trustStore=/home/me/.mitmproxy/qwenproxy-truststore.p12 -Xmx1g"},
        {"JAVA_TOOL_OPTIONS": '"-Djavax.net.ssl.trustStore=/a b/qwenproxy-exec-1x/truststore.p12"'},
    ],
    ids=[
        "nothing",
        "a harmless NO_PROXY",
        "OpenAI's own address",
        "Java's memory",
        "the store that --env has made",
        "the store of an exec around this one",
    ],
)
def test_of_the_rest_nothing_is_said(environ: dict[str, str]) -> None:
    assert list(notices(PLACE, environ)) == []


def test_a_missing_client_key_is_said() -> None:
    wanting = place(wants_key=True)
    assert list(notices(wanting, {})) == [
        "the proxy takes its own client keys only, and OPENAI_API_KEY is not set",
    ]
    assert list(notices(wanting, {"OPENAI_API_KEY": "team-key"})) == []


def test_a_node_that_is_deaf_gets_a_way_out() -> None:
    own = about_node((20, 20, 2), place(reverse="http://127.0.0.1:1"), {})
    assert own.startswith("Node 20.20.2 does not heed proxy variables: OPENAI_BASE_URL is set instead")
    theirs = about_node((20, 20, 2), place(reverse="http://127.0.0.1:1"), {"OPENAI_BASE_URL": "http://other"})
    assert theirs == about_node((20, 20, 2), PLACE, {})
    assert "needs Node 22.21 or 24" in theirs
