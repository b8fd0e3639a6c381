"""The settings that bound what may be asked of the proxy."""

from pathlib import Path

import pytest

from qwenproxy.settings import Settings, load


@pytest.mark.parametrize("name", ["connections", "client_exchanges", "buffer_limit", "memory_limit", "head_timeout"])
def test_nought_is_no_limit(name: str) -> None:
    assert getattr(load({f"QWENPROXY_{name.upper()}": "0"}, Path("/")), name) == 0


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("streams", "0", "a whole number from 1"),
        ("header_limit", "0", "a size such as 64m"),
        ("buffer_limit", "-1", "a size such as 64m, 64 MiB or a number of bytes, or 0"),
        ("queue", "many", "a whole number from 0"),
        ("queue_timeout", "90000", "a number of seconds from 0 to 86400"),
    ],
)
def test_a_wrong_one_is_refused_by_its_name(name: str, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"QWENPROXY_{name.upper()}: expected {expected}"):
        load({f"QWENPROXY_{name.upper()}": text}, Path("/"))


def test_the_defaults_go_together() -> None:
    default = Settings()
    assert default.client_connections <= default.connections
    assert default.client_exchanges <= default.exchanges
    assert default.body_limit <= default.buffer_limit < default.memory_limit
    assert default.opening_timeout <= default.exchange_timeout


@pytest.mark.parametrize(("text", "served"), [("on", True), ("off", False), ("False", False)])
def test_websockets_are_served_or_not(text: str, served: bool) -> None:
    assert load({"QWENPROXY_WEBSOCKETS": text}, Path("/")).websockets is served
