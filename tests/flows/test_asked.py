"""What an endpoint is asked."""

import orjson
from mitmproxy.test import tutils

from qwenproxy.flows.asked import Ask, json_answer, owner_of
from qwenproxy.flows.routes import Served
from qwenproxy.record import Record


def asked(path: str, content: bytes = b"") -> Ask:
    request = tutils.treq(path=path.encode(), content=content)
    return Ask(request, {}, Served("response"), Record("req_1", "GET", "response", lambda: 0.0), None, "me")


def test_the_query_is_read() -> None:
    assert asked("/v1/x?stream=true&after=&starting_after=4%20").query == {
        "stream": "true",
        "after": "",
        "starting_after": "4 ",
    }
    assert asked("/v1/x", b"{}").body(10) == b"{}"


def test_an_owner_is_known_by_the_key_however_it_is_shown() -> None:
    assert owner_of("Bearer a") == owner_of(" bearer  a ")
    assert len({owner_of("Bearer a"), owner_of("Bearer b"), owner_of(None)}) == 3
    assert "a-very-secret-key" not in owner_of("Bearer a-very-secret-key")


def test_an_answer_is_json() -> None:
    answer = json_answer({"a": 1}, asked("/").record)
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {"a": 1}
    assert answer.headers["x-request-id"] == "req_1"
