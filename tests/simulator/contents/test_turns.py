"""Turns."""

from typing import Any

import pytest

from qwenproxy.simulator.contents import turns
from qwenproxy.simulator.contents.turns import complaint, messages_of
from qwenproxy.wire.openai import Json


def user(*parts: Any) -> Json:
    return {"role": "user", "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}


def model(*parts: Any) -> Json:
    return {**user(*parts), "role": "model"}


def call(name: str = "look", **more: Any) -> Json:
    return {"function_call": {"name": name, **more}}


def result(name: str = "look", **more: Any) -> Json:
    return {"function_response": {"name": name, **more}}


@pytest.mark.parametrize(
    "contents",
    [
        [user("hello")],
        [{"parts": [{"text": "hello"}]}],
        [user("hello"), user("again")],
        [user("hello"), model("hi"), user("again")],
        [user("hello"), model(call()), user(result())],
        [user("hello"), model("so", call(), call()), user(result(), result(), "and?")],
        [user("hello"), model(call()), user(result()), model(call()), user(result())],
        [user("hello"), model(call()), user(result()), user("and?")],
    ],
)
def test_what_is_taken(contents: list[Json]) -> None:
    assert complaint(contents) is None


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([], "* GenerateContentRequest.contents: contents is not specified\n"),
        ([{"role": "assistant", "parts": [{"text": "x"}]}], "Please use a valid role: user, model."),
        ([{"role": "system", "parts": [{"text": "x"}]}, user("x")], "Please use a valid role: user, model."),
        ([{"role": "user"}], "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n"),
        ([user()], "* GenerateContentRequest.contents[0].parts: contents.parts must not be empty.\n"),
        (
            [user("x", {"thought": True})],
            "* GenerateContentRequest.contents[0].parts[1].data: "
            "required oneof field 'data' must have one initialized field\n",
        ),
        (
            [user("x"), model({"function_call": {}}), user(result())],
            "* GenerateContentRequest.contents[1].parts[0].function_call.name: Name cannot be empty.\n",
        ),
        ([user(result())], turns.RESPONSE_FIRST),
        ([user("x"), model("y"), user(result())], turns.RESPONSE_FIRST),
        ([user("x"), model(call()), user(result()), user(result())], turns.RESPONSE_FIRST),
        ([user("x"), model(call()), user("y")], turns.AS_MANY),
        ([user("x"), model(call(), call()), user(result())], turns.AS_MANY),
        ([user("x"), model(call())], turns.AS_MANY),
        ([model(call()), user(result())], turns.CALL_FIRST),
        ([user("x"), model("y"), model(call()), user(result())], turns.CALL_FIRST),
        ([user(call()), user(result())], turns.CALLS_ARE_THE_MODELS),
        ([user("x"), model("y")], turns.USER_LAST),
    ],
)
def test_what_is_refused(contents: list[Json], said: str) -> None:
    assert complaint(contents) == said


def test_text_and_thoughts() -> None:
    thought = {"text": "hm", "thought": True}
    assert messages_of([user("a"), model(thought, "b", "c"), user("d", "e")]) == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "bc", "reasoning_content": "hm"},
        {"role": "user", "content": [{"type": "text", "text": "d"}, {"type": "text", "text": "e"}]},
    ]


def test_calls_and_results_by_their_ids() -> None:
    said = model({**call(id="1", args={"a": 1}), "thought_signature": "s"}, call(id="2"))
    told = user(result(id="2", response={"output": "two"}), result(id="1", response={"error": {"no": 1}}), "and?")
    _, called, second, first, asked = messages_of([user("x"), said, told])
    assert called["tool_calls"] == [
        {
            "id": "1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"a":1}'},
            "thought_signature": "s",
        },
        {"id": "2", "type": "function", "function": {"name": "look", "arguments": "{}"}},
    ]
    assert second == {"role": "tool", "tool_call_id": "2", "content": "two"}
    assert first == {"role": "tool", "tool_call_id": "1", "content": '{"no":1}'}
    assert asked == {"role": "user", "content": "and?"}


def test_without_ids_by_their_places() -> None:
    contents = [user("x"), model(call("a"), call("b")), user(result("a"), result("b", response={"c": 1}))]
    *_, called, first, second = messages_of(contents)
    assert [one["id"] for one in called["tool_calls"]] == [first["tool_call_id"], second["tool_call_id"]]
    assert (first["content"], second["content"]) == ("{}", '{"c":1}')
