"""Which requests are addressed to the proxy itself."""

import pytest
from mitmproxy import http
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils

from qwenproxy.flows.listeners import is_local, is_probe

CASES: dict[str, tuple[str, tuple[str, int], tuple[str, int], bool]] = {
    "a reverse listener": ("reverse", ("127.0.0.1", 8080), ("127.0.0.1", 443), True),
    "a proxy's own address": ("regular", ("127.0.0.1", 8081), ("127.0.0.1", 8081), True),
    "its name on this machine": ("regular", ("127.0.0.1", 8081), ("localhost", 8081), True),
    "its other address there": ("regular", ("127.0.0.1", 8081), ("::1", 8081), True),
    "another port": ("regular", ("127.0.0.1", 8081), ("127.0.0.1", 8080), False),
    "another host": ("regular", ("127.0.0.1", 8081), ("example.com", 8081), False),
    "its address in the network": ("regular", ("10.0.0.5", 8081), ("10.0.0.5", 8081), True),
    "who listens on loopback beside it": ("regular", ("10.0.0.5", 8081), ("127.0.0.1", 8081), False),
    "another mode": ("transparent", ("127.0.0.1", 8081), ("127.0.0.1", 8081), False),
}


PATHS = {
    "/healthz": True,
    "/readyz?verbose": True,
    "/metrics": True,
    "/": False,
    "/v1/models": False,
    "/healthz/": False,
}


def asked(mode: str, path: str, own: tuple[str, int], target: tuple[str, int]) -> http.HTTPFlow:
    flow = tflow.tflow(req=tutils.treq(host=target[0], port=target[1], path=path.encode()))
    flow.client_conn.proxy_mode = ProxyMode.parse("reverse:http://api.openai.com:443" if mode == "reverse" else mode)
    flow.client_conn.sockname = own
    return flow


@pytest.mark.parametrize(("mode", "own", "target", "local"), CASES.values(), ids=CASES)
def test_a_probe_is_local_by_its_listener_or_its_address(
    mode: str, own: tuple[str, int], target: tuple[str, int], local: bool
) -> None:
    assert is_local(asked(mode, "/healthz", own, target)) is local


@pytest.mark.parametrize(("path", "probe"), PATHS.items())
def test_at_the_address_of_a_proxy_there_are_the_probes_only(path: str, probe: bool) -> None:
    own = ("127.0.0.1", 8081)
    assert is_probe(path) is probe
    assert is_local(asked("regular", path, own, own)) is probe
    assert is_local(asked("reverse", path, own, own))
