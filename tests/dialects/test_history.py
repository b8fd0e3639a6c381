"""Messages: roles, forms and order as Qwen takes them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from qwenproxy.dialects.history import repair, tell
from qwenproxy.errors import INVALID_VALUE, UNSUPPORTED_VALUE, ProxyError
from qwenproxy.models import Row, row_of
from qwenproxy.wire.openai import Json
from tests.dialects.asking import ruled

ROW = Row()
SEEING = Row(vision=True)
FLAT = Row(flat_text=True)
SCATTERED = Row(system_first=False)
DEAF = Row(system=False)

HI: Json = {"role": "user", "content": "Hi"}
IMAGE: Json = {"type": "image_url", "image_url": {"url": "https://ex.test/a.png"}}
MARK: Json = {"cache_control": {"type": "ephemeral"}}


def _text(words: str, **more: Any) -> Json:
    return {"type": "text", "text": words, **more}


def _system(content: Any) -> Json:
    return {"role": "system", "content": content}


def _called(made: str = "c1", content: Any = None, arguments: str = "{}") -> Json:
    call = {"id": made, "type": "function", "function": {"name": "look", "arguments": arguments}}
    return {"role": "assistant", "content": content, "tool_calls": [call]}


def _result(content: Any, made: str = "c1") -> Json:
    return {"role": "tool", "tool_call_id": made, "content": content}


def _repaired(row: Row, *messages: Json, keep_thinking: bool = False) -> Sequence[Json]:
    return repair(messages, row, keep_thinking=keep_thinking).messages


UNHARMED: list[tuple[str, list[Json]]] = [
    ("a question", [HI]),
    ("system first", [_system("Be brief."), HI]),
    ("system in parts", [_system([_text("Be brief.", **MARK)]), HI]),
    ("text in parts", [{"role": "user", "content": [_text("a"), _text("b")]}]),
    ("a dialogue", [HI, {"role": "assistant", "content": "Hi."}, HI]),
    ("a call", [HI, _called(), _result("x"), HI]),
    ("a call with words", [HI, _called(content="Looking."), _result("x")]),
    ("a call with an empty text", [HI, _called(content=""), _result("x")]),
    ("a beginning", [HI, {"role": "assistant", "content": "1,", "partial": True}]),
]


@pytest.mark.parametrize("messages", [row[1] for row in UNHARMED], ids=[row[0] for row in UNHARMED])
def test_what_qwen_takes_is_left_as_it_is(messages: list[Json]) -> None:
    assert repair(messages, ROW, keep_thinking=False) == (messages, ())


REPAIRED: list[tuple[str, Row, list[Json], list[Json]]] = [
    ("developer", ROW, [{"role": "developer", "content": "Be brief."}, HI], [_system("Be brief."), HI]),
    ("several systems", ROW, [_system("a"), HI, {"role": "developer", "content": "b"}], [_system("a\n\nb"), HI]),
    ("system not first", ROW, [HI, _system("a")], [_system("a"), HI]),
    (
        "several systems, in parts",
        ROW,
        [_system([_text("a"), _text("b")]), _system("c"), HI],
        [_system("a\nb\n\nc"), HI],
    ),
    (
        "several systems, one marked",
        ROW,
        [_system([_text("a", **MARK)]), HI, _system("b")],
        [_system([_text("a", **MARK), _text("b")]), HI],
    ),
    ("systems where they may stand", SCATTERED, [HI, _system("a"), HI], [HI, _system("a"), HI]),
    ("no system taken", DEAF, [_system("a"), HI, _system("b")], [{"role": "user", "content": "a\n\nb\n\nHi"}]),
    (
        "no system taken, parts",
        DEAF,
        [_system("a"), {"role": "user", "content": [_text("Hi")]}],
        [{"role": "user", "content": [_text("a"), _text("Hi")]}],
    ),
    (
        "function",
        ROW,
        [
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
            {"role": "function", "name": "look", "content": "x"},
        ],
        [_called("call_0"), _result("x", "call_0")],
    ),
    ("null answer", ROW, [HI, {"role": "assistant", "content": None}], [HI, {"role": "assistant", "content": ""}]),
    ("absent answer", ROW, [HI, {"role": "assistant"}], [HI, {"role": "assistant", "content": ""}]),
    (
        "empty list of calls",
        ROW,
        [HI, {"role": "assistant", "content": "a", "tool_calls": []}],
        [HI, {"role": "assistant", "content": "a"}],
    ),
    ("call without arguments", ROW, [HI, _called(arguments=""), _result("x")], [HI, _called(), _result("x")]),
    (
        "refusal",
        ROW,
        [HI, {"role": "assistant", "content": None, "refusal": "No."}],
        [HI, {"role": "assistant", "content": "No."}],
    ),
    (
        "refusal part",
        ROW,
        [HI, {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}],
        [HI, {"role": "assistant", "content": [_text("No.")]}],
    ),
    (
        "answer as the SDK replays it",
        ROW,
        [HI, {"role": "assistant", "content": "a", "refusal": None, "annotations": [], "audio": None}],
        [HI, {"role": "assistant", "content": "a"}],
    ),
    ("name", ROW, [{**HI, "name": "ann"}], [HI]),
    (
        "audio answer",
        ROW,
        [HI, {"role": "assistant", "audio": {"id": "a"}}],
        [HI, {"role": "assistant", "content": ""}],
    ),
    ("tool result in parts", ROW, [HI, _called(), _result([_text("a"), _text("b")])], [HI, _called(), _result("a\nb")]),
    ("empty tool result", ROW, [HI, _called(), _result([])], [HI, _called(), _result("")]),
    ("flat text", FLAT, [{"role": "user", "content": [_text("a"), _text("b")]}], [{"role": "user", "content": "a\nb"}]),
    (
        "flat text, marked",
        FLAT,
        [{"role": "user", "content": [_text("a", **MARK)]}],
        [{"role": "user", "content": [_text("a", **MARK)]}],
    ),
    (
        "flat text with an image",
        replace(FLAT, vision=True),
        [{"role": "user", "content": [_text("a"), IMAGE]}],
        [{"role": "user", "content": [_text("a"), IMAGE]}],
    ),
]


@pytest.mark.parametrize(("row", "messages", "sent"), [row[1:] for row in REPAIRED], ids=[row[0] for row in REPAIRED])
def test_a_history_is_repaired(row: Row, messages: list[Json], sent: list[Json]) -> None:
    assert _repaired(row, *messages) == sent
    assert _repaired(row, *sent) == sent


def test_images_of_tool_results_follow_all_results_in_a_user_message() -> None:
    calls = {**_called("c1"), "tool_calls": [*_called("c1")["tool_calls"], *_called("c2")["tool_calls"]]}
    history = [
        HI,
        calls,
        _result([_text("a"), IMAGE], "c1"),
        _result([IMAGE], "c2"),
        {"role": "assistant", "content": "b"},
    ]
    repaired = repair(history, SEEING, keep_thinking=False)
    shown = {
        "role": "user",
        "content": [
            _text("From the result of the tool call c1:"),
            IMAGE,
            _text("From the result of the tool call c2:"),
            IMAGE,
        ],
    }
    assert repaired.messages == [
        HI,
        calls,
        _result("a", "c1"),
        _result("The result is in the next user message.", "c2"),
        shown,
        history[-1],
    ]
    assert repaired.notes == ("images of tool results moved into a user message",)


def test_images_of_the_last_tool_result_come_at_the_end() -> None:
    messages = _repaired(SEEING, HI, _called(), _result([IMAGE]))
    assert messages[-1]["role"] == "user"


THINKING = [
    ("qwen3.8-max", {}, True),
    ("qwen3.7-plus", {}, True),
    ("kimi-k2.5", {}, True),
    ("qwen-plus", {}, False),
    ("qwen-plus", {"preserve_thinking": True}, True),
    ("qwen3-coder-plus", {}, False),
]


@pytest.mark.parametrize(("model", "asked", "kept"), THINKING, ids=[f"{row[0]} {row[1]}" for row in THINKING])
def test_earlier_reasoning_goes_to_models_that_read_it(model: str, asked: Json, kept: bool) -> None:
    answer = {"role": "assistant", "content": "a", "reasoning_content": "hm"}
    sent = ruled(row_of(model), messages=[HI, answer, HI], **asked).chat["messages"][1]
    assert sent.get("reasoning_content") == ("hm" if kept else None)


NOTES: list[tuple[str, list[Json], str]] = [
    ("name", [{**HI, "name": "ann"}], "messages: name left out"),
    ("unknown field", [{**HI, "weight": 1}], "messages: weight left out"),
    ("systems", [HI, _system("a")], "system messages merged in front"),
    ("orphans", [HI, _result("x", "gone")], "messages: 1 tool results without a call dropped"),
    ("missing results", [HI, _called()], "messages: 1 missing tool results filled in"),
]


@pytest.mark.parametrize(("messages", "note"), [row[1:] for row in NOTES], ids=[row[0] for row in NOTES])
def test_a_repair_leaves_a_note(messages: list[Json], note: str) -> None:
    assert repair(messages, ROW, keep_thinking=False).notes == (note,)


UNANSWERABLE: list[tuple[str, list[Json]]] = [
    ("none", []),
    ("only system", [_system("a")]),
    ("only developer", [{"role": "developer", "content": "a"}, _system("b")]),
    ("only a result of nothing", [_system("a"), _result("x")]),
]


@pytest.mark.parametrize("messages", [row[1] for row in UNANSWERABLE], ids=[row[0] for row in UNANSWERABLE])
def test_messages_without_any_to_answer_are_refused_here(messages: list[Json]) -> None:
    with pytest.raises(ProxyError) as raised:
        _repaired(ROW, *messages)
    assert (raised.value.failure, raised.value.param) == (INVALID_VALUE, "messages")


def test_a_refused_part_is_named_by_its_place_in_the_apps_request() -> None:
    messages = [_system("a"), HI, _result("x", "orphan"), {"role": "user", "content": [_text("a"), IMAGE]}]
    with pytest.raises(ProxyError) as raised:
        _repaired(ROW, *messages)
    assert (raised.value.failure, raised.value.param) == (UNSUPPORTED_VALUE, "messages[3].content[1]")


def test_an_unknown_model_gets_images_and_says_itself_what_it_takes() -> None:
    message = {"role": "user", "content": [IMAGE]}
    assert _repaired(row_of("who-knows"), message) == [message]


TOLD: list[tuple[str, Row, list[Json], list[Json]]] = [
    ("no system message", ROW, [HI], [_system("Now."), HI]),
    ("a system message", ROW, [_system("a"), HI], [_system("a\n\nNow."), HI]),
    ("an empty one", ROW, [_system(""), HI], [_system("Now."), HI]),
    ("one in parts", ROW, [_system([_text("a", **MARK)]), HI], [_system([_text("a", **MARK), _text("Now.")]), HI]),
    ("none taken", DEAF, [HI], [{"role": "user", "content": "Now.\n\nHi"}]),
    (
        "none taken, no user",
        DEAF,
        [{"role": "assistant", "content": "a"}],
        [{"role": "user", "content": "Now."}, {"role": "assistant", "content": "a"}],
    ),
]


@pytest.mark.parametrize(("row", "messages", "sent"), [row[1:] for row in TOLD], ids=[row[0] for row in TOLD])
def test_a_sentence_is_added_to_the_system_message(row: Row, messages: list[Json], sent: list[Json]) -> None:
    assert tell(messages, "Now.", row) == sent
