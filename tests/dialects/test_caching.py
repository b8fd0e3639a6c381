"""Marks for the upstream's context cache: where they are put, and when none are."""

from typing import Any

import pytest

from qwenproxy.dialects.caching import MARK, marked
from qwenproxy.dialects.rulings import rule
from qwenproxy.models import Row, row_of
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ask, function

IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://ex.test/a.png"}}


def said(words: str, **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


def message(role: str, content: Any, **more: Any) -> Json:
    return {"role": role, "content": content, **more}


MARKED: dict[str, tuple[list[Json], list[Json]]] = {
    "system and user": (
        [message("system", "a"), message("user", "b")],
        [message("system", [said("a", **MARK)]), message("user", [said("b", **MARK)])],
    ),
    "the last user message alone": (
        [message("user", "a"), message("assistant", "b"), message("user", "c")],
        [message("user", "a"), message("assistant", "b"), message("user", [said("c", **MARK)])],
    ),
    "before results of tools": (
        [message("user", "a"), message("assistant", None), message("tool", "b", tool_call_id="1")],
        [message("user", [said("a", **MARK)]), message("assistant", None), message("tool", "b", tool_call_id="1")],
    ),
    "the last of several parts": (
        [message("user", [said("a"), IMAGE])],
        [message("user", [said("a"), {**IMAGE, **MARK}])],
    ),
    "nothing said": ([message("system", ""), message("user", [])], [message("system", ""), message("user", [])]),
}


@pytest.mark.parametrize(("messages", "wanted"), MARKED.values(), ids=MARKED.keys())
def test_the_ends_of_what_may_come_again_are_marked(messages: list[Json], wanted: list[Json]) -> None:
    chat = ask(messages=messages)
    assert marked(chat) == {**chat, "messages": wanted}


OWN: dict[str, Json] = {
    "in a part": ask(messages=[message("system", [said("a", **MARK)]), message("user", "b")]),
    "on a message": ask(messages=[message("system", "a", **MARK), message("user", "b")]),
    "on a tool": ask(tools=[{**function(), **MARK}]),
}


@pytest.mark.parametrize("chat", OWN.values(), ids=OWN.keys())
def test_marks_of_the_apps_own_are_kept_and_none_added(chat: Json) -> None:
    assert marked(chat) == chat
    row = row_of("qwen3.7-plus")
    assert rule(chat, row, refuse=False, cache_markers=True).chat == rule(chat, row, refuse=False).chat


def test_the_request_that_came_in_is_not_touched() -> None:
    chat = ask(messages=[message("system", [said("a")]), message("user", "b")])
    marked(chat)
    assert chat == ask(messages=[message("system", [said("a")]), message("user", "b")])


@pytest.mark.parametrize(
    ("model", "wanted", "marks"),
    [("qwen3.7-plus", True, 1), ("qwen3.7-plus", False, 0), ("qwen-max", True, 0), ("llama3", True, 0)],
)
def test_marks_are_for_models_that_keep_and_users_who_want_it(model: str, wanted: bool, marks: int) -> None:
    chat = rule(ask(), row_of(model), refuse=False, cache_markers=wanted).chat
    assert str(chat).count("cache_control") == marks


def test_several_system_messages_are_marked_once_where_the_last_one_ends() -> None:
    messages = [message("system", "a"), message("user", "c"), message("developer", "b")]
    chat = rule(ask(messages=messages), Row(cache=True), refuse=False, cache_markers=True).chat
    assert chat["messages"] == [message("system", [said("a\n\nb", **MARK)]), message("user", [said("c", **MARK)])]
