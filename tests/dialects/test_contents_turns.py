"""Messages as contents: roles, calls and their results, signatures, and what the format insists on."""

from typing import Any

import orjson
import pytest

from qwenproxy.dialects.contents_turns import turns
from qwenproxy.dialects.rulings import rule
from qwenproxy.dialects.signatures import Signatures
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ask


def said(*messages: Json, signatures: Signatures | None = None) -> Json:
    body: Json = orjson.loads(orjson.dumps(turns(messages, signatures or Signatures())))
    return body


def system(words: Any) -> Json:
    return {"role": "system", "content": words}


def user(words: Any) -> Json:
    return {"role": "user", "content": words}


def assistant(words: Any = None, *calls: Json, **more: Any) -> Json:
    return {"role": "assistant", "content": words, **({"tool_calls": list(calls)} if calls else {}), **more}


def call(id: str, name: str = "look", arguments: str = "{}", **more: Any) -> Json:
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def result(id: str, words: Any) -> Json:
    return {"role": "tool", "tool_call_id": id, "content": words}


def text(words: str, role: str = "user") -> Json:
    return {"role": role, "parts": [{"text": words}]}


def function_call(id: str, name: str = "look", **args: Any) -> Json:
    return {"functionCall": {"id": id, "name": name, "args": args}}


def function_response(id: str, response: Any, name: str = "look") -> Json:
    return {"functionResponse": {"id": id, "name": name, "response": response}}


BLANK = text(" ")
HISTORIES: list[tuple[str, list[Json], list[Json]]] = [
    ("a question", [user("Hi")], [text("Hi")]),
    ("a conversation", [user("a"), assistant("b"), user("c")], [text("a"), text("b", "model"), text("c")]),
    ("neighbours", [user("a"), user("b")], [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}]),
    (
        "neighbours of the model",
        [user("a"), assistant("b"), assistant("c"), user("d")],
        [
            text("a"),
            {"role": "model", "parts": [{"text": "b"}, {"text": "c"}]},
            text("d"),
        ],
    ),
    (
        "nothing said",
        [user("a"), assistant(""), user("b")],
        [{"role": "user", "parts": [{"text": "a"}, {"text": "b"}]}],
    ),
    ("the model first", [assistant("a"), user("b")], [BLANK, text("a", "model"), text("b")]),
    ("an empty question", [user("")], [BLANK]),
    ("the beginning of an answer", [user("a"), assistant("b", partial=True)], [text("a"), text("b", "model")]),
    (
        "thoughts",
        [user("a"), assistant("b", reasoning_content="Hm."), user("c")],
        [
            text("a"),
            {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": "b"}]},
            text("c"),
        ],
    ),
    (
        "calls and their results",
        [
            user("a"),
            assistant("I look.", call("c1", arguments='{"x": 1}'), call("c2", "see")),
            result("c1", "4 C"),
            result("c2", '{"t": 4}'),
            assistant("b"),
            user("c"),
        ],
        [
            text("a"),
            {"role": "model", "parts": [{"text": "I look."}, function_call("c1", x=1), function_call("c2", "see")]},
            {
                "role": "user",
                "parts": [function_response("c1", {"output": "4 C"}), function_response("c2", {"t": 4}, "see")],
            },
            text("b", "model"),
            text("c"),
        ],
    ),
    (
        "results and what the user says then",
        [user("a"), assistant(None, call("c1")), result("c1", "4 C"), user("b")],
        [
            text("a"),
            {"role": "model", "parts": [function_call("c1")]},
            {"role": "user", "parts": [function_response("c1", {"output": "4 C"})]},
            text("b"),
        ],
    ),
    (
        "one id in two turns",
        [
            user("a"),
            assistant(None, call("c", "look")),
            result("c", "1"),
            assistant(None, call("c", "see")),
            result("c", "2"),
        ],
        [
            text("a"),
            {"role": "model", "parts": [function_call("c", "look")]},
            {"role": "user", "parts": [function_response("c", {"output": "1"}, "look")]},
            {"role": "model", "parts": [function_call("c", "see")]},
            {"role": "user", "parts": [function_response("c", {"output": "2"}, "see")]},
        ],
    ),
    (
        "an image",
        [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}])],
        [
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
        ],
    ),
]


@pytest.mark.parametrize(("messages", "contents"), [row[1:] for row in HISTORIES], ids=[row[0] for row in HISTORIES])
def test_a_history_becomes_contents(messages: list[Json], contents: list[Json]) -> None:
    assert said(*messages) == {"contents": contents}


