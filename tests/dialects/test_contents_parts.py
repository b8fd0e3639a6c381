"""Content parts in the contents format."""

from typing import Any

import pytest

from qwenproxy.dialects.contents_parts import media, parts, twice
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_VALUE, Failure, ProxyError
from qwenproxy.wire.openai import Json


def image(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def inline(kind: str, data: str) -> Json:
    return {"inlineData": {"mimeType": kind, "data": data}}


def file(kind: str, uri: str) -> Json:
    return {"fileData": {"fileUri": uri, "mimeType": kind}}


SAID: list[tuple[str, Any, list[Json]]] = [
    ("a string", "Hi", [{"text": "Hi"}]),
    ("an empty string", "", []),
    ("nothing", None, []),
    ("texts", [{"type": "text", "text": "a"}, {"type": "text", "text": ""}], [{"text": "a"}]),
    (
        "a mark for a cache that is not here",
        [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}],
        [{"text": "a"}],
    ),
    ("an image in itself", [image("data:image/PNG;base64,iVBO")], [inline("image/png", "iVBO")]),
    ("an image in plain octets", [image("data:image/svg+xml,%3Csvg/%3E")], [inline("image/svg+xml", "PHN2Zy8+")]),
    ("an image of no kind", [image("data:;base64,iVBO")], [inline("image/jpeg", "iVBO")]),
    ("an image elsewhere", [image("https://x.test/a.webp?b=c.d")], [file("image/webp", "https://x.test/a.webp?b=c.d")]),
    ("an image of no name", [image("https://x.test/a")], [file("image/jpeg", "https://x.test/a")]),
    ("an image in a store", [image("oss://b/a.PNG")], [file("image/png", "oss://b/a.PNG")]),
    (
        "sound",
        [{"type": "input_audio", "input_audio": {"data": "data:;base64,UklG", "format": "wav"}}],
        [inline("audio/wav", "UklG")],
    ),
    (
        "sound, mp3",
        [{"type": "input_audio", "input_audio": {"data": "data:;base64,SUQz", "format": "mp3"}}],
        [inline("audio/mp3", "SUQz")],
    ),
    (
        "sound elsewhere",
        [{"type": "input_audio", "input_audio": {"data": "https://x.test/a", "format": "mp3"}}],
        [file("audio/mp3", "https://x.test/a")],
    ),
    (
        "a document",
        [{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBE"}}],
        [inline("application/pdf", "JVBE")],
    ),
    ("a document, bare", [{"type": "file", "file": {"file_data": "JVBE"}}], [inline("application/pdf", "JVBE")]),
    (
        "a document elsewhere",
        [{"type": "file", "file": {"file_url": "https://x.test/a"}}],
        [file("application/pdf", "https://x.test/a")],
    ),
    (
        "a video",
        [{"type": "video_url", "video_url": {"url": "https://x.test/a.mov"}, "fps": 2}],
        [{**file("video/quicktime", "https://x.test/a.mov"), "videoMetadata": {"fps": 2}}],
    ),
    (
        "a video by its frames",
        [{"type": "video", "video": ["https://x.test/1.png", "data:image/png;base64,iVBO"]}],
        [file("image/png", "https://x.test/1.png"), inline("image/png", "iVBO")],
    ),
]


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_a_part_is_said_in_the_formats_own_way(content: Any, expected: list[Json]) -> None:
    assert parts(content) == expected


REFUSED: list[tuple[str, Json, Failure]] = [
    ("of an unknown kind", {"type": "smell"}, UNSUPPORTED_VALUE),
    ("of no kind", {}, UNSUPPORTED_VALUE),
    ("an image of nothing", {"type": "image_url", "image_url": {}}, INVALID_VALUE),
    ("sound of nothing", {"type": "input_audio", "input_audio": 5}, INVALID_VALUE),
    ("a document of nothing", {"type": "file", "file": {"file_data": ""}}, INVALID_VALUE),
    ("a video of nothing", {"type": "video_url"}, INVALID_VALUE),
]


@pytest.mark.parametrize(("part", "failure"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_part_that_cannot_be_said_is_refused(part: Json, failure: Failure) -> None:
    with pytest.raises(ProxyError) as refused:
        parts([part])
    assert refused.value.failure is failure
    assert refused.value.param == "messages"


def test_an_address_that_is_none_is_passed_on() -> None:
    """What it may mean is the server's affair."""
    assert media("file-123", "application/pdf") == file("application/pdf", "file-123")
    assert parts([image("http://[a.b/c.png")]) == [file("image/jpeg", "http://[a.b/c.png")]


def test_media_in_the_request_are_said_in_both_spellings() -> None:
    said = [{"text": "a"}, inline("image/png", "iVBO"), file("image/png", "https://x.test/a.png")]
    expected = [said[0], {**said[1], "inline_data": {"mime_type": "image/png", "data": "iVBO"}}, said[2]]
    twice(said)
    assert said == expected
