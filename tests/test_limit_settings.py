"""The settings that bound what may be asked of the proxy."""

from pathlib import Path

import pytest

from qwenproxy.settings import load


@pytest.mark.parametrize(("text", "served"), [("on", True), ("off", False), ("False", False)])
def test_websockets_are_served_or_not(text: str, served: bool) -> None:
    assert load({"QWENPROXY_WEBSOCKETS": text}, Path("/")).websockets is served
