"""Answers as mitmproxy responses."""

import orjson
import pytest
from mitmproxy.test import tutils

from qwenproxy.errors import RATE_LIMIT, ProxyError
from qwenproxy.exchange import Answer
from qwenproxy.flows import answers


class Words:
    """A live body, which may break off."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces = [*pieces, b""]
        self.closed = False

    @property
    def over(self) -> bool:
        return not self._pieces

    async def read(self) -> bytes:
        piece = self._pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def fail(self, error: ProxyError) -> bytes:
        return b""

    async def close(self) -> None:
        self.closed = True


def test_the_request_id_is_the_flows_in_openais_form() -> None:
    assert answers.request_id("0f8fad5b-d9cb-469f-a165-70867728950e") == "req_0f8fad5bd9cb469fa16570867728950e"


def test_an_error_has_openais_envelope_and_its_headers() -> None:
    answer = answers.of_error(ProxyError(RATE_LIMIT, "wait", retry_after=1.5), "a-b")
    assert (answer.status, answer.headers["retry-after-ms"], answer.headers["x-request-id"]) == (429, "1500", "req_ab")
    assert isinstance(answer.body, bytes)
    assert orjson.loads(answer.body) == {
        "error": {"message": "wait", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    }


@pytest.mark.parametrize(
    ("method", "status", "length", "body"),
    [("POST", 200, "2", b"{}"), ("HEAD", 200, "2", b""), ("OPTIONS", 204, None, b"")],
)
def test_a_whole_body_is_measured(method: str, status: int, length: str | None, body: bytes) -> None:
    request = tutils.treq(method=method.encode())
    response = answers.response(Answer(status, {}, b"" if status == 204 else b"{}"), request)
    assert (response.headers.get("content-length"), response.raw_content) == (length, body)


@pytest.mark.parametrize(
    ("version", "coding"), [(b"HTTP/1.1", "chunked"), (b"HTTP/1.0", None), (b"HTTP/2.0", None), (b"HTTP/3", None)]
)
def test_only_http_1_1_needs_a_live_body_in_chunks(version: bytes, coding: str | None) -> None:
    response = answers.response(Answer(200, {}, Words()), tutils.treq(http_version=version))
    assert response.headers.get("transfer-encoding") == coding
    assert response.headers.get("content-length") is None
    assert response.data.http_version == version


async def test_a_live_body_is_read_to_its_end_and_closed() -> None:
    words = Words(b"one", b"two")
    assert (await answers.read_to_end(Answer(200, {"a": "b"}, words))).body == b"onetwo"
    assert words.closed


async def test_a_live_body_that_breaks_off_is_closed_too() -> None:
    words = Words(b"one", ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await answers.read_to_end(Answer(200, {}, words))
    assert words.closed


async def test_a_whole_body_needs_no_reading() -> None:
    answer = Answer(200, {}, b"{}")
    assert await answers.read_to_end(answer) is answer


def test_a_streams_headers_tell_what_a_script_has_made_of_them() -> None:
    headers = answers.response(Answer(200, {"X-A": "1"}, Words()), tutils.treq()).headers
    for encoding in ("chunked", "gzip, chunked"):
        headers["transfer-encoding"] = encoding
        assert [headers.get("transfer-encoding", "") for _ in range(2)] == [encoding] * 2
    del headers["transfer-encoding"]
    assert headers.get("transfer-encoding", "none") == "none"
    assert headers.get("x-a") == "1"


def test_what_is_given_back_of_a_request_may_be_any_bytes() -> None:
    origin = b"http://\xff".decode("utf-8", "surrogateescape")
    told = answers.response(Answer(200, {"access-control-allow-origin": origin}, b""), tutils.treq())
    assert (b"access-control-allow-origin", b"http://\xff") in told.headers.fields
