"""The handshake of a WebSocket: the proof that it was understood, and what is no such thing."""

import pytest

from qwenproxy.errors import ProxyError
from qwenproxy.flows.handshake import accept
from tests.support.sockets import KEY, PROOF

ASKED = {"connection": "Upgrade", "sec-websocket-key": KEY, "sec-websocket-version": "13"}


@pytest.mark.parametrize("connection", ["Upgrade", "upgrade", "keep-alive, Upgrade"])
def test_the_proof_is_made_of_the_key(connection: str) -> None:
    answer = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": PROOF}
    assert accept(ASKED | {"connection": connection}) == answer


def test_what_else_is_offered_is_declined() -> None:
    offered = {"sec-websocket-extensions": "permessage-deflate; client_max_window_bits", "sec-websocket-protocol": "x"}
    assert accept(ASKED | offered) == accept(ASKED)


@pytest.mark.parametrize(
    ("changed", "status", "headers"),
    [
        ({"sec-websocket-version": "8"}, 426, {"sec-websocket-version": "13"}),
        ({"sec-websocket-version": ""}, 426, {"sec-websocket-version": "13"}),
        ({"connection": "keep-alive"}, 400, {}),
        ({"sec-websocket-key": ""}, 400, {}),
        ({"sec-websocket-key": "eA=="}, 400, {}),
        ({"sec-websocket-key": KEY[:-1]}, 400, {}),
        ({"sec-websocket-key": "\udcff" + KEY}, 400, {}),
    ],
    ids=str,
)
def test_what_is_no_handshake_is_refused(changed: dict[str, str], status: int, headers: dict[str, str]) -> None:
    with pytest.raises(ProxyError) as caught:
        accept(ASKED | changed)
    assert (caught.value.status, caught.value.headers()) == (status, headers)