def test_system_messages_are_one_instruction_of_one_part() -> None:
    body = said(system("Be brief."), system([{"type": "text", "text": "Be kind."}]), user("Hi"))
    assert body == {"contents": [text("Hi")], "systemInstruction": {"parts": [{"text": "Be brief.\n\nBe kind."}]}}


def test_an_empty_system_message_is_none() -> None:
    assert said(system(""), user("Hi")) == {"contents": [text("Hi")]}


RESULTS: list[tuple[str, Any, Json]] = [
    ("words", "4 C", {"output": "4 C"}),
    ("nothing", "", {"output": ""}),
    ("an object", '{"output": "4 C", "error": null}', {"output": "4 C", "error": None}),
    ("an empty object", "{}", {}),
    ("a list", "[1]", {"output": "[1]"}),
    ("a number", "4", {"output": "4"}),
    ("half an object", '{"a":', {"output": '{"a":'}),
    ("half a character", '{"a": "\\ud800"}', {"output": '{"a": "\\ud800"}'}),
    ("parts", [{"type": "text", "text": "4"}, {"type": "text", "text": " C"}], {"output": "4 C"}),
]


@pytest.mark.parametrize(("words", "response"), [row[1:] for row in RESULTS], ids=[row[0] for row in RESULTS])
def test_a_result_is_an_object(words: Any, response: Json) -> None:
    contents = said(user("a"), assistant(None, call("c1")), result("c1", words))["contents"]
    assert contents[-1]["parts"] == [function_response("c1", response)]


ARGUMENTS: list[tuple[str, str, Json]] = [
    ("none", "", {}),
    ("an object", '{"a": [1, null]}', {"a": [1, None]}),
    ("half an object", '{"a": "b', {"a": "b"}),
    ("in single quotes", "{'a': True}", {"a": True}),
    ("no object", "[1]", {}),
    ("no JSON", "sunny", {}),
]


@pytest.mark.parametrize(("arguments", "args"), [row[1:] for row in ARGUMENTS], ids=[row[0] for row in ARGUMENTS])
def test_arguments_are_an_object_whatever_the_history_holds(arguments: str, args: Json) -> None:
    contents = said(user("a"), assistant(None, call("c1", arguments=arguments)), result("c1", "x"))["contents"]
    assert contents[1]["parts"] == [function_call("c1", **args)]


@pytest.mark.parametrize("number", ["12345678901234567890123", "0.1000000000000000055511", "1.0"])
def test_numbers_are_passed_on_to_the_last_digit(number: str) -> None:
    exact = f'{{"n": {number}}}'
    messages = [user("a"), assistant(None, call("c1", arguments=exact)), result("c1", exact)]
    assert orjson.dumps(turns(messages, Signatures())).count(exact.encode()) == 2


def test_a_call_gets_its_signature_back() -> None:
    signatures = Signatures()
    signatures.keep("c1", "c2ln")
    contents = said(user("a"), assistant(None, call("c1"), call("c2")), signatures=signatures)["contents"]
    assert contents[1]["parts"] == [{**function_call("c1"), "thoughtSignature": "c2ln"}, function_call("c2")]


def test_a_signature_that_the_app_kept_counts_first() -> None:
    """As Google's own OpenAI face gives it to apps."""
    signatures = Signatures()
    signatures.keep("c1", "c2ln")
    own = call("c1", extra_content={"google": {"thought_signature": "b3du"}})
    contents = said(user("a"), assistant(None, own), signatures=signatures)["contents"]
    assert contents[1]["parts"] == [{**function_call("c1"), "thoughtSignature": "b3du"}]


@pytest.mark.parametrize("extra", [None, 5, {}, {"google": 5}, {"google": {}}, {"google": {"thought_signature": 5}}])
def test_what_is_no_signature_is_none(extra: Any) -> None:
    contents = said(user("a"), assistant(None, call("c1", extra_content=extra)))["contents"]
    assert contents[1]["parts"] == [function_call("c1")]


def test_a_signature_survives_the_rulings() -> None:
    own = call("c1", extra_content={"google": {"thought_signature": "b3du"}})
    ruled = rule(ask(messages=[user("a"), assistant(None, own), result("c1", "x")]), Row(), refuse=True)
    assert "b3du" in str(said(*ruled.chat["messages"]))
