"""The framings of answers to generateContent."""

from collections.abc import Iterable

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.dialects.contents_frames import ERROR_LIMIT, Elements, Events, Responses
from qwenproxy.errors import UPSTREAM_BLOCKED, UPSTREAM_CUT, UPSTREAM_GARBLED, Failure
from qwenproxy.wire.openai import Json
from tests.support import cuts

TRICKY: Json = {"a": 'x"]},{[\\', "b": [{"c": []}, "\\\\", '\\"'], "": {}, "ā": "🦉"}


def read(pieces: Iterable[bytes], content_type: str = "") -> tuple[list[Json], Responses]:
    responses = Responses(content_type)
    return [one for piece in [*pieces, b""] for one in responses.feed(piece)], responses


FRAMINGS: list[tuple[str, bytes]] = [
    ("an array", orjson.dumps([TRICKY, {"n": 2}])),
    (
        "an array with room",
        b" \r\n[ " + orjson.dumps(TRICKY, option=orjson.OPT_INDENT_2) + b'\n,\r\n{"n":2}\n]\n',
    ),
    ("an array behind a byte order mark", sse.BOM + orjson.dumps([TRICKY, {"n": 2}])),
    ("an array of one kind only", b'[[{"n":1}],' + orjson.dumps(TRICKY) + b',{"n":2}]'),
    ("an array and what follows", orjson.dumps([TRICKY, {"n": 2}]) + b'[{"n":3}] nonsense'),
    ("events", sse.encode(orjson.dumps(TRICKY)) + sse.encode(b'{"n":2}')),
    ("events, CRLF", (sse.encode(orjson.dumps(TRICKY)) + sse.encode(b'{"n":2}')).replace(b"\n", b"\r\n")),
]


@pytest.mark.parametrize("content_type", ["", "application/json", "text/event-stream"])
@pytest.mark.parametrize("data", [row[1] for row in FRAMINGS], ids=[row[0] for row in FRAMINGS])
def test_responses_are_found_in_every_framing(data: bytes, content_type: str) -> None:
    """The first byte tells more than the content type."""
    for pieces in cuts.every_cut(data):
        found, responses = read(pieces, content_type)
        assert found == [TRICKY, {"n": 2}]
        assert responses.trouble is None
        assert not responses.whole


def test_one_object_is_a_whole_answer() -> None:
    for pieces in cuts.every_cut(sse.BOM + b"\n" + orjson.dumps(TRICKY)):
        found, responses = read(pieces)
        assert found == [TRICKY]
        assert responses.whole
        assert responses.done


def test_an_element_is_given_as_soon_as_it_is_whole() -> None:
    responses = Responses("application/json")
    assert list(responses.feed(b'[{"n":1}')) == [{"n": 1}]
    assert list(responses.feed(b'\n,\r\n{"n"')) == []
    assert not responses.done
    assert list(responses.feed(b":2}")) == [{"n": 2}]
    assert list(responses.feed(b"]")) == []
    assert responses.done


BROKEN: list[tuple[str, bytes, Failure]] = [
    ("cut in an element", b'[{"n":1},{"n":', UPSTREAM_CUT),
    ("cut in a string", b'[{"n":1},{"n":"a\\', UPSTREAM_CUT),
    ("a number for an element", b'[{"n":1},7]', UPSTREAM_GARBLED),
    ("a string for an element", b'[{"n":1},"x"]', UPSTREAM_GARBLED),
    ("null for an element", b'[{"n":1},null', UPSTREAM_GARBLED),
    ("an element that is not JSON", b'[{"n":1},{n:2}]', UPSTREAM_GARBLED),
    ("brackets that do not fit", b'[{"n":1},{"n":[}]]', UPSTREAM_GARBLED),
]


@pytest.mark.parametrize(("data", "failure"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_stands_before_the_fault_is_given(data: bytes, failure: Failure) -> None:
    for pieces in cuts.every_cut(data):
        found, responses = read(pieces)
        assert found == [{"n": 1}]
        assert responses.trouble is not None
        assert responses.trouble.failure is failure
        assert list(responses.feed(b'{"n":3}')) == []


@pytest.mark.parametrize("data", [b"[", b'[{"n":1}', b'[{"n":1},', b'[{"n":1}\n'], ids=repr)
def test_an_end_between_two_elements_is_no_fault_of_the_framing(data: bytes) -> None:
    """Whether the answer is over, its finishReason tells."""
    _, responses = read([data])
    assert responses.trouble is None
    assert not responses.done


def test_a_page_is_told_from_an_answer() -> None:
    _, responses = read([b"<html>"], "text/html")
    assert responses.trouble is not None
    assert responses.trouble.failure is UPSTREAM_BLOCKED


def test_nothing_is_nothing() -> None:
    assert read([])[0] == []
    assert read([b" \n"])[0] == []
    assert read([sse.BOM[:2]])[0] == []


def test_an_element_without_end_does_not_fill_memory() -> None:
    elements = Elements()
    elements.feed(b'[{"n":"')
    piece = b"x" * (1024 * 1024)
    for _ in range(sse.LIMIT // len(piece) + 1):
        assert elements.feed(piece) == []
    assert elements.trouble is not None
    assert elements.trouble.failure is UPSTREAM_GARBLED


ERROR = b'{\n  "error": {\n    "code": 503\n  }\n}\n'


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
def test_an_error_behind_the_events_is_found(line: bytes) -> None:
    data = (sse.encode(b'{"n":1}') + ERROR).replace(b"\n", line)
    for pieces in cuts.every_cut(data):
        found, _ = read(pieces)
        assert found == [{"n": 1}, {"error": {"code": 503}}]


@pytest.mark.parametrize(
    "tail",
    [b'{"n": 2}\n', b'{"error": }\n', b'x {"error": {}}\n', sse.encode(b'{"n":2}')[6:], b': {"error": {}}\n'],
    ids=["no error", "no JSON", "within a line", "no field", "a comment"],
)
def test_what_else_stands_behind_the_events_is_not(tail: bytes) -> None:
    assert read([sse.encode(b'{"n":1}') + tail])[0] == [{"n": 1}]


def test_an_error_that_is_an_event_is_found_once() -> None:
    assert read([sse.encode(b'{"error":{}}')])[0] == [{"error": {}}]


@pytest.mark.parametrize("size", [1, 7, 1000, 2 * ERROR_LIMIT])
def test_an_error_behind_a_long_stream_is_found_and_little_is_kept_for_it(size: int) -> None:
    event = sse.encode(orjson.dumps({"text": "x" * 500}))
    data = event * (1 + 3 * min(size * 100, ERROR_LIMIT) // len(event)) + b'\n{"error":{"code":503}}\n'
    source = Events("text/event-stream")
    found = [one for at in range(0, len(data), size) for one in source.feed(data[at : at + size])]
    assert sum(map(len, source._end)) < ERROR_LIMIT + size
    assert [*found, *source.feed(b"")][-1] == {"error": {"code": 503}}
