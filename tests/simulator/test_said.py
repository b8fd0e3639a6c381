"""Oddities of what is said."""

from collections.abc import Callable

import pytest

from qwenproxy.simulator import said
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply

CALLS = Reply(
    (Choice(calls=(Call("a", "f", '{"city": "Riga", "n": 1}'), Call("b", "g", "{}")), finish="tool_calls"),), Prompt(1)
)
TEXT = Reply((Choice("I think.", "Hello"),), Prompt(1), thinks=True)


def texts(reply: Reply) -> list[str]:
    return [call.arguments for call in reply.choices[0].calls]


@pytest.mark.parametrize(
    ("oddity", "expected"),
    [
        (said.single_quotes, ["{'city': 'Riga', 'n': 1}", "{}"]),
        (said.xml_arguments, ["<parameter=city>\nRiga\n</parameter>\n<parameter=n>\n1\n</parameter>", ""]),
        (said.trailing_junk, ['{"city": "Riga", "n": 1}}</tool_call>', "{}}</tool_call>"]),
        (said.no_arguments, ["", ""]),
        (said.unclosed_arguments, ['{"city": "Riga", "n": ', ""]),
        (said.glued_calls, ['{"city": "Riga", "n": 1}{}']),
    ],
)
def test_arguments(oddity: Callable[[Reply, str], Reply], expected: list[str]) -> None:
    assert texts(oddity(CALLS, "")) == expected


@pytest.mark.parametrize("arguments", ["", "{", "[]", "7"])
def test_arguments_that_are_no_object_are_survived(arguments: str) -> None:
    reply = Reply((Choice(calls=(Call("a", "f", arguments),)),), Prompt(1))
    assert texts(said.single_quotes(reply, "")) == ["{}"]
    assert said.call_leaked_xml(reply, "").choices[0].calls == ()


def test_a_leaked_call_is_text() -> None:
    (told,) = said.call_leaked(CALLS, "").choices
    assert told.text.count("<tool_call>") == 2
    assert (told.calls, told.finish) == ((), "stop")


def test_leaked_thinking_is_nowhere_else() -> None:
    (told,) = said.think_leaked(TEXT, "").choices
    assert (told.thinking, told.text) == ("", "<think>\nI think.\n</think>\n\nHello")
    assert not said.think_leaked(TEXT, "").thinks


def test_braces_in_what_is_said_are_kept() -> None:
    reply = Reply((Choice("{0}", "{text}"),), Prompt(1), thinks=True)
    assert said.think_closing(reply, "").choices[0].text == "{0}\n</think>\n\n{text}"


@pytest.mark.parametrize(("argument", "words"), [("3", 3), ("", 1000), ("many", 1000)])
def test_words(argument: str, words: int) -> None:
    assert len(said.words(TEXT, argument).choices[0].text.split()) == words


def test_the_finish_is_any_word() -> None:
    assert {choice.finish for choice in said.finish(TEXT, "RECITATION").choices} == {"RECITATION"}
    assert said.finish(TEXT, "").choices[0].finish == "unknown"


@pytest.mark.parametrize(("argument", "reason"), [("", "SAFETY"), ("OTHER", "OTHER")])
def test_a_blocked_prompt_has_its_reason(argument: str, reason: str) -> None:
    assert (TEXT.blocked, said.prompt_blocked(TEXT, argument).blocked) == ("", reason)


def test_nothing_is_changed_in_place() -> None:
    before = repr(CALLS)
    for oddity in (said.cut_arguments, said.glued_calls, said.finish_stop, said.error_finish):
        oddity(CALLS, "")
    assert repr(CALLS) == before
