"""The body of generateContent as a chat request."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qwenproxy.simulator.contents.fields import MESSAGES
from qwenproxy.simulator.contents.request import chat_of, known, read
from qwenproxy.simulator.refusals import Refused
from qwenproxy.wire.openai import Json

HELLO: Json = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}


def chat(body: Any) -> Json:
    return chat_of(read(body, "GenerateContentRequest"))


def refusal(body: Any) -> str:
    with pytest.raises(Refused) as caught:
        chat(body)
    return caught.value.refusal.message


@pytest.mark.parametrize("snake", [False, True], ids=["camelCase", "snake_case"])
def test_a_request_in_either_spelling(snake: bool) -> None:
    def name(camel: str, other: str) -> str:
        return other if snake else camel

    body = {
        name("systemInstruction", "system_instruction"): {"parts": [{"text": "Be"}, {"text": "brief."}]},
        **HELLO,
        name("generationConfig", "generation_config"): {name("maxOutputTokens", "max_output_tokens"): 5},
        "tools": [{name("functionDeclarations", "function_declarations"): [{"name": "look"}]}],
    }
    assert chat(body) == {
        "messages": [{"role": "system", "content": "Be\nbrief."}, {"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": {"name": "look"}}],
        "max_tokens": 5,
    }


def test_a_part_and_a_content_may_stand_alone() -> None:
    assert chat({"contents": {"parts": {"text": "Hello"}}}) == chat(HELLO)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "contents is not specified"),
        ({"contents": "Hello"}, "Invalid value at 'contents[0]'"),
        (HELLO | {"messages": []}, 'Unknown name "messages": Cannot find field.'),
        (
            HELLO | {"system_instruction": {"parts": [{"inlineData": {"mimeType": "image/png", "data": ""}}]}},
            "only text",
        ),
        ({"contents": [{"parts": [{"inlineData": {"mimeType": "x/y", "data": ""}}]}]}, "Unsupported MIME type: x/y"),
        (
            HELLO | {"tools": [{"functionDeclarations": [{"name": "a", "parameters": {"$ref": "#"}}]}]},
            "Unknown name \"$ref\" at 'tools[0].function_declarations[0].parameters': Cannot find field.",
        ),
        (HELLO | {"generationConfig": {"responseMimeType": "x"}}, "allowed mimetypes"),
    ],
)
def test_what_is_refused(body: Json, said: str) -> None:
    assert said in refusal(body)


def test_a_model_is_known_or_not() -> None:
    assert known("qwen3.7-plus", "x") == "qwen3.7-plus"
    with pytest.raises(Refused, match="models/gpt-4o is not found for API version v1beta, or is not supported for x"):
        known("gpt-4o", "x")


KEYS = sorted({field for fields in MESSAGES.values() for field in fields})
junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats()
    | st.sampled_from(["user", "model", "OBJECT", "ANY", "x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=15,
)


def outcome(body: Json) -> Any:
    """The messages, or what is said against the request."""
    try:
        return chat(body)["messages"]
    except Refused as refused:
        return refused.refusal.message


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(MESSAGES["GenerateContentRequest"])), junk, max_size=6))
def test_any_request_is_read_or_refused(body: Json) -> None:
    assert outcome(body)
    assert outcome(body | HELLO)
