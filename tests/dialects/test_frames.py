"""The JSON objects in an answer, whatever the framing and whatever the content type says."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.dialects import frames as module
from qwenproxy.dialects.frames import Frames
from qwenproxy.errors import UPSTREAM_BLOCKED, UPSTREAM_CUT, UPSTREAM_GARBLED, Failure
from qwenproxy.wire.openai import Json
from tests.support import cuts

STREAM, JSON, HTML, TEXT = "text/event-stream", "application/json", "text/html; charset=utf-8", "text/plain"

type Read = tuple[list[Json], bool, Failure | None]
"""Objects, whether the answer said that it was complete, what was wrong with it."""


def read(content_type: str, pieces: Iterable[bytes]) -> Read:
    frames = Frames(content_type)
    objects = [found for piece in [*pieces, b""] for found in frames.feed(piece)]
    return objects, frames.done, None if frames.trouble is None else frames.trouble.failure


A, B = {"a": 1}, {"b": 2}
EVENTS = b'data: {"a":1}\n\ndata: {"b":2}\n\n'
PAGE = b"<!doctype html><title>405</title>"

CASES: dict[str, tuple[str, bytes, Read]] = {
    "a stream": (STREAM, EVENTS + sse.DONE, ([A, B], True, None)),
    "a stream with a charset": ("Text/Event-Stream; charset=UTF-8", EVENTS + sse.DONE, ([A, B], True, None)),
    "a stream without its end": (STREAM, EVENTS, ([A, B], False, None)),
    "a stream called JSON": (JSON, EVENTS + sse.DONE, ([A, B], True, None)),
    "a stream called a page": (HTML, b"\n" + EVENTS, ([A, B], False, None)),
    "a stream without a type": ("", b": hello\n\n" + EVENTS, ([A, B], False, None)),
    "a stream that begins with an id": (TEXT, b"id:1\nevent:result\ndata:{}\n\n", ([{}], False, None)),
    "a stream that begins with nothing": (TEXT, b"data\n\n" + EVENTS, ([A, B], False, None)),
    "a stream with a mark": (STREAM, sse.BOM + EVENTS, ([A, B], False, None)),
    "a stream of other fields": (STREAM, b"hello: world\n\n" + EVENTS, ([A, B], False, None)),
    "events behind the end": (STREAM, sse.DONE + EVENTS, ([], True, None)),
    "an end with blanks": (STREAM, b"data: [DONE] \n\n", ([], True, None)),
    "events that are no objects": (
        STREAM,
        b"data: ping\n\ndata: []\n\ndata: null\n\ndata: 1\n\ndata:\n\n" + EVENTS,
        ([A, B], False, None),
    ),
    "an event that is no JSON": (STREAM, b'data: {"a":1}\n\ndata: {"b":\n\n' + EVENTS, ([A], False, UPSTREAM_GARBLED)),
    "a stream cut in an event": (STREAM, b'data: {"a":1}\n\ndata: {"b":', ([A], False, UPSTREAM_CUT)),
    "a stream cut in a word": (STREAM, b'data: {"a":1}\n\ndat', ([A], False, None)),
    "a body": (JSON, b' {"a":1}\n', ([A], True, None)),
    "a body called a stream": (STREAM, b'{"a":1}', ([A], True, None)),
    "a body called a stream, behind blanks": (STREAM, b'\r\n {"a":1}', ([A], True, None)),
    "a body called a page": (HTML, b'{"a":1}', ([A], True, None)),
    "a body without a type": ("", b'\r\n{"a":1}', ([A], True, None)),
    "a body with a mark": (JSON, sse.BOM + b'{"a":1}', ([A], True, None)),
    "a body that looks like a stream": (JSON, b'{"a":\n\n1}', ([A], True, None)),
    "a body cut off": (JSON, b'{"a":', ([], False, UPSTREAM_CUT)),
    "a body that is no JSON": (JSON, b"{a}", ([], False, UPSTREAM_GARBLED)),
    "a list": (JSON, b"[1]", ([], False, UPSTREAM_GARBLED)),
    "a page": (HTML, b" \n" + PAGE, ([], False, UPSTREAM_BLOCKED)),
    "a page called a stream": (STREAM, PAGE, ([], False, UPSTREAM_BLOCKED)),
    "a page called JSON": (JSON, PAGE, ([], False, UPSTREAM_BLOCKED)),
    "a page without tags": (HTML, b"Forbidden", ([], False, UPSTREAM_BLOCKED)),
    "text": (TEXT, b"upstream connect error", ([], False, UPSTREAM_GARBLED)),
    "text that begins like a field": (TEXT, b"database is down", ([], False, UPSTREAM_GARBLED)),
    "part of a field": (TEXT, b"dat", ([], False, UPSTREAM_GARBLED)),
    "nothing": (STREAM, b"", ([], False, None)),
    "blanks": (JSON, b" \n ", ([], False, None)),
    "a mark alone": (JSON, sse.BOM, ([], False, None)),
}


@pytest.mark.parametrize(("content_type", "data", "expected"), CASES.values(), ids=CASES.keys())
def test_objects_are_found_in_any_framing_at_every_cut(content_type: str, data: bytes, expected: Read) -> None:
    for pieces in cuts.every_cut(data) if data else [[]]:
        assert read(content_type, pieces) == expected


LENIENT: dict[str, tuple[bytes, Any]] = {
    "NaN": (b'{"a":NaN,"b":-Infinity}', {"a": None, "b": None}),
    "half a surrogate pair": (rb'{"a":"x\ud83d"}', {"a": "x\ufffd"}),
    "a whole surrogate pair": (rb'{"a":"\ud83c\udf0d"}', {"a": "🌍"}),
    "bytes that are no character": (b'{"a":"x\xe4\xbdy"}', {"a": "x\ufffdy"}),
    "a huge number": (b'{"a":1234567890123456789012345678901234567890}', {"a": 1.2345678901234568e39}),
}


@pytest.mark.parametrize(("text", "value"), LENIENT.values(), ids=LENIENT.keys())
@pytest.mark.parametrize("content_type", [STREAM, JSON])
def test_what_is_not_quite_json_is_read(content_type: str, text: bytes, value: Json) -> None:
    data = sse.encode(text) if content_type == STREAM else text
    objects, _, trouble = read(content_type, [data])
    assert (objects, trouble) == ([value], None)
    assert orjson.dumps(objects)


REFUSED: dict[str, tuple[bytes, Json]] = {
    "an error of its own shape": (b'{"code":"X","message":"a"}', {"error": {"code": "X", "message": "a"}}),
    "an error of OpenAI's shape": (b'{"error":{"message":"a"}}', {"error": {"message": "a"}}),
    "words as the error": (b'{"error":"a"}', {"error": "a"}),
    "no error in it": (b'{"error":null,"message":"a"}', {"error": {"error": None, "message": "a"}}),
    "words": (b"a\xff", {"error": {"message": "a\ufffd"}}),
    "nothing in it": (b"{}", {"error": {"message": "{}"}}),
    "nothing": (b"", {"error": {"message": "The upstream ended its answer with an error."}}),
    "the end": (sse.DONE[6:-2], {"error": {"message": "[DONE]"}}),
    "half of it": (b'{"code":', {"error": {"message": '{"code":'}}),
}


@pytest.mark.parametrize(("payload", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_an_event_that_is_an_error_says_so(payload: bytes, error: Json) -> None:
    with_status = b"event:error\n:HTTP_STATUS/429\ndata:" + payload + b"\n\n"
    for pieces in cuts.every_cut(b'data: {"a":1}\n\n' + with_status):
        assert read(STREAM, pieces) == ([A, {"status_code": 429} | error], False, None)
    assert read(STREAM, [b"event: error\ndata:" + payload]) == ([error], False, None)


def test_the_status_in_an_error_goes_before_that_of_its_event() -> None:
    event = b'event:error\n:HTTP_STATUS/400\ndata:{"error":{"code":"X"},"status_code":429}\n\n'
    assert read(STREAM, [event]) == ([{"error": {"code": "X"}, "status_code": 429}], False, None)


def test_json_too_deep_is_refused() -> None:
    deep = b'{"a":' * 100_000 + b"}" * 100_000
    assert read(STREAM, [sse.encode(deep)]) == ([], False, UPSTREAM_GARBLED)
    assert read(JSON, [deep]) == ([], False, UPSTREAM_GARBLED)


def test_objects_come_as_soon_as_they_are_complete() -> None:
    frames = Frames(STREAM)
    assert list(frames.feed(b'data: {"a":1}\n')) == []
    assert list(frames.feed(b"\n")) == [A]


def test_text_is_refused_with_its_first_word() -> None:
    frames = Frames(TEXT)
    assert not list(frames.feed(b"upstream"))
    assert frames.trouble is not None


def test_after_trouble_there_is_nothing() -> None:
    frames = Frames(STREAM)
    assert list(frames.feed(PAGE)) == []
    assert frames.trouble is not None
    assert list(frames.feed(EVENTS)) == []


def test_a_body_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BODY_LIMIT", 5)
    assert read(JSON, [b'{"a"', b":1}"]) == ([], False, UPSTREAM_GARBLED)


def test_an_event_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT", 7)
    data = b'data: {"a":1}\n\ndata: {"b":22}\n\n'
    for pieces in cuts.every_cut(data):
        assert read(STREAM, pieces) == ([A], False, UPSTREAM_GARBLED)


def test_no_word_of_the_upstreams_page_is_repeated() -> None:
    frames = Frames(HTML)
    assert not list(frames.feed(b"<p>Bearer sk-secret</p>"))
    assert frames.trouble is not None
    assert "sk-" not in frames.trouble.message
