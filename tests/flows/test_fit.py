"""The check of mitmproxy's HTTP layer at the start: whatever the door rests on is missed if it is not there."""

from typing import Any

import pytest
from mitmproxy.proxy.layers import http as layers

from qwenproxy.flows import fit, live

STREAM = live.LiveStream.__mro__[1]
"""mitmproxy's own, which `install` has put aside."""


def bend(monkeypatch: pytest.MonkeyPatch, name: str, function: Any) -> None:
    monkeypatch.setattr(layers, "HttpStream", STREAM)
    monkeypatch.setattr(STREAM, name, function, raising=False)


def test_mitmproxys_layer_is_the_one_that_this_was_written_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "HttpStream", STREAM)
    fit.check()


@pytest.mark.parametrize("name", fit.SIGNATURES)
def test_a_method_with_another_signature_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    bend(monkeypatch, name, lambda other, *, more: None)
    with pytest.raises(RuntimeError, match=rf"{name}.*Install mitmproxy>="):
        fit.check()


@pytest.mark.parametrize("name", fit.SIGNATURES)
def test_a_method_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(layers, "HttpStream", type("HttpStream", (), {}))
    with pytest.raises(RuntimeError, match=name):
        fit.check()


def test_another_door_to_an_upstream_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bend(monkeypatch, "fetch", lambda self: layers.GetHttpConnection(("api.openai.com", 443), True, None, "tcp"))
    with pytest.raises(RuntimeError, match="GetHttpConnection"):
        fit.check()


@pytest.mark.parametrize(
    ("owner", "name"),
    [*((STREAM, name) for name in fit.OF_STREAM), *((layers.HttpLayer, name) for name in fit.OF_LAYER)],
)
def test_a_function_that_does_not_use_what_it_should_is_refused(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str
) -> None:
    monkeypatch.setattr(layers, "HttpStream", STREAM)
    monkeypatch.setattr(owner, name, lambda self, already_streamed=False: None)
    with pytest.raises(RuntimeError, match=name):
        fit.check()
