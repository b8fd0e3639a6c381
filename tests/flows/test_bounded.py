"""Whether the layers fit."""

import pytest
from mitmproxy.proxy.layers import http as layers

from qwenproxy.flows import bounded, fit


def test_a_mitmproxy_that_is_bent_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bounded.misfits() == []
    monkeypatch.setattr(layers.Http1Server.__base__, "wait", lambda self, other: None)
    assert bounded.misfits() == ["Http1Server.wait"]
    with pytest.raises(fit.Misfit, match=r"Http1Server\.wait"):
        fit.check()


def test_a_connection_that_is_made_elsewhere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers.HttpLayer, "_handle_event", lambda self, event: None)
    assert bounded.misfits() == ["Http1Server", "Http2Server"]
