"""mitmproxy's content views, by its own registry."""

from typing import Any

import pytest
from mitmproxy import contentviews, http
from mitmproxy.test import taddons
from mitmproxy.websocket import WebSocketData, WebSocketMessage
from wsproto.frame_protocol import Opcode

from qwenproxy.flows.views.contentviews import install
from tests.support.exchanges import SAID, flow, noted, recorded


def shown(of: http.HTTPFlow, message: str, view: str = "auto") -> contentviews.ContentviewResult:
    install()
    with taddons.context():
        found: contentviews.ContentviewResult = contentviews.prettify_message(getattr(of, message), of, view)
        return found


def sections(text: str) -> list[str]:
    """The titles in *text*, without what differs."""
    return [line.strip("= ").partition(":")[0] for line in text.splitlines() if line.startswith("=====")]


REQUEST = ["from the app to Qwen (- dropped, + added, ~ changed)", "as the app sent it"]


@pytest.mark.parametrize(
    ("message", "view", "found"),
    [
        ("request", "auto", [*REQUEST, "as Qwen got it"]),
        ("request", "app side", REQUEST),
        ("request", "qwen side", ["as Qwen got it"]),
        (
            "response",
            "auto",
            ["as the app got it", "as Qwen answered", "raw, as the app got it", "raw, as Qwen answered"],
        ),
        ("response", "app side", ["as the app got it", "raw, as the app got it"]),
        ("response", "qwen side", ["as Qwen answered", "raw, as Qwen answered"]),
    ],
)
def test_each_view_shows_its_sides(message: str, view: str, found: list[str]) -> None:
    result = shown(noted(), message, view)
    assert sections(result.text) == found
    assert result.view_name == {"auto": "Exchange", "app side": "App side", "qwen side": "Qwen side"}[view]


def test_a_message_over_a_websocket_is_shown_as_it_is() -> None:
    of = noted()
    of.websocket = WebSocketData([WebSocketMessage(Opcode.TEXT, True, b'{"type":"response.create"}')])
    install()
    with taddons.context():
        result = contentviews.prettify_message(of.websocket.messages[0], of)
    assert (result.view_name, result.text) == ("Raw", '{"type":"response.create"}')


def test_each_round_is_shown() -> None:
    result = shown(noted(recorded(answers=[SAID, SAID])), "request", "qwen side")
    assert sections(result.text) == ["as Qwen got it, round 1 of 2", "as Qwen got it, round 2 of 2"]


def test_the_message_is_above_the_raw_events() -> None:
    result = shown(noted(), "response")
    assert result.text.index("content: |\n  Hi") < result.text.index('data: {"choices"')
    assert "the same message" in result.text


def json_flow() -> http.HTTPFlow:
    return flow(b'{"a":1}', streamed=False)


@pytest.mark.parametrize("of", [json_flow(), noted(recorded(answers=()), answer=b"{}", streamed=False)])
def test_what_did_not_reach_qwen_is_left_to_other_views(of: http.HTTPFlow) -> None:
    assert shown(of, "response").view_name == "JSON"


@pytest.mark.parametrize("view", ["exchange", "app side", "qwen side"])
def test_a_foreign_flow_has_no_exchange(view: str) -> None:
    result = shown(json_flow(), "response", view)
    assert result.syntax_highlight == "error"
    assert "nothing kept of an exchange" in result.text


def test_a_chat_stream_alone_is_told_as_its_message() -> None:
    result = shown(flow(SAID), "response")
    assert result.view_name == "Chat stream"
    assert result.text.startswith("content: |\n  Hi\nfinish: stop\n")
    assert result.text.endswith(SAID.decode().rstrip())


def broken() -> http.HTTPFlow:
    return flow(b'data: {"choices":0}\n\n')


@pytest.mark.parametrize(("of", "view"), [(flow(b"data: 1\n\n"), "Raw"), (broken(), "Raw")])
def test_another_stream_is_not(of: http.HTTPFlow, view: str) -> None:
    assert shown(of, "response").view_name == view


def test_views_are_sorted_as_mitmproxy_sorts_them() -> None:
    install()
    names: list[Any] = sorted(contentviews.registry.values())
    assert {"App side", "Qwen side", "Exchange", "Chat stream"} <= {view.name for view in names}
