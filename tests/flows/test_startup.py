"""Starts that are refused, and what is said then."""

from pathlib import Path

import pytest
from mitmproxy.addons import next_layer, proxyserver
from mitmproxy.test import taddons

from qwenproxy.flows import startup
from qwenproxy.settings import Settings, load

SAFE = {"rawtcp": False, "connection_strategy": "lazy", "keep_host_header": True}
REVERSE = "reverse:https://api.openai.com@127.0.0.1:8080"


def complaint(options: dict[str, object], given: dict[str, str], *, alone: bool = True) -> str:
    """What is said of *options* and settings; "" if they may be."""
    found = load({f"QWENPROXY_{name.upper()}": text for name, text in given.items()} | {"HOME": "/home"}, Path("/"))
    with taddons.context(proxyserver.Proxyserver(), next_layer.NextLayer()) as context:
        context.options.update(**SAFE | options)
        try:
            startup.check(context.options, found, Settings(), alone=alone)
        except ValueError as e:
            return str(e)
    return ""


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ({"mode": [REVERSE]}, {}),
        ({"mode": ["regular@127.0.0.1:8081", REVERSE]}, {}),
        ({"mode": ["regular@0.0.0.0:8081"]}, {"allow_remote": "true", "client_keys": "k"}),
        ({"mode": ["regular@0.0.0.0:8081"], "server": False}, {}),
    ],
    ids=str,
)
def test_a_safe_start_is_let_be(options: dict[str, object], given: dict[str, str]) -> None:
    assert complaint(options, given) == ""


@pytest.mark.parametrize(
    ("options", "given", "named"),
    [
        ({"mode": ["reverse:https://example.com@127.0.0.1:8080"]}, {}, "as they are, with the app's key"),
        ({"ignore_hosts": ["api.openai.com"]}, {}, "ignore_hosts"),
        ({"mode": [REVERSE]}, {"upstream": "http://127.0.0.1:8080/v1"}, "upstream"),
        ({"mode": ["regular@0.0.0.0:8081"]}, {}, "allow_remote"),
        ({"mode": [REVERSE]}, {"rate_limit": "many"}, "QWENPROXY_RATE_LIMIT"),
    ],
    ids=["another target", "a hole", "a loop", "beyond loopback", "a wrong limit"],
)
def test_another_is_refused_by_name(options: dict[str, object], given: dict[str, str], named: str) -> None:
    assert named in complaint(options, given)


def test_what_workers_cannot_share_is_refused_to_them_only() -> None:
    assert complaint({"mode": [REVERSE]}, {"state": "memory"}) == ""
    assert "memory" in complaint({"mode": [REVERSE]}, {"state": "memory"}, alone=False)
