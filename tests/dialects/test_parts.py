"""Content parts: what becomes of each kind, and what is said of those that a model does not take."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.dialects.parts import convert
from qwenproxy.errors import UNSUPPORTED_VALUE, ProxyError
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

ALL = Row(vision=True, audio=True, video=True, files=True)
PDF = "data:application/pdf;base64,JVBERg=="
AT = "messages[2].content"


def _image(**more: Any) -> Json:
    return {"type": "image_url", "image_url": {"url": "https://ex.test/a.png", **more}}


def _audio(data: str) -> Json:
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def _file(**file: Any) -> Json:
    return {"type": "file", "file": file}


TEXT: Json = {"type": "text", "text": "Hi"}
MARKED: Json = {**TEXT, "cache_control": {"type": "ephemeral"}}

CONVERTED: list[tuple[str, Any, Any]] = [
    ("text", TEXT, TEXT),
    ("text marked for Qwen's cache", MARKED, MARKED),
    ("text marked for OpenAI's cache", {**TEXT, "prompt_cache_breakpoint": {"mode": "explicit"}}, TEXT),
    ("refusal", {"type": "refusal", "refusal": "I will not."}, {"type": "text", "text": "I will not."}),
    ("image", _image(), _image()),
    ("image in detail", _image(detail="low"), _image(detail="low")),
    ("image in original detail", _image(detail="original"), _image(detail="high")),
    ("bare audio", _audio("UklGRg=="), _audio("data:;base64,UklGRg==")),
    ("audio by its address", _audio("https://ex.test/a.wav"), _audio("https://ex.test/a.wav")),
    ("audio as a data URL", _audio("data:audio/wav;base64,UklGRg=="), _audio("data:audio/wav;base64,UklGRg==")),
    ("PDF", _file(file_data=PDF), _file(file_data=PDF)),
    ("PDF, bare", _file(file_data="JVBERg==", filename="a.pdf"), _file(file_data="JVBERg==", filename="a.pdf")),
    ("PDF by its address", _file(file_url="https://ex.test/a.pdf"), _file(file_url="https://ex.test/a.pdf")),
    ("video", {"type": "video_url", "video_url": {"url": "v"}}, {"type": "video_url", "video_url": {"url": "v"}}),
    ("unknown", {"type": "hologram", "hologram": 1}, {"type": "hologram", "hologram": 1}),
    ("no object", "Hi", "Hi"),
    ("halves", {"type": "input_audio"}, {"type": "input_audio"}),
]


@pytest.mark.parametrize(("part", "sent"), [row[1:] for row in CONVERTED], ids=[row[0] for row in CONVERTED])
def test_a_part_takes_qwens_form(part: Any, sent: Any) -> None:
    assert convert([part], AT, ALL) == [sent]


REFUSED: list[tuple[str, Row, Json]] = [
    ("image", replace(ALL, vision=False), _image()),
    ("audio", replace(ALL, audio=False), _audio("x")),
    ("video", replace(ALL, video=False), {"type": "video_url", "video_url": {"url": "v"}}),
    ("frames", replace(ALL, video=False), {"type": "video", "video": ["a", "b"]}),
    ("file", replace(ALL, files=False), _file(file_data="x")),
]


@pytest.mark.parametrize(("row", "part"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_part_that_the_model_does_not_take_is_refused_by_its_place(row: Row, part: Json) -> None:
    with pytest.raises(ProxyError) as raised:
        convert([TEXT, part], AT, row)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_VALUE, "messages[2].content[1]")


FILES = [
    ("by its id at OpenAI", _file(file_id="file-1"), AT + "[0].file.file_id"),
    ("no PDF", _file(file_data="data:text/plain;base64,SGk="), AT + "[0].file.file_data"),
]


@pytest.mark.parametrize(("part", "param"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_no_model_can_read_is_refused(part: Json, param: str) -> None:
    with pytest.raises(ProxyError) as raised:
        convert([part], AT, ALL)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_VALUE, param)
