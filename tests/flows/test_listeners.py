"""Which requests are addressed to the proxy itself."""

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow, tutils

from qwenproxy.flows.listeners import is_local

CASES: dict[str, tuple[str, str, tuple[str, int], tuple[str, int], bool]] = {
    "a reverse listener": ("reverse", "api.openai.com", ("127.0.0.1", 8080), ("127.0.0.1", 443), True),
    "a proxy's own address": ("regular", "127.0.0.1", ("127.0.0.1", 8081), ("127.0.0.1", 8081), True),
    "its name on this machine": ("regular", "localhost", ("127.0.0.1", 8081), ("localhost", 8081), True),
    "its other address there": ("regular", "::1", ("127.0.0.1", 8081), ("::1", 8081), True),
    "another port": ("regular", "127.0.0.1", ("127.0.0.1", 8081), ("127.0.0.1", 8080), False),
    "another host": ("regular", "example.com", ("127.0.0.1", 8081), ("example.com", 8081), False),
    "its address in the network": ("regular", "10.0.0.5", ("10.0.0.5", 8081), ("10.0.0.5", 8081), True),
    "who listens on loopback beside it": ("regular", "127.0.0.1", ("10.0.0.5", 8081), ("127.0.0.1", 8081), False),
    "another mode": ("transparent", "127.0.0.1", ("127.0.0.1", 8081), ("127.0.0.1", 8081), False),
}


@pytest.mark.parametrize(("mode", "host", "own", "target", "local"), CASES.values(), ids=CASES)
def test_a_request_is_local_by_its_listener_or_its_address(
    mode: str, host: str, own: tuple[str, int], target: tuple[str, int], local: bool
) -> None:
    flow = tflow.tflow(req=tutils.treq(host=target[0], port=target[1]))
    flow.client_conn.proxy_mode = ProxyMode.parse("reverse:http://api.openai.com:443" if mode == "reverse" else mode)
    flow.client_conn.sockname = own
    assert is_local(flow) is local
