"""Who is let in, and how large a request may be."""

from typing import Any

import pytest
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tflow, tutils

from qwenproxy.flows.door import Door, declared_size
from qwenproxy.flows.hosts import Hosts

LIMIT = 10_000


def flow_to(host: str = "127.0.0.1", name: str | None = None, header: str = "", mode: str = "regular") -> Any:
    flow = tflow.tflow()
    flow.request.host, flow.request.host_header = host, header or host
    flow.client_conn.sni = name
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    return flow


@pytest.mark.parametrize(
    ("flow", "ours"),
    [
        (flow_to("api.openai.com"), True),
        (flow_to("API.OpenAI.com."), True),
        (flow_to(name="api.openai.com"), True),
        (flow_to(header="us.api.openai.com:443"), True),
        (flow_to(name="mtls.api.openai.com", header="api.openai.com"), True),
        (flow_to("example.com", mode="reverse:https://api.openai.com"), True),
        (flow_to("example.com"), False),
        (flow_to("api.openai.com.example.com", "example.com", "openai.com"), False),
        (flow_to("mtls.api.openai.com", "mtls.api.openai.com"), False),
    ],
    ids=["target", "spelling", "server name", "host", "any of them", "reverse", "other", "lookalikes", "mtls"],
)
def test_whose_a_request_is(flow: Any, ours: bool) -> None:
    door = Door(Hosts(["api.openai.com", "*.api.openai.com"]), body_limit=1)
    assert door.owns(flow) is ours


@pytest.mark.parametrize(
    ("mode", "peer", "authenticates", "relayed"),
    [
        ("regular", "127.0.0.1", False, True),
        ("regular", "::ffff:127.0.0.1", False, True),
        ("regular", "192.0.2.7", False, False),
        ("upstream:http://proxy.test", "192.0.2.7", False, False),
        ("regular", "192.0.2.7", True, True),
        ("transparent", "192.0.2.7", False, True),
        ("wireguard", "192.0.2.7", False, True),
    ],
)
def test_for_other_machines_it_is_no_way_to_other_hosts(
    mode: str, peer: str, authenticates: bool, relayed: bool
) -> None:
    flow = flow_to("intranet.test", mode=mode)
    flow.client_conn.peername = (peer, 50_000)
    door = Door(Hosts(["api.openai.com"]), body_limit=LIMIT, authenticates=authenticates)
    assert door.relays(flow) == relayed


@pytest.mark.parametrize(
    ("size", "buffered", "code"),
    [
        (LIMIT, 0, None),
        (LIMIT + 1, 0, "request_too_large"),
        (1, 3 * LIMIT, None),
        (1, 3 * LIMIT + 1, "proxy_overloaded"),
    ],
)
def test_a_body_may_be_too_much_by_itself_or_with_all_others(size: int, buffered: int, code: str | None) -> None:
    door = Door(Hosts(["api.openai.com"]), body_limit=LIMIT, buffer_limit=3 * LIMIT, buffered=buffered)
    refusal = door.too_much(size)
    assert (refusal.failure.code if refusal else None) == code


@pytest.mark.parametrize(
    ("length", "size"), [("17", 17), ("0", 0), ("", 0), ("-1", 0), ("1e9", 0), ("\u0661", 0), ("1, 1", 0)]
)
def test_what_a_header_declares(length: str, size: int) -> None:
    request = tutils.treq()
    request.headers["content-length"] = length
    assert declared_size(request) == size
