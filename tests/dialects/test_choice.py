"""One choice: what it says, in order, as soon as it may, and its finish last."""

from typing import Any

import pytest

from qwenproxy.dialects.choice import Choice
from qwenproxy.dialects.leaks import Leaks, Think
from qwenproxy.dialects.toolcalls import ToolCalls
from qwenproxy.wire.openai import ChatEvent, Delta, Json
from tests.support.answers import Answer, numbered_ids

TOOLS = frozenset({"look"})
ROLE = Delta(0, {"role": "assistant"})
LONG = "The harbour of Riga was first named in a letter of the year 1201, which a monk wrote."


class Made:
    """A choice, what it has said, and its notes."""

    def __init__(self, *, think: Think = "start", rescue: bool = False) -> None:
        self.out: list[ChatEvent] = []
        self.notes: list[str] = []
        leaks = Leaks(think, TOOLS if rescue else frozenset())
        self.choice = Choice(0, self.out, leaks, ToolCalls(TOOLS, numbered_ids(), self.notes.append), self.notes.append)

    def said(self) -> list[ChatEvent]:
        """What it has said since the last time."""
        out = self.out.copy()
        self.out.clear()
        return out


def content(text: str) -> Delta:
    return Delta(0, {"content": text})


def reasoning(text: str) -> Delta:
    return Delta(0, {"reasoning_content": text})


def logprobs(*tokens: str) -> Json:
    return {"content": [{"token": token, "logprob": -0.1, "bytes": None, "top_logprobs": []} for token in tokens]}


def test_everything_is_said_at_once_but_the_finish() -> None:
    made = Made()
    made.choice.reasoning("I see.")
    assert made.said() == [ROLE, reasoning("I see.")]
    made.choice.content("Hi", None)
    assert made.said() == [content("Hi")]
    made.choice.refusal("No.")
    assert made.said() == [Delta(0, {"refusal": "No."})]
    made.choice.call(0, "x", "look", "")
    function = {"name": "look", "arguments": ""}
    assert made.said() == [
        Delta(0, {"tool_calls": [{"index": 0, "id": "x", "type": "function", "function": function}]})
    ]
    made.choice.finish("tool_calls")
    assert made.said() == []
    made.choice.close()
    assert made.said() == [
        Delta(0, {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
        Delta(0, {}, "tool_calls"),
    ]
    assert made.notes == []


def test_content_passes_without_a_look_once_nothing_can_be_wrong_with_it() -> None:
    made = Made()
    for text, passes in (("Hi", False), (" there", True), ("!", True)):
        made.choice.content(text, None)
        assert made.choice.content_passes == passes
    assert made.said() == [ROLE, content("Hi"), content(" there"), content("!")]


def test_content_does_not_pass_while_thinking_leaks_into_it() -> None:
    made = Made()
    for text in ("<think>", "a", "b", "</think>"):
        made.choice.content(text, None)
        assert not made.choice.content_passes
    made.choice.content("c", None)
    assert made.choice.content_passes


def test_an_answer_does_not_begin_inside_thinking_if_the_server_has_told_that_apart() -> None:
    made = Made(think="inside")
    made.choice.reasoning("I see.")
    made.choice.content("Hi", None)
    assert made.said() == [ROLE, reasoning("I see."), content("Hi")]


def test_a_choice_that_has_only_begun_is_silent() -> None:
    made = Made()
    made.choice.open()
    made.choice.open()
    assert made.said() == [ROLE]
    assert made.choice.silent
    made.choice.content("<thi", None)
    assert not made.choice.silent, "even if it is held back"
    made = Made()
    made.choice.finish("stop")
    assert not made.choice.silent


def test_reasoning_passes_without_a_look_once_nothing_can_be_wrong_with_it() -> None:
    made = Made()
    for text, passes in (("I", False), (" see", True)):
        made.choice.reasoning(text)
        assert made.choice.reasoning_passes == passes


def test_content_waits_for_reasoning_that_is_held_back() -> None:
    made = Made()
    made.choice.content("Hi", None)
    made.choice.content(" you", None)
    made.choice.reasoning("no")
    made.choice.reasoning("nobody")
    assert not made.choice.content_passes
    made.choice.content("!", None)
    assert made.said()[3:] == [reasoning("no"), reasoning("nobody"), content("!")]


def test_what_is_held_back_is_said_before_a_call() -> None:
    made = Made()
    made.choice.reasoning("no")
    made.choice.reasoning("nobody")
    made.choice.content("<thi", None)
    made.choice.call(0, "x", "look", "{}")
    texts = [event.delta for event in made.said()[1:] if isinstance(event, Delta)]
    assert [next(iter(delta)) for delta in texts] == ["reasoning_content", "reasoning_content", "content", "tool_calls"]
    assert texts[2] == {"content": "<thi"}


def test_text_between_calls_keeps_its_place() -> None:
    made = Made()
    made.choice.call(0, "x", "look", "{}")
    made.choice.content("And", None)
    made.choice.content("And one", None)
    made.choice.call(1, "y", "look", "{}")
    keys = [next(iter(event.delta)) for event in made.said() if isinstance(event, Delta)]
    assert keys == ["role", "tool_calls", "content", "content", "tool_calls"]


FINISHES: dict[str, tuple[list[str], str]] = {
    "none": ([], "stop"),
    "stop": (["stop"], "stop"),
    "length": (["length"], "length"),
    "content_filter": (["content_filter"], "content_filter"),
    "twice": (["stop", "stop"], "stop"),
    "length, then stop": (["length", "stop"], "length"),
    "stop, then length": (["stop", "length"], "length"),
    "max_tokens": (["max_tokens"], "length"),
    "an unknown one": (["eos_token"], "stop"),
    "an unknown one after another": (["length", "eos_token"], "length"),
    "tool_calls without a call": (["tool_calls"], "stop"),
}


@pytest.mark.parametrize(("reasons", "finish"), FINISHES.values(), ids=FINISHES.keys())
def test_of_all_finishes_the_one_that_says_most_counts(reasons: list[str], finish: str) -> None:
    made = Made()
    for reason in reasons:
        made.choice.finish(reason)
        made.choice.content("Hi", None)
    made.choice.close()
    assert made.said()[-1] == Delta(0, {}, finish)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "tool_call", "function_call", "eos"])
