"""The native face's requests."""

from typing import Any

import pytest

from qwenproxy.models import row_of
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.dashscope.request import MISSING, chat_of, complaint, is_incremental, speaks_text
from qwenproxy.simulator.refusals import Refused
from qwenproxy.wire.openai import Json
from tests.support.simulated import WEATHER

HELLO = [{"role": "user", "content": "Hello"}]


def read(body: Json, *, multimodal: bool = False) -> Json:
    return chat_of(body, multimodal=multimodal, stream=False)


def ask(model: str, *, stream: bool = True, **parameters: Any) -> Ask:
    body = {"model": model, "input": {"messages": HELLO}, "parameters": parameters}
    return Ask(chat_of(body, multimodal=False, stream=stream), row_of(model))


def test_parameters_keep_their_names_and_the_headers_say_whether_to_stream() -> None:
    given = {"temperature": 0.5, "tools": [WEATHER], "incremental_output": True, "result_format": "message"}
    body = {"model": "m", "input": {"messages": HELLO}, "parameters": {**given, "stream": False}}
    assert chat_of(body, multimodal=False, stream=True) == {**given, "model": "m", "messages": HELLO, "stream": True}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"model": "m", "messages": HELLO},
        {"model": "m", "input": "Hello"},
        {"model": "m", "input": {"messages": HELLO}, "parameters": []},
    ],
    ids=str,
)
def test_a_body_of_another_shape_is_refused(body: Json) -> None:
    with pytest.raises(Refused, match="parameter") as caught:
        read(body)
    assert caught.value.refusal.message == MISSING


@pytest.mark.parametrize("parameters", [None, {}])
def test_parameters_can_be_left_out(parameters: Json | None) -> None:
    assert read({"model": "m", "input": {"messages": HELLO}, "parameters": parameters})["messages"] == HELLO


def test_a_prompt_and_its_history_are_messages() -> None:
    given = {"prompt": "And Oslo?", "history": [{"user": "Riga?", "bot": "4 degrees"}]}
    assert read({"model": "m", "input": given})["messages"] == [
        {"role": "user", "content": "Riga?"},
        {"role": "assistant", "content": "4 degrees"},
        {"role": "user", "content": "And Oslo?"},
    ]


@pytest.mark.parametrize("given", [{}, {"prompt": 1}, {"messages": None}], ids=str)
def test_nothing_said_is_left_for_the_common_checks(given: Json) -> None:
    assert read({"model": "m", "input": given})["messages"] is None


PARTS: list[tuple[Json, Json]] = [
    ({"text": "Hello"}, {"type": "text", "text": "Hello"}),
    ({"image": "https://a/b.png"}, {"type": "image_url", "image_url": {"url": "https://a/b.png"}}),
    ({"audio": "https://a/b.wav"}, {"type": "input_audio", "input_audio": {"data": "https://a/b.wav"}}),
    ({"video": "https://a/b.mp4", "fps": 2}, {"type": "video_url", "video_url": {"url": "https://a/b.mp4"}}),
    ({"video": ["https://a/1.png"]}, {"type": "video", "video": ["https://a/1.png"]}),
    ({"file": "https://a/b.pdf"}, {"type": "file", "file": {"file_url": "https://a/b.pdf"}}),
    (
        {"text": "Hello", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Hello", "cache_control": {"type": "ephemeral"}},
    ),
    ({"type": "text", "text": "Hello"}, {"type": None}),
    ({"type": "image_url", "image_url": {"url": "https://a/b.png"}}, {"type": None}),
    ({}, {"type": None}),
]


@pytest.mark.parametrize(("part", "expected"), PARTS, ids=str)
def test_a_part_is_named_by_its_key(part: Json, expected: Json) -> None:
    body = {"model": "m", "input": {"messages": [{"role": "user", "content": [part]}]}}
    assert read(body, multimodal=True)["messages"] == [{"role": "user", "content": [expected]}]


def test_text_generation_has_no_such_parts() -> None:
    messages = [{"role": "user", "content": [{"text": "Hello"}]}]
    assert read({"model": "m", "input": {"messages": messages}})["messages"] == messages


@pytest.mark.parametrize("messages", [["x", None], [{"role": "user", "content": ["x"]}], "x"], ids=str)
def test_what_are_no_messages_stays_as_it_is(messages: Any) -> None:
    assert read({"model": "m", "input": {"messages": messages}}, multimodal=True)["messages"] == messages


@pytest.mark.parametrize(
    ("model", "parameters", "expected"),
    [
        ("qwen-plus", {}, True),
        ("qwen-plus", {"result_format": "message"}, False),
        ("qwen3-max", {}, False),
        ("qwen3-max", {"result_format": "text"}, True),
        ("qwen3.7-plus", {"result_format": "text"}, False),
        ("qwen3-coder-plus", {}, False),
    ],
)
def test_old_models_answer_with_text_unless_told_otherwise(model: str, parameters: Json, expected: bool) -> None:
    assert speaks_text(ask(model, **parameters)) is expected


def test_increments_are_asked_for_by_true_only() -> None:
    asked = [ask("m", incremental_output=value) for value in (True, False, None, 1, "true")]
    assert [is_incremental(one) for one in asked] == [True, False, False, False, False]


INCREMENTS = {"incremental_output": True}
COMPLAINTS: list[tuple[str, Json, str]] = [
    ("qwen-plus", {"result_format": "xml"}, "result_format"),
    ("qwen-plus", {"tools": [WEATHER], **INCREMENTS}, "tools"),
    ("qwen-plus", {"enable_thinking": True, **INCREMENTS}, "result_format"),
    ("qwen-plus", {"enable_thinking": True, "result_format": "message"}, "incremental_output"),
    ("qwen3.5-plus", {"enable_thinking": False}, "cannot be set to False"),
    ("qwen3-32b", {"enable_thinking": False}, "cannot be set to False"),
]


@pytest.mark.parametrize(("model", "parameters", "expected"), COMPLAINTS, ids=lambda value: str(value)[:40])
def test_its_own_parameters_are_checked(model: str, parameters: Json, expected: str) -> None:
    said = complaint(ask(model, **parameters))
    assert said is not None
    assert expected in said


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        ("qwen-plus", {}),
        ("qwen-plus", {"tools": [WEATHER], "result_format": "message"}),
        ("qwen3.7-plus", {"enable_thinking": False}),
        ("qwen3.7-plus", INCREMENTS),
        ("qwen3.5-plus", {"enable_thinking": False, **INCREMENTS}),
    ],
    ids=str,
)
def test_what_the_service_takes_passes(model: str, parameters: Json) -> None:
    assert complaint(ask(model, **parameters)) is None


def test_a_whole_answer_needs_no_increments() -> None:
    assert complaint(ask("qwen3.5-plus", stream=False)) is None
