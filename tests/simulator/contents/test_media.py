"""Parts of a user's turn."""

from typing import Any

import pytest

from qwenproxy.simulator.contents.media import part_of

LINK = "https://example.com/x"


@pytest.mark.parametrize(
    ("part", "meant"),
    [
        ({"text": "hello"}, {"type": "text", "text": "hello"}),
        (
            {"inline_data": {"mime_type": "image/png", "data": "AA=="}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        ),
        (
            {"file_data": {"mime_type": "image/jpeg", "file_uri": LINK}},
            {"type": "image_url", "image_url": {"url": LINK}},
        ),
        (
            {"inline_data": {"mime_type": "audio/wav", "data": "AA=="}},
            {"type": "input_audio", "input_audio": {"data": "data:audio/wav;base64,AA==", "format": "wav"}},
        ),
        (
            {"file_data": {"mime_type": "video/mp4", "file_uri": LINK}},
            {"type": "video_url", "video_url": {"url": LINK}},
        ),
        (
            {"inline_data": {"mime_type": "application/pdf", "data": "AA=="}},
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
        ),
    ],
    ids=["text", "image", "image by address", "audio", "video", "pdf"],
)
def test_each_kind_has_its_part(part: Any, meant: Any) -> None:
    assert part_of(part) == meant


@pytest.mark.parametrize("part", [{"inline_data": {"mime_type": "application/zip"}}, {"inline_data": {}}])
def test_other_kinds_are_refused(part: Any) -> None:
    with pytest.raises(ValueError, match="Unsupported MIME type"):
        part_of(part)


def test_what_only_the_model_says_is_refused() -> None:
    with pytest.raises(ValueError, match="Only text"):
        part_of({"executable_code": {"code": "1"}})
