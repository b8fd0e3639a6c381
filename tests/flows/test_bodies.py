"""Request bodies, compressed or not, and those that are far larger than they look."""

import gzip
import zlib
from collections.abc import Callable

import pytest
import zstandard
from mitmproxy.test import tutils

from qwenproxy.errors import ProxyError
from qwenproxy.flows.bodies import DECODERS, body_of

TEXT = b'{"model": "gpt-4o", "messages": []}'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}
PACKED = {coding: pack(TEXT) for coding, pack in PACKERS.items()}
LIMIT = 1000


def body(data: bytes | None, codings: str = "", limit: int = LIMIT) -> bytes:
    return body_of(tutils.treq(content=data), codings, limit)


def refusal(data: bytes | None, codings: str = "", limit: int = LIMIT) -> tuple[int, str | None, str]:
    with pytest.raises(ProxyError) as e:
        body(data, codings, limit)
    return e.value.status, e.value.failure.code, e.value.message


def test_every_coding_is_tried_here() -> None:
    assert PACKERS.keys() == DECODERS.keys()


@pytest.mark.parametrize("codings", ["", "identity", "identity, identity", " , "])
def test_a_plain_body_stays_as_it_is(codings: str) -> None:
    assert body(TEXT, codings) == TEXT


@pytest.mark.parametrize("coding", PACKED)
def test_a_compressed_body_is_unpacked(coding: str) -> None:
    assert body(PACKED[coding], coding) == body(PACKED[coding], coding.upper()) == TEXT


def test_codings_are_taken_off_from_the_last_to_the_first() -> None:
    assert body(zstandard.compress(gzip.compress(TEXT)), "gzip, zstd") == TEXT


def test_codings_upon_codings_are_not_taken_off() -> None:
    """Each would cost as much as a whole body."""
    assert refusal(TEXT, ", ".join(["gzip"] * 4))[:2] == (415, "unsupported_content_encoding")


def test_zstd_may_come_in_several_frames() -> None:
    assert body(zstandard.compress(TEXT[:10]) + zstandard.compress(TEXT[10:]), "zstd") == TEXT


@pytest.mark.parametrize("coding", ["br", "compress", "gzip, br", "x"])
def test_a_coding_that_is_not_known_is_named(coding: str) -> None:
    status, code, message = refusal(PACKED["gzip"], coding)
    assert (status, code) == (415, "unsupported_content_encoding")
    assert coding.rpartition(" ")[2] in message


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("left", [0, 1, -1, -5])
def test_a_body_that_is_cut_short_is_refused(coding: str, left: int) -> None:
    assert refusal(PACKED[coding][:left], coding)[0] == 400


@pytest.mark.parametrize("left", [0, 1, -1, -5])
def test_of_a_zstd_frame_that_is_cut_short_comes_what_there_is(left: int) -> None:
    """Which then is no JSON: the decoder itself does not tell."""
    found = body(PACKED["zstd"][:left], "zstd")
    assert TEXT.startswith(found)
    assert found != TEXT


@pytest.mark.parametrize("coding", PACKED)
def test_a_body_that_is_not_what_it_says_is_refused(coding: str) -> None:
    assert refusal(TEXT, coding)[0] == 400


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, 50_000_000])
def test_the_limit_holds_for_what_is_unpacked(coding: str, size: int) -> None:
    data = PACKERS[coding](bytes(size))
    if size <= LIMIT:
        assert len(body(data, coding)) == size
    else:
        assert refusal(data, coding)[:2] == (413, "request_too_large")


def test_a_request_that_was_streamed_away_is_not_answered_as_if_it_were_empty() -> None:
    assert refusal(None)[0] == 500
