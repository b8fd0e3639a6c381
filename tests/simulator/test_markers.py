"""How oddities are asked for."""

import pytest

from qwenproxy.simulator.markers import Marker, markers_in, markers_of


@pytest.mark.parametrize(
    ("text", "markers"),
    [
        ("Hello", []),
        ("[sim: cut] Hello", [Marker("cut")]),
        ("Hello [SIM:  Silence   20 ]", [Marker("silence", "20")]),
        ("[sim:cut][sim: crlf]", [Marker("cut"), Marker("crlf")]),
        ("[sim: error limit_requests 7 once]", [Marker("error", "limit_requests 7", True)]),
        ("[sim: cut once]", [Marker("cut", "", True)]),
        ("[sim: once]", [Marker("once")]),
        ("[sim: error-finish It went wrong]", [Marker("error-finish", "It went wrong")]),
        ("[sim: row max_output=10]", [Marker("row", "max_output=10")]),
        ("[sim:] [sim: ]", []),
        ("[sim: cut", []),
    ],
)
def test_a_message_asks(text: str, markers: list[Marker]) -> None:
    assert markers_in(text) == markers


@pytest.mark.parametrize(
    ("model", "name", "markers"),
    [
        ("qwen-plus", "qwen-plus", []),
        ("qwen-plus#cut", "qwen-plus", [Marker("cut")]),
        ("qwen-plus#silence=20#crlf", "qwen-plus", [Marker("silence", "20"), Marker("crlf")]),
        ("qwen-plus#error=limit_requests,7,once", "qwen-plus", [Marker("error", "limit_requests 7", True)]),
        ("qwen-plus#row=max_output=10", "qwen-plus", [Marker("row", "max_output 10")]),
        ("qwen-plus#", "qwen-plus", []),
    ],
)
def test_a_model_name_asks(model: str, name: str, markers: list[Marker]) -> None:
    assert markers_of(model) == (name, markers)
