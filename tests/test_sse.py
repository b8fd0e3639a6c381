"""The event-stream codec against the standard (WHATWG HTML, 9.2), however the bytes are cut."""

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy import sse
from tests.support import cuts

CASES = {
    "nothing": (b"", []),
    "one event": (b"data: a\n\n", [b"a"]),
    "two events": (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
    "no space behind the colon": (b"data:a\n\n", [b"a"]),
    "only one space is the separator": (b"data:  a \n\n", [b" a "]),
    "no value": (b"data:\n\ndata: \n\n", [b"", b""]),
    "no colon": (b"data\n\n", [b""]),
    "a colon in the value": (b"data: a: b\n\n", [b"a: b"]),
    "several data lines": (b"data: a\ndata\ndata: b\n\n", [b"a\n\nb"]),
    "CRLF": (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
    "CR": (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
    "line ends mixed": (b"data: a\n\rdata: b\r\n\ndata: c\r\r\n", [b"a", b"b", b"c"]),
    "more blank lines than needed": (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n\n", [b"a", b"b"]),
    "a comment alone": (b": keep-alive\n\n", []),
    "a comment in an event": (b"data: a\n: b\ndata: c\n\n", [b"a\nc"]),
    "a comment with a status": (b":HTTP_STATUS/200\ndata:a\n\n", [b"a"]),
    "other fields": (b"id:1\nevent: x\nretry: 5\nfoo: b\ndata: a\n\n", [b"a"]),
    "other fields only": (b"event: x\n\nid: 1\n\n", []),
    "a field that begins with data": (b"database: x\ndata : y\n Data: z\n\n", []),
    "a name in capitals": (b"DATA: x\n\n", []),
    "a byte order mark": (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
    "a second byte order mark": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
    "half a byte order mark": (b"\xef\xbbdata: a\n\n", []),
    "a byte order mark inside": (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
    "other line breaks are text": ("data: a\u2028b\x0bc\x0cd\x85e\n\n".encode(), ["a\u2028b\x0bc\x0cd\x85e".encode()]),
    "characters of many bytes": ("data: é你🌍\n\n".encode(), ["é你🌍".encode()]),
    "bytes that are no text": (b"data: \xff\x00\xfe\n\n", [b"\xff\x00\xfe"]),
    "no blank line at the end": (b"data: a\n\ndata: b\n", [b"a", b"b"]),
    "no line end at the end": (b"data: a\n\ndata: b", [b"a", b"b"]),
    "no line feed at the end": (b"data: a\r\n\r\ndata: b\r", [b"a", b"b"]),
    "DashScope's events": (
        b'id:1\nevent:result\n:HTTP_STATUS/200\ndata:{"a":1}\n\nid:2\nevent:result\n:HTTP_STATUS/200\ndata:{}\n\n',
        [b'{"a":1}', b"{}"],
    ),
    "DashScope's events, of two lines": (
        b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{\ndata:}\n\ndata:a\nevent:result\n:HTTP_STATUS/200\ndata:{}\n\n",
        [b"{\n}", b"a\n{}"],
    ),
    "the end": (b"data: [DONE]\n\n", [b"[DONE]"]),
}


def decoded(pieces: Iterable[bytes]) -> list[bytes]:
    decoder = sse.Decoder()
    return [payload for piece in [*pieces, b""] for payload in decoder.feed(piece)]


def by_the_book(data: bytes) -> list[bytes]:
    """The standard's own words, on the whole stream at once; what is pending at the end counts (unlike there)."""
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    events: list[bytes] = []
    buffer: list[bytes] = []
    for line in [*text.split(b"\n"), b""]:
        name, _, value = line.partition(b":")
        if not line:
            events += [b"\n".join(buffer)] if buffer else []
            buffer = []
        elif name == b"data":
            buffer.append(value[1:] if value.startswith(b" ") else value)
    return events


@pytest.mark.parametrize(("data", "payloads"), CASES.values(), ids=CASES.keys())
def test_payloads_are_the_same_at_every_cut(data: bytes, payloads: list[bytes]) -> None:
    for pieces in cuts.every_cut(data):
        assert decoded(pieces) == payloads


@pytest.mark.parametrize(("data", "payloads"), CASES.values(), ids=CASES.keys())
def test_the_cases_are_the_standards(data: bytes, payloads: list[bytes]) -> None:
    assert by_the_book(data) == payloads


LINES = st.sampled_from(
    [
        b"data",
        b"data:",
        b"data: ",
        b"a",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b":",
        b" ",
        b"id: 1",
        b"event:x",
        b"\nevent:result\n:HTTP_STATUS/200\ndata:{",
        b":HTTP_STATUS/429",
        b"event: error",
        sse.BOM,
        b"\xef",
    ]
)


@given(st.lists(LINES, max_size=30), st.data())
def test_any_stream_in_any_pieces_reads_as_the_standard_says(parts: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(parts)
    places = sorted(draw.draw(st.sets(st.integers(1, len(data) - 1)))) if len(data) > 1 else []
    edges = [0, *places, len(data)]
    pieces = [data[start:end] for start, end in pairwise(edges) if start < end]
    assert decoded(pieces) == by_the_book(data)


ERRORS: dict[str, tuple[bytes, list[int | None]]] = {
    "none": (b"id:1\nevent:result\n:HTTP_STATUS/200\ndata:{}\n\ndata: a\n\n", [None, None]),
    "by kind and status": (b"data: a\n\nid:1\nevent:error\n:HTTP_STATUS/429\ndata:a\n\ndata: b\n\n", [None, 429, None]),
    "by kind alone": (b"event: error\ndata: a\n\n", [0]),
    "by kind, against the status": (b"event:error\n:HTTP_STATUS/200\ndata:a\n\n", [0]),
    "by status alone": (b"event:result\n:HTTP_STATUS/500\ndata:a\n\n", [500]),
    "by a status in front of the kind": (b":HTTP_STATUS/400\nevent:error\ndata:a\n\n", [400]),
    "by a status behind the data": (b"data:a\n:HTTP_STATUS/400\n\n", [400]),
    "by a status as a field": (b"event:error\nstatus: 403\ndata:a\n\n", [403]),
    "two": (b"event:error\ndata:a\n\n:HTTP_STATUS/401\ndata:b\n\n", [0, 401]),
    "with line ends of two bytes": (b"event:error\r\n:HTTP_STATUS/429\r\ndata:a\r\n\r\n", [429]),
    "of nothing": (b"event:error\n:HTTP_STATUS/429\n\ndata: a\n\n", [None]),
    "another kind": (b"event:errors\ndata: a\n\nevent\ndata: b\n\n", [None, None]),
    "another comment": (
        b":HTTP_STATUS/302\ndata: a\n\n:HTTP_STATUS/4\ndata: b\n\n: status:400\ndata: c\n\n",
        [None] * 3,
    ),
    "without the last blank line": (b"event:error\n:HTTP_STATUS/429\ndata:a", [429]),
}


@pytest.mark.parametrize(("data", "statuses"), ERRORS.values(), ids=ERRORS.keys())
def test_errors_are_known_by_their_kind_or_status_at_every_cut(data: bytes, statuses: list[int | None]) -> None:
    for pieces in cuts.every_cut(data):
        decoder, found = sse.Decoder(), list[int | None]()
        for piece in [*pieces, b""]:
            payloads = decoder.feed(piece)
            found += [decoder.failed.get(place) for place in range(len(payloads))]
        assert found == statuses


def test_an_event_comes_with_its_last_byte() -> None:
    """Nothing waits for the next event."""
    decoder = sse.Decoder()
    assert decoder.feed(b"data: a\n") == []
    assert decoder.feed(b"\n") == [b"a"]
    assert decoder.feed(b"data: b\r\n") == []
    assert decoder.feed(b"\r\n") == [b"b"]
    assert decoder.feed(b"data: c\n\ndata: d\n\ndata: e") == [b"c", b"d"]


def test_nothing_comes_after_the_end() -> None:
    decoder = sse.Decoder()
    assert decoder.feed(b"data: a") == []
    assert decoder.feed(b"") == [b"a"]
    assert decoder.feed(b"") == []


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """A limit that can be tried at every cut."""
    monkeypatch.setattr(sse, "LIMIT", 60)
    monkeypatch.setattr(sse, "LINE_COST", 0)
    return 60


def x(size: int) -> bytes:
    return b"x" * size


def read(pieces: Iterable[bytes]) -> tuple[list[bytes], bool]:
    """The payloads, and whether the stream was refused."""
    decoder, payloads = sse.Decoder(), list[bytes]()
    try:
        for piece in [*pieces, b""]:
            payloads += decoder.feed(piece)
    except sse.EventTooLarge:
        return payloads, True
    return payloads, False


def test_an_event_may_be_as_large_as_the_limit(limit: int) -> None:
    data = (
        b"data: " + x(limit) + b"\n\ndata: " + x(limit // 2) + b"\nid: 1\ndata: " + x(limit // 2) + b"\n\ndata: a\n\n"
    )
    for pieces in cuts.every_cut(data):
        assert read(pieces) == ([x(limit), x(limit // 2) + b"\n" + x(limit // 2), b"a"], False)


@pytest.mark.parametrize(
    "event",
    [
        b"data: " + x(61) + b"\n\n",
        b"data: " + x(69),
        b"data: " + x(60) + b"\ndata: x\n\n",
        b"data: a\r\nid: " + x(69) + b"\r\n\r\n",
        x(69),
    ],
    ids=["one line", "one line without its end", "two lines", "another field", "no field"],
)
@pytest.mark.usefixtures("limit")
def test_an_event_beyond_the_limit_is_refused_after_those_in_front_of_it(event: bytes) -> None:
    data = b"data: a\n\n" + event + b"\n\ndata: b\n\n"
    for pieces in cuts.every_cut(data):
        assert read(pieces) == ([b"a"], True)


@pytest.mark.parametrize("line", [b"data:\n", b"data: x\n", b"data\r\n"])
def test_lines_that_hold_nothing_are_not_gathered_without_end(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "LIMIT", 10 * sse.LINE_COST)
    decoder = sse.Decoder()
    assert decoder.feed(b"data: a\r\n" + line * 9) == []
    with pytest.raises(sse.EventTooLarge):
        decoder.feed(line * 3)


def test_a_refused_event_is_not_kept(limit: int) -> None:
    decoder = sse.Decoder()
    with pytest.raises(sse.EventTooLarge):
        decoder.feed(b"data: " + x(limit + 9))
    with pytest.raises(sse.EventTooLarge):
        decoder.feed(b"data: a\n\n")
    assert not any(value for value in vars(decoder).values() if isinstance(value, bytes | list))


def test_the_limit_leaves_room_for_an_image() -> None:
    size = sse.LIMIT - 1
    assert [len(payload) for payload in decoded([b"data: ", x(size), b"\n\n"])] == [size]


@pytest.mark.parametrize("payload", [b'{"a":1}', b"", b"[DONE]"])
def test_what_is_encoded_is_decoded(payload: bytes) -> None:
    assert decoded([sse.encode(payload)]) == [payload]
    assert decoded([sse.encode_named(b"x", payload)]) == [payload]


def test_events_have_the_usual_form() -> None:
    """Clients' own readers are picky: one line a field, one space, LF, a blank line."""
    assert sse.encode(b"{}") == b"data: {}\n\n"
    assert sse.encode_named(b"response.created", b"{}") == b"event: response.created\ndata: {}\n\n"
    assert sse.encode(b"[DONE]") == sse.DONE


def test_a_keep_alive_says_nothing() -> None:
    assert decoded([sse.KEEP_ALIVE, sse.encode(b"a"), sse.KEEP_ALIVE]) == [b"a"]


def test_events_that_are_taken_are_not_given() -> None:
    """Only whole ones, from the front on; what follows is read as ever, however it is cut."""
    taken: list[bytes] = []

    def take(events: bytes) -> int:
        at = 0
        while events.startswith(b"data: x", at) and (end := events.find(b"\n\n", at)) >= 0:
            taken.append(events[at + 6 : end])
            at = end + 2
        return at

    data = b"data: x1\n\ndata: x2\n\ndata: y\n\n: hi\n\ndata: x3\n\nid:1\ndata: x4\n\n"
    for pieces in cuts.every_cut(data):
        taken.clear()
        decoder = sse.Decoder(take)
        read = [payload for piece in [*pieces, b""] for payload in decoder.feed(piece)]
        assert sorted(read + taken) == [b"x1", b"x2", b"x3", b"x4", b"y"]
        assert {b"x1", b"x2"} <= {*taken}
        assert {b"x4", b"y"} <= {*read}


def test_what_is_pending_is_what_is_looked_at_again() -> None:
    decoder = sse.Decoder()
    decoder.feed(b"data: a\n\ndata: b")
    assert decoder.pending == len(b"data: b")
    decoder.feed(b"\n\n")
    assert decoder.pending == 0
