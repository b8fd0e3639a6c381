"""Content, part by part."""

from typing import Any

import pytest

from qwenproxy.endpoints.responses.parts import content_of, said
from qwenproxy.errors import UNSUPPORTED_VALUE, ProxyError
from qwenproxy.wire.openai import Json

IMAGE = "data:image/png;base64,AA=="
TEXT = {"type": "text", "text": "a"}

CASES: dict[str, tuple[Any, Any]] = {
    "a string": ("a", "a"),
    "one text": ([{"type": "input_text", "text": "a"}], "a"),
    "several texts": ([{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "a"}], [TEXT, TEXT]),
    "nothing": ([], []),
    "a text with a mark": (
        [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, {"type": "refusal", "refusal": "a"}],
        [TEXT | {"cache_control": {"type": "ephemeral"}}, TEXT],
    ),
    "an image": (
        [{"type": "input_image", "image_url": IMAGE, "detail": "original"}],
        [{"type": "image_url", "image_url": {"url": IMAGE, "detail": "original"}}],
    ),
    "an image without detail": (
        [{"type": "input_image", "image_url": IMAGE, "detail": None, "file_id": None}],
        [{"type": "image_url", "image_url": {"url": IMAGE}}],
    ),
    "a file": (
        [{"type": "input_file", "file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}],
        [{"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}}],
    ),
    "a file by its address": (
        [{"type": "input_file", "file_url": "https://example.com/a.pdf"}],
        [{"type": "file", "file": {"file_data": "https://example.com/a.pdf"}}],
    ),
    "sound": (
        [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
        [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_content_is_as_chat_completions_have_it(name: str) -> None:
    given, told = CASES[name]
    assert content_of(given, "input[0].content") == told


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_image", "file_id": "file-1"}, "file_id"),
        ({"type": "input_image"}, "image_url"),
        ({"type": "input_file", "file_id": "file-1"}, "file_id"),
        ({"type": "input_file"}, "file_data"),
    ],
)
def test_files_kept_elsewhere_are_out_of_reach(part: Json, field: str) -> None:
    with pytest.raises(ProxyError) as caught:
        content_of([{"type": "input_text", "text": "See"}, part], "input[0].content")
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_VALUE, f"input[0].content[1].{field}")


def test_all_parts_of_an_earlier_answer_are_its_text() -> None:
    assert said([{"type": "output_text", "text": "a"}, {"type": "refusal", "refusal": "b"}]) == "ab"
    assert said("a") == "a"
