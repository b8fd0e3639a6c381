"""A chat request, read without trust in its shape."""

from typing import Any

import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.ask import Ask, Result, dicts, text_of
from qwenproxy.wire.openai import Json


def ask(**chat: Any) -> Ask:
    return Ask(chat, Row())


@pytest.mark.parametrize("value", [None, 1, "x", {}, [1, "x", None]], ids=str)
def test_what_is_no_list_of_objects_is_none(value: Any) -> None:
    assert dicts(value) == []
    request = ask(messages=value, tools=value, response_format=value, tool_choice=value, stream_options=value)
    assert (request.messages, request.tools, request.images, request.results) == ([], [], [], [])
    assert (request.format in ("text", "None"), request.wants_usage, request.said) == (True, False, "")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello", "Hello"),
        (None, ""),
        ([{"type": "text", "text": "a"}, {"type": "image_url"}, {"type": "text", "text": "b"}], "a\nb"),
        ([{"type": "text"}], ""),
        (7, ""),
    ],
    ids=str,
)
def test_the_text_of_a_content(content: Any, text: str) -> None:
    assert text_of(content) == text


def test_the_prompt_is_the_last_user_message_without_its_markers() -> None:
    messages = [
        {"role": "user", "content": "a"},
        {"role": "user", "content": "[sim: cut] b [SIM: crlf]"},
        {"role": "tool"},
    ]
    assert (ask(messages=messages).said, ask(messages=messages).prompt) == ("[sim: cut] b [SIM: crlf]", "b")


@pytest.mark.parametrize(
    ("choice", "forced"),
    [
        (None, None),
        ("auto", None),
        ("none", None),
        ("required", ""),
        ({"type": "function", "function": {"name": "f"}}, "f"),
        ({"type": "function"}, ""),
    ],
    ids=str,
)
def test_what_a_choice_forces(choice: Any, forced: str | None) -> None:
    assert ask(tool_choice=choice).forced == forced


@pytest.mark.parametrize(("value", "text"), [(True, True), (False, False), (None, False), (1, False), ("true", False)])
def test_only_true_streams(value: Any, text: bool) -> None:
    assert ask(stream=value).stream is text


def test_results_are_those_since_the_model_last_spoke() -> None:
    def call(i: str, name: str) -> Json:
        return {"role": "assistant", "tool_calls": [{"id": i, "function": {"name": name}}, "nonsense"]}

    messages = [
        call("a", "f"),
        {"role": "tool", "tool_call_id": "a", "content": "old"},
        call("b", "g"),
        {"role": "tool", "tool_call_id": "b", "content": "new"},
        {"role": "tool", "tool_call_id": "c", "content": "orphan"},
        {"role": "user", "content": "and?"},
    ]
    assert ask(messages=messages).results == [Result("g", "new"), Result("the tool", "orphan")]


@pytest.mark.parametrize("address", ["https://example.com/a.png", {"url": "https://example.com/a.png"}])
def test_images_are_found_under_either_spelling(address: Any) -> None:
    messages = [{"role": "user", "content": [{"type": "image_url", "image_url": address}]}]
    assert ask(messages=messages).images == ["https://example.com/a.png"]


def test_usage_is_told_if_wanted() -> None:
    assert ask(stream_options={"include_usage": True}).wants_usage
