"""What is kept for viewing stays within a bound."""

import logging

import pytest
from mitmproxy.addons.view import View
from mitmproxy.http import HTTPFlow
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketData, WebSocketMessage
from wsproto.frame_protocol import Opcode

from qwenproxy.flows.views.memory import OVERHEAD, ROUND, Shelf, size_of
from tests.support.exchanges import SAID, noted, recorded


def flows(number: int) -> list[HTTPFlow]:
    return [tflow.tflow(resp=True) for _ in range(number)]


def put(view: View, shelf: Shelf, *many: HTTPFlow, limit: int) -> None:
    for each in many:
        view.add([each])
        shelf.put(each, limit)


def left_of(view: View, many: list[HTTPFlow]) -> list[int]:
    """The places of those that are still there."""
    return [place for place, each in enumerate(many) if view.get_by_id(each.id) is not None]


def test_the_oldest_are_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    view, many = View(), flows(10)
    shelf = Shelf(view)
    with taddons.context(view), caplog.at_level(logging.INFO, "qwenproxy"):
        put(view, shelf, *many, limit=3 * size_of(many[0]))
        assert left_of(view, many) == [7, 8, 9]
        assert shelf.total == 3 * size_of(many[0])
    assert [record.name for record in caplog.records] == ["qwenproxy.flows.views.memory"], "once is enough"


def test_without_a_limit_all_stay() -> None:
    view, many = View(), flows(10)
    with taddons.context(view):
        put(view, Shelf(view), *many, limit=0)
        assert len(view) == 10


def test_the_last_one_stays_however_large_it_is() -> None:
    view, many = View(), flows(3)
    with taddons.context(view):
        put(view, Shelf(view), *many, limit=1)
        assert left_of(view, many) == [2]


def test_one_that_ends_again_counts_once() -> None:
    view, many = View(), flows(1)
    shelf = Shelf(view)
    with taddons.context(view):
        put(view, shelf, *many, *many, limit=1)
        assert shelf.total == size_of(many[0])
        assert left_of(view, many) == [0]


def test_what_the_user_removes_no_longer_counts() -> None:
    view, many = View(), flows(4)
    shelf = Shelf(view)
    with taddons.context(view):
        put(view, shelf, *many, limit=0)
        view.remove([many[0]])
        assert shelf.total == 3 * size_of(many[0])
        view.clear()
        assert shelf.total == 0


def test_bodies_and_rounds_count() -> None:
    plain = tflow.tflow()
    assert size_of(plain) == OVERHEAD + len(plain.request.raw_content or b"")
    one, two = noted(), noted(recorded(answers=[SAID, SAID]))
    body = len(one.metadata["qwenproxy"]["rounds"][0]["body"])
    assert size_of(two) - size_of(one) == ROUND + body + len(SAID)


def test_messages_over_a_websocket_count() -> None:
    (flow,) = flows(1)
    before = size_of(flow)
    flow.websocket = WebSocketData([WebSocketMessage(Opcode.TEXT, True, b"12345")])
    assert size_of(flow) == before + 5
