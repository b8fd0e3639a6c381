"""Thinking and tool calls that leaked into content, found where they may be and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.dialects import leaks
from qwenproxy.dialects.leaks import LeakedCall, Leaks, Think

TOOLS = frozenset({"look", "roll"})
NONE = frozenset[str]()

type Found = tuple[str, str, list[tuple[str, str]]]
"""Reasoning, content, calls."""


def found(pieces: list[str], think: Think, tools: frozenset[str], *, unanswered: bool = False) -> Found:
    leak = Leaks(think, tools)
    segments = [segment for piece in pieces for segment in leak.feed(piece)] + leak.end(unanswered=unanswered)
    calls = [(segment.name, segment.arguments) for segment in segments if isinstance(segment, LeakedCall)]
    texts = [segment for segment in segments if not isinstance(segment, LeakedCall)]
    assert all(segment.text for segment in texts)
    reasoning = "".join(segment.text for segment in texts if segment.channel == "reasoning_content")
    return reasoning, "".join(segment.text for segment in texts if segment.channel == "content"), calls


def every_cut(text: str) -> list[list[str]]:
    return [[text], list(text), *([text[:at], text[at:]] for at in range(1, len(text)))]


THINKING: dict[str, tuple[Think, str, str, str]] = {
    "as the template has it": ("start", "<think>\nI see.\n</think>\n\nHi", "I see.", "Hi"),
    "blanks in front": ("start", " \n<think>I see.</think>Hi", "I see.", "Hi"),
    "nothing thought": ("start", "<think>\n\n</think>\n\nHi", "", "Hi"),
    "nothing but thinking": ("start", "<think>I see.</think>", "I see.", ""),
    "several lines": ("start", "<think>\na\n\nb\n\n</think>\n  c\n", "a\n\nb", "  c\n"),
    "other tags in it": ("start", "<think>a <b> </ </thin </thinking></think>c", "a <b> </ </thin </thinking>", "c"),
    "another thought behind": ("start", "<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    "only a closing tag": ("start", "</think>\n\nHi", "", "Hi"),
    "a closing tag later on": ("start", "I see.</think>Hi", "", "I see.</think>Hi"),
    "talked about": ("start", "Use `<think>` and </think>.", "", "Use `<think>` and </think>."),
    "another tag": ("start", "<thinking>a</thinking>", "", "<thinking>a</thinking>"),
    "the beginning of a tag": ("start", " <thi", "", " <thi"),
    "blanks alone": ("start", " \n", "", " \n"),
    "no tag": ("start", "\n Hi", "", "\n Hi"),
    "not looked for": ("off", "<think>a</think>b", "", "<think>a</think>b"),
    "the template opened it": ("inside", "I see.\n</think>\n\nHi", "I see.", "Hi"),
    "the template opened it, and so did the model": ("inside", "<think>I see.</think>Hi", "I see.", "Hi"),
    "the template opened it, and nothing was thought": ("inside", "\n</think>Hi", "", "Hi"),
    "the template opened it, and it never closed": ("inside", "I see", "I see", ""),
    "it never closed": ("start", "<think>I see\n</thi", "I see\n</thi", ""),
}


@pytest.mark.parametrize(("think", "text", "reasoning", "content"), THINKING.values(), ids=THINKING.keys())
def test_leaked_thinking_is_reasoning_at_every_cut(think: Think, text: str, reasoning: str, content: str) -> None:
    for pieces in every_cut(text):
        assert found(pieces, think, NONE) == (reasoning, content, [])


@pytest.mark.parametrize(("think", "text"), [("inside", "It is 4."), ("start", "<think>It is 4.")])
def test_thinking_that_never_closed_was_the_answer_if_there_is_no_other(think: Think, text: str) -> None:
    """Better said twice than lost."""
    for pieces in every_cut(text):
        assert found(pieces, think, NONE, unanswered=True) == ("It is 4.", "It is 4.", [])


def test_an_answer_does_not_begin_inside_thinking_that_came_by_its_own_channel() -> None:
    leak = Leaks("inside")
    leak.parted()
    assert leak.feed("Hi") == [leaks.Text("content", "Hi")]
    assert leak.settled


def test_thinking_that_has_begun_to_leak_goes_on_doing_so() -> None:
    leak = Leaks("inside")
    assert leak.feed("I see") == [leaks.Text("reasoning_content", "I see")]
    leak.parted()
    assert leak.feed(".</think>Hi") == [leaks.Text("reasoning_content", "."), leaks.Text("content", "Hi")]


def test_thinking_streams() -> None:
    leak = Leaks("start")
    pieces = ["<think>", "I", " see", "</", "b>.\n", "</think>", "Hi"]
    assert [[segment for segment in leak.feed(piece)] for piece in pieces] == [
        [],
        [leaks.Text("reasoning_content", "I")],
        [leaks.Text("reasoning_content", " see")],
        [],
        [leaks.Text("reasoning_content", "</b>.")],
        [],
        [leaks.Text("content", "Hi")],
    ]


def test_an_ordinary_answer_is_settled_with_its_first_word() -> None:
    leak = Leaks("start")
    assert leak.feed("Hi") == [leaks.Text("content", "Hi")]
    assert leak.settled
    assert not leak.moved


@pytest.mark.parametrize("text", ["\n", "<think>", "</think>", "<think>a</think>\n"])
def test_an_answer_that_has_not_begun_is_not_settled(text: str) -> None:
    leak = Leaks("start")
    assert not leak.settled
    leak.feed(text)
    assert not leak.settled


def test_what_is_looked_for_all_along_is_never_settled() -> None:
    leak = Leaks("start", TOOLS)
    leak.feed("Hi")
    assert not leak.settled


JSON_CALL = '<tool_call>\n{"name": "look", "arguments": {"q": "a<b"}}\n</tool_call>'
XML_CALL = (
    "<tool_call>\n<function=roll>\n<parameter=n>\n3\n</parameter>\n"
    "<parameter=why>\nfor fun\n</parameter>\n</function>\n</tool_call>"
)
LOOK, ROLL = ("look", '{"q":"a<b"}'), ("roll", '{"n":3,"why":"for fun"}')

CALLS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "JSON": (JSON_CALL, "", [LOOK]),
    "tags": (XML_CALL, "", [ROLL]),
    "both, one after the other": (f"{JSON_CALL}\n{XML_CALL}\n", "", [LOOK, ROLL]),
    "text in front": (f"Let me look.\n{JSON_CALL}", "Let me look.\n", [LOOK]),
    "text behind": (f"{JSON_CALL}\n\nDone.", "Done.", [LOOK]),
    "no tag around the function": (XML_CALL.removeprefix("<tool_call>\n"), "", [ROLL]),
    "no tag around two functions": (f"{XML_CALL[12:]}\n{XML_CALL[12:]}", "", [ROLL, ROLL]),
    "text behind a closing tag too many": (f"{XML_CALL[12:]}\n\nDone.", "Done.", [ROLL]),
    "no closing tag": (JSON_CALL.removesuffix("</tool_call>"), "", [LOOK]),
    "no arguments": ('<tool_call>{"name": "look"}</tool_call>', "", [("look", "{}")]),
    "no parameters": ("<function=look>\n</function>", "", [("look", "{}")]),
    "arguments as text": ('<tool_call>{"name": "look", "arguments": "{}"}</tool_call>', "", [("look", "{}")]),
    "another word for arguments": (
        '<tool_call>{"name": "look", "parameters": {"a": 1}}</tool_call>',
        "",
        [("look", '{"a":1}')],
    ),
    "Python's notation": (
        "<tool_call>{'name': 'look', 'arguments': {'a': None}}</tool_call>",
        "",
        [("look", '{"a":null}')],
    ),
    "a brace forgotten": ('<tool_call>{"name": "look", "arguments": {"a": 1}</tool_call>', "", [("look", '{"a":1}')]),
    "indented": (f"  {JSON_CALL}", "  ", [LOOK]),
}

NO_CALLS = {
    "no such tool": '<tool_call>{"name": "cook", "arguments": {}}</tool_call>',
    "no such function": "<function=cook></function>",
    "no name": '<tool_call>{"arguments": {}}</tool_call>',
    "a name that is no text": '<tool_call>{"name": ["look"]}</tool_call>',
    "no JSON": "<tool_call>look</tool_call>",
    "nothing": "<tool_call></tool_call> then",
    "in mid line": f"Write {JSON_CALL.replace(chr(10), '')}.",
    "in fenced code": f"So:\n```xml\n{JSON_CALL}\n```\nThat is all.",
    "JSON without its end": '<tool_call>{"name": "look", "arguments": {"q": "a',
    "a function without its end": "<function=roll>\n<parameter=n>\n3\n</parameter>",
    "the beginning of a tag": "a <tool_c",
    "tags of another kind": "<tool_calls> <functions=a> <function>",
}


@pytest.mark.parametrize(("text", "content", "calls"), CALLS.values(), ids=CALLS.keys())
def test_a_call_written_as_text_is_a_call_at_every_cut(text: str, content: str, calls: list[tuple[str, str]]) -> None:
    for pieces in every_cut(text):
        assert found(pieces, "start", TOOLS) == ("", content, calls)


@pytest.mark.parametrize("text", NO_CALLS.values(), ids=NO_CALLS.keys())
def test_what_only_looks_like_a_call_stays_text(text: str) -> None:
    for pieces in every_cut(text):
        assert found(pieces, "start", TOOLS) == ("", text, [])


def test_behind_fenced_code_calls_are_calls_again() -> None:
    fence = "```\ncode\n```\n"
    for pieces in every_cut(fence + JSON_CALL):
        assert found(pieces, "start", TOOLS) == ("", fence, [LOOK])


def test_a_call_behind_thinking() -> None:
    for pieces in every_cut(f"<think>a</think>\n\n{JSON_CALL}"):
        assert found(pieces, "start", TOOLS) == ("a", "", [LOOK])


def test_without_tools_no_call_is_looked_for() -> None:
    assert found([JSON_CALL], "start", NONE) == ("", JSON_CALL, [])


def test_a_call_without_end_stays_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "LIMIT", 50)
    text = '<tool_call>{"name": "look", "arguments": {"q": "' + "x" * 60
    assert found([text[:20], text[20:], JSON_CALL], "start", TOOLS)[1:] == (text + JSON_CALL, [])
    assert Leaks("start", TOOLS).feed(text) == [leaks.Text("content", text)], "without waiting for the end"


TEXT = st.lists(
    st.sampled_from(["<think>", "</think>", "<tool_call>", "</tool_call>", "<", "a", "\n", "```", '{"name": "look"}'])
)


@given(TEXT, st.data())
def test_cuts_do_not_matter(parts: list[str], draw: st.DataObject) -> None:
    text = "".join(parts)
    place = draw.draw(st.integers(0, len(text)))
    pieces = [piece for piece in (text[:place], text[place:]) if piece]
    assert found(pieces, "start", TOOLS) == found([text] if text else [], "start", TOOLS)


@given(TEXT)
def test_without_leaks_nothing_changes(parts: list[str]) -> None:
    assert found([part for part in parts if part], "off", NONE) == ("", "".join(parts), [])
