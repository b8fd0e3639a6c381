"""`response_format`: enforced by the service where the model's row allows it, else asked for in words."""

from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.models import Row
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ABLE, AWAKE, PLAIN, RESTLESS, ruled, system_text

SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
BY_SCHEMA: Json = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
OBJECT: Json = {"type": "json_object"}

WORDLESS = replace(PLAIN, json_word=False)
SCHEMALESS = replace(PLAIN, json_schema=False)
MODELESS = replace(PLAIN, json_schema=False, json_object=False)
AWAKE_NOT_BOTH = replace(AWAKE, json_while_thinking=False)
RESTLESS_NOT_BOTH = replace(RESTLESS, json_while_thinking=False)

FORMATS: list[tuple[str, Row, Json, Any, bool]] = [
    ("text", PLAIN, {"type": "text"}, {"type": "text"}, False),
    ("json_object", PLAIN, OBJECT, OBJECT, True),
    ("json_object, no word needed", WORDLESS, OBJECT, OBJECT, False),
    ("json_object, no JSON mode", MODELESS, OBJECT, None, True),
    ("json_object while thinking", AWAKE, OBJECT, OBJECT, True),
    ("json_object, always thinking", RESTLESS_NOT_BOTH, OBJECT, None, True),
    ("json_schema", PLAIN, BY_SCHEMA, BY_SCHEMA, False),
    ("json_schema, not taken", SCHEMALESS, BY_SCHEMA, OBJECT, True),
    ("json_schema, no JSON mode", MODELESS, BY_SCHEMA, None, True),
    ("json_schema while thinking", AWAKE, BY_SCHEMA, BY_SCHEMA, False),
    ("json_schema, always thinking", RESTLESS_NOT_BOTH, BY_SCHEMA, None, True),
]


@pytest.mark.parametrize(
    ("row", "asked", "sent", "told"), [row[1:] for row in FORMATS], ids=[row[0] for row in FORMATS]
)
def test_a_format_is_enforced_or_asked_for(row: Row, asked: Json, sent: Any, told: bool) -> None:
    outcome = ruled(row, refuse=True, response_format=asked)
    assert outcome.chat.get("response_format") == sent
    assert ("json" in system_text(outcome.chat).lower()) == told


@pytest.mark.parametrize("asked", [OBJECT, BY_SCHEMA], ids=["json_object", "json_schema"])
def test_thinking_is_turned_off_for_a_format_that_it_excludes(asked: Json) -> None:
    outcome = ruled(AWAKE_NOT_BOTH, response_format=asked)
    assert outcome.chat["enable_thinking"] is False
    assert outcome.chat["response_format"] == asked
    assert "thinking turned off: response_format" in outcome.changed


def test_a_schema_that_is_not_taken_stands_in_the_system_message() -> None:
    text = system_text(ruled(SCHEMALESS, response_format=BY_SCHEMA).chat)
    assert '"required":["city"]' in text
    assert "place" not in text


HOLDERS: list[tuple[str, Any, bool]] = [
    ("in the user message", [{"role": "user", "content": "Give me JSON."}], True),
    (
        "in the system message",
        [{"role": "system", "content": "Only json"}, {"role": "user", "content": "Hi"}],
        True,
    ),
    ("in a part", [{"role": "user", "content": [{"type": "text", "text": "as Json"}]}], True),
    ("nowhere", [{"role": "user", "content": "Hi"}], False),
    (
        "in an answer only",
        [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "json?"},
            {"role": "user", "content": "No"},
        ],
        False,
    ),
]


@pytest.mark.parametrize(("messages", "there"), [row[1:] for row in HOLDERS], ids=[row[0] for row in HOLDERS])
def test_the_word_that_the_service_looks_for_is_added_once(messages: Any, there: bool) -> None:
    outcome = ruled(ABLE, messages=messages, response_format=OBJECT)
    added = [message for message in outcome.chat["messages"] if "JSON object" in str(message["content"])]
    assert len(added) == (0 if there else 1)
    assert bool(outcome.changed) != there


def test_the_sentence_follows_the_apps_own_system_message() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    text = system_text(ruled(messages=messages, response_format=OBJECT).chat)
    assert text == "Be brief.\n\nAnswer with one JSON object and nothing else."