def test_an_answer_that_calls_ends_in_tool_calls(reason: str) -> None:
    made = Made()
    made.choice.call(0, "x", "look", "{}")
    made.choice.finish(reason)
    made.choice.close()
    assert made.said()[-1] == Delta(0, {}, "tool_calls")


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_an_answer_that_was_broken_off_says_so_even_if_it_calls(reason: str) -> None:
    made = Made()
    made.choice.call(0, "x", "look", '{"a')
    made.choice.finish(reason)
    made.choice.close()
    assert made.said()[-1] == Delta(0, {}, reason)


def test_logprobs_go_with_their_text() -> None:
    made = Made()
    made.choice.content("Hi", logprobs("Hi"))
    made.choice.content(" you", logprobs(" you"))
    assert made.said() == [
        ROLE,
        Delta(0, {"content": "Hi"}, None, logprobs("Hi")),
        Delta(0, {"content": " you"}, None, logprobs(" you")),
    ]


def test_logprobs_of_text_that_is_held_back_wait_with_it() -> None:
    made = Made()
    made.choice.content("no", logprobs("no"))
    made.choice.content("nobody", logprobs("no", "body"))
    made.choice.content(" came", logprobs(" came"))
    assert made.said()[2:] == [Delta(0, {"content": "nobody came"}, None, logprobs("no", "body", " came"))]


def test_logprobs_of_half_a_character_wait_for_the_other_half() -> None:
    made = Made()
    made.choice.content("Hi", None)
    made.choice.content("!", None)
    made.choice.content("", logprobs("\\xc3"))
    assert not made.choice.content_passes
    made.choice.content("é", logprobs("\\xa9"))
    assert made.said()[3:] == [Delta(0, {"content": "é"}, None, logprobs("\\xc3", "\\xa9"))]


def test_logprobs_without_text_come_with_the_finish() -> None:
    made = Made()
    made.choice.content("", {"content": None, "refusal": [1]})
    made.choice.content("", {"content": [2], "refusal": [3]})
    made.choice.content("", {"content": None})
    made.choice.close()
    assert made.said() == [ROLE, Delta(0, {}, "stop", {"content": [2], "refusal": [1, 3]})]


NOTED: dict[str, tuple[dict[str, Any], list[str], str, list[str]]] = {
    "nothing": ({}, ["Hi"], "stop", []),
    "no finish": ({}, ["Hi"], "", ["choice 0: ended without a finish_reason"]),
    "an unknown finish": ({}, ["Hi"], "eos", ["choice 0: took finish_reason 'eos' for 'stop'"]),
    "no call": ({}, ["Hi"], "tool_calls", ["choice 0: finish_reason 'tool_calls' became 'stop'"]),
    "thinking": ({}, ["<think>a</think>b"], "stop", ["choice 0: moved thinking from content to reasoning"]),
    "cumulative": ({}, [LONG[:70], LONG[:80], LONG], "stop", ["choice 0: its content came cumulative"]),
    "a call as text": (
        {"rescue": True},
        ['<tool_call>{"name":"look"}</tool_call>'],
        "stop",
        [
            "choice 0: made a call of 'look' of what was written as text",
            "choice 0: finish_reason 'stop' became 'tool_calls'",
        ],
    ),
}


@pytest.mark.parametrize(("options", "texts", "finish", "notes"), NOTED.values(), ids=NOTED.keys())
def test_every_change_is_noted(options: dict[str, Any], texts: list[str], finish: str, notes: list[str]) -> None:
    made = Made(**options)
    for text in texts:
        made.choice.content(text, None)
    if finish:
        made.choice.finish(finish)
    made.choice.close()
    assert made.notes == notes
    assert Answer(made.said()).finish is not None


def test_thinking_that_never_closed_is_the_answer_only_if_it_stopped_by_itself() -> None:
    answers = {}
    for reason in ("stop", "length"):
        made = Made()
        made.choice.content("<think>It is 4.", None)
        made.choice.finish(reason)
        made.choice.close()
        answers[reason] = Answer(made.said()).content
    assert answers == {"stop": "It is 4.", "length": ""}


def test_thinking_that_never_closed_is_no_answer_beside_a_call() -> None:
    made = Made()
    made.choice.content("<think>I look.", None)
    made.choice.call(0, "x", "look", "{}")
    made.choice.finish("stop")
    made.choice.close()
    assert Answer(made.said()).content == ""
