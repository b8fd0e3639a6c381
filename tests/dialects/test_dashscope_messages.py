"""Messages in the native form, for both kinds of generation."""

from typing import Any

import pytest

from qwenproxy.dialects.dashscope_messages import PARTS, messages
from qwenproxy.dialects.parts import NEEDS
from qwenproxy.wire.openai import Json

MARK: Json = {"cache_control": {"type": "ephemeral"}}
PNG = "data:image/png;base64,AA=="


def user(content: Any) -> Json:
    return {"role": "user", "content": content}


def part(kind: str, content: Any, **beside: Any) -> Json:
    return {"type": kind, kind: content, **beside}


def said(content: Any, *, multimodal: bool, role: str = "user", **fields: Any) -> Any:
    """What becomes of the content of one message."""
    (message,) = messages({"messages": [{"role": role, "content": content}], **fields}, multimodal=multimodal)
    return message["content"]


TEXTS: list[tuple[str, Any, Any]] = [
    ("a string", "Hi", "Hi"),
    ("nothing", None, ""),
    ("one text", [part("text", "Hi")], "Hi"),
    ("two texts", [part("text", "a"), part("text", "b")], "a\nb"),
    ("no parts", [], ""),
    ("a mark", [part("text", "a"), part("text", "b", **MARK)], [part("text", "a"), part("text", "b", **MARK)]),
    ("a picture", [part("text", "a"), part("image_url", {"url": PNG})], [{"text": "a"}, {"image": PNG}]),
    ("strings", ["a"], ["a"]),
]


@pytest.mark.parametrize(("content", "sent"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_text_generation_gets_strings_wherever_it_can(content: Any, sent: Any) -> None:
    assert said(content, multimodal=False) == sent


WAV, MP3, PDF = "data:audio/wav;base64,AA", "data:audio/mpeg;base64,AA", "data:application/pdf;base64,AA"
FILM = "https://a/b.mp4"


def sound(data: str, **more: str) -> list[Json]:
    return [part("input_audio", {"data": data, **more})]


CONTENTS: list[tuple[str, Any, Any]] = [
    ("a string", "Hi", [{"text": "Hi"}]),
    ("an empty string", "", [{"text": ""}]),
    ("texts", [part("text", "a"), part("text", "b", **MARK)], [{"text": "a"}, {"text": "b", **MARK}]),
    ("a picture", [part("image_url", {"url": PNG, "detail": "high"})], [{"image": PNG}]),
    ("a picture by its address alone", [part("image_url", "https://a/b.png")], [{"image": "https://a/b.png"}]),
    (
        "a picture with settings",
        [part("image_url", {"url": PNG}, min_pixels=1, max_pixels=9, **MARK)],
        [{"image": PNG, "min_pixels": 1, "max_pixels": 9, **MARK}],
    ),
    ("sound by its address", sound("https://a/b.mp3", format="mp3"), [{"audio": "https://a/b.mp3"}]),
    ("sound", sound("data:;base64,AA", format="wav"), [{"audio": WAV}]),
    ("MP3", sound("data:;base64,AA", format="mp3"), [{"audio": MP3}]),
    ("sound of no format", sound("data:;base64,AA"), [{"audio": "data:;base64,AA"}]),
    ("sound of a type", sound(MP3, format="wav"), [{"audio": MP3}]),
    ("a video", [part("video_url", {"url": FILM}, fps=2)], [{"video": FILM, "fps": 2}]),
    ("a video with settings inside", [part("video_url", {"url": FILM, "fps": 2})], [{"video": FILM, "fps": 2}]),
    ("frames of a video", [part("video", [PNG, PNG], fps=1)], [{"video": [PNG, PNG], "fps": 1}]),
    ("a PDF", [part("file", {"file_data": PDF, "filename": "a.pdf"})], [{"file": PDF}]),
    ("a bare PDF", [part("file", {"file_data": "AA"})], [{"file": PDF}]),
    ("a PDF by its address", [part("file", {"file_url": "https://a/b.pdf"})], [{"file": "https://a/b.pdf"}]),
    ("a kind that nobody knows", [{"type": "smell", "smell": 1}], [{"type": "smell", "smell": 1}]),
    ("no part", ["a"], ["a"]),
    *((f"{kind} of no shape", [part(kind, 5)], [{PARTS[kind][0]: 5}]) for kind in PARTS),
]


@pytest.mark.parametrize(("content", "sent"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_multimodal_generation_gets_parts_named_by_their_key(content: Any, sent: Any) -> None:
    assert said(content, multimodal=True) == sent


def test_every_kind_of_part_has_its_form() -> None:
    assert {"text", *NEEDS} == set(PARTS)


def test_limits_of_the_request_stand_at_each_picture() -> None:
    content = [
        part("image_url", {"url": PNG}),
        part("image_url", {"url": PNG}, max_pixels=5),
        part("video", [PNG]),
        part("text", "a"),
    ]
    assert said(content, multimodal=True, min_pixels=1, max_pixels=9) == [
        {"image": PNG, "min_pixels": 1, "max_pixels": 9},
        {"image": PNG, "min_pixels": 1, "max_pixels": 5},
        {"video": [PNG], "min_pixels": 1, "max_pixels": 9},
        {"text": "a"},
    ]


CALL: Json = {"id": "call_a1", "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
RESULT: Json = {"role": "tool", "tool_call_id": "call_a1", "content": "4 C"}


@pytest.mark.parametrize(("multimodal", "empty"), [(False, ""), (True, [])])
def test_results_of_tools_tell_the_name_of_the_function_and_are_strings(multimodal: bool, empty: Any) -> None:
    assistant = {"role": "assistant", "content": None, "reasoning_content": "Look.", "tool_calls": [CALL]}
    asked, answered = messages({"messages": [assistant, RESULT]}, multimodal=multimodal)
    assert asked == {**assistant, "content": empty}
    assert answered == {**RESULT, "content": "4 C", "name": "lookup"}


@pytest.mark.parametrize("call", [{"id": "call_b2"}, {"id": "call_a1"}, {"id": "call_a1", "function": None}])
def test_a_result_of_an_unknown_function_has_no_name(call: Json) -> None:
    assistant = {"role": "assistant", "content": "", "tool_calls": [call]}
    assert "name" not in messages({"messages": [assistant, RESULT]}, multimodal=False)[1]


def test_what_else_a_message_says_is_kept() -> None:
    begun = {"role": "assistant", "content": "The capital", "partial": True}
    assert messages({"messages": [user("Hi"), begun]}, multimodal=False) == [user("Hi"), begun]


def test_the_apps_own_messages_are_not_touched() -> None:
    mine = [user([part("image_url", {"url": PNG})])]
    messages({"messages": mine, "max_pixels": 9}, multimodal=True)
    assert mine == [user([part("image_url", {"url": PNG})])]
