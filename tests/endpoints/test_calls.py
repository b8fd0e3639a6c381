"""An answer in the app's own form."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.endpoints.calls import Form, Input, Shaper
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage


def call(index: int, name: str, arguments: str = "") -> Json:
    """The first piece of a call."""
    return {"index": index, "id": f"id{index}", "type": "function", "function": {"name": name, "arguments": arguments}}


def more(index: int, arguments: str) -> Json:
    return {"index": index, "function": {"arguments": arguments}}


def custom(index: int, name: str, text: str = "") -> Json:
    return {"index": index, "id": f"id{index}", "type": "custom", "custom": {"name": name, "input": text}}


def more_custom(index: int, text: str) -> Json:
    return {"index": index, "custom": {"input": text}}


def calls(*pieces: Json, choice: int = 0) -> Delta:
    return Delta(choice, {"tool_calls": list(pieces)})


FINISH = Delta(0, {}, "tool_calls")
CUSTOM = Form(custom=frozenset({"run"}))
FORMER = Form(former=True)
SINGLE = Form(single=True)

CASES: dict[str, tuple[Form, list[ChatEvent], list[ChatEvent]]] = {
    "function calls are left alone": (
        Form(),
        [calls(call(0, "f")), calls(more(0, "{}"), call(1, "g")), FINISH],
        [calls(call(0, "f")), calls(more(0, "{}"), call(1, "g")), FINISH],
    ),
    "a finish comes by itself": (
        Form(),
        [Delta(0, {"content": "a"}, "stop", {"content": []})],
        [Delta(0, {"content": "a"}, None, {"content": []}), Delta(0, {}, "stop")],
    ),
    "the totals and errors are left alone": (
        FORMER,
        [Usage({"total_tokens": 1})],
        [Usage({"total_tokens": 1})],
    ),
    "a custom call is unwrapped as it comes": (
        CUSTOM,
        [calls(call(0, "run")), calls(more(0, '{"inp')), calls(more(0, 'ut": "ls')), calls(more(0, ' -l"}')), FINISH],
        [calls(custom(0, "run")), Delta(0, {}), calls(more_custom(0, "ls")), calls(more_custom(0, " -l")), FINISH],
    ),
    "a custom call may come at once": (
        CUSTOM,
        [calls(call(0, "run", '{"input":"ls"}')), FINISH],
        [calls(custom(0, "run", "ls")), FINISH],
    ),
    "a custom call beside a function's": (
        CUSTOM,
        [calls(call(0, "f", "{}"), call(1, "run", '{"input":')), calls(more(1, '"a"}')), FINISH],
        [calls(call(0, "f", "{}"), custom(1, "run")), calls(more_custom(1, "a")), FINISH],
    ),
    "what was held back comes before the finish": (
        CUSTOM,
        [calls(call(0, "run", "ls")), calls(call(1, "run", '{"cmd": "id"}')), FINISH],
        [
            calls(custom(0, "run")),
            calls(custom(1, "run")),
            calls(more_custom(0, "ls"), more_custom(1, "id")),
            FINISH,
        ],
    ),
    "choices are kept apart": (
        CUSTOM,
        [
            calls(call(0, "run", '{"input":"a')),
            calls(call(0, "run", '{"input":"b'), choice=1),
            calls(more(0, 'a"}')),
            calls(more(0, 'b"}'), choice=1),
            FINISH,
        ],
        [
            calls(custom(0, "run", "a")),
            calls(custom(0, "run", "b"), choice=1),
            calls(more_custom(0, "a")),
            calls(more_custom(0, "b"), choice=1),
            FINISH,
        ],
    ),
    "one call only, if the app wants no more": (
        SINGLE,
        [calls(call(0, "f")), calls(call(1, "g"), more(0, "{")), calls(more(1, "{}")), calls(more(0, "}")), FINISH],
        [calls(call(0, "f")), calls(more(0, "{")), Delta(0, {}), calls(more(0, "}")), FINISH],
    ),
    "a former call": (
        FORMER,
        [calls(call(0, "f")), calls(more(0, "{"), more(0, "}")), calls(call(1, "g")), FINISH],
        [
            Delta(0, {"function_call": {"name": "f", "arguments": ""}}),
            Delta(0, {"function_call": {"arguments": "{}"}}),
            Delta(0, {}),
            Delta(0, {}, "function_call"),
        ],
    ),
    "a former answer without a call": (
        FORMER,
        [Delta(0, {"content": "a"}), Delta(0, {}, "stop")],
        [Delta(0, {"content": "a"}), Delta(0, {}, "stop")],
    ),
    "reasoning is shown": (Form(), [Delta(0, {"reasoning_content": "a"})], [Delta(0, {"reasoning_content": "a"})]),
    "reasoning is hidden": (
        Form(reasoning=False),
        [
            Delta(0, {"role": "assistant", "reasoning_content": "a"}),
            Delta(0, {"reasoning_content": "b", "content": "c"}),
        ],
        [Delta(0, {"role": "assistant"}), Delta(0, {"content": "c"})],
    ),
}


@pytest.mark.parametrize(("form", "events", "told"), CASES.values(), ids=CASES)
def test_an_answer_takes_its_form(form: Form, events: list[ChatEvent], told: list[ChatEvent]) -> None:
    assert list(Shaper(form).shape_all(events)) == told


def test_an_error_is_left_alone() -> None:
    error = ProxyError(UPSTREAM_CUT, "cut")
    assert list(Shaper(CUSTOM).shape_all([error])) == [error]


def unwrapped(*pieces: str) -> str:
    held = Input()
    return "".join([held.feed(piece) for piece in pieces]) + held.end()


ODD = {
    "escapes": (r'{"input":"a\"b\\c\/d\n\t\r\b\fé"}', 'a"b\\c/d\n\t\r\b\fé'),
    "space around": (' {\n "input" : "a" } ', "a"),
    "raw line ends": ('{"input":"a\nb"}', "a\nb"),
    "escapes that are none": (r'{"input":"\d+\user\u12"}', r"\d+\user\u12"),
    "an emoji": (r'{"input":"\ud83d\ude00"}', "😀"),
    "half an emoji": (r'{"input":"\ud83d!\ude00\ud83d\ud83d\ude00\ud83d\n"}', "\ufffd!\ufffd\ufffd😀\ufffd\n"),
    "more fields": ('{"input":"a","why":"b"}', "a"),
    "more fields before": ('{"why":"b","input":"a"}', "a"),
    "another name": ('{"code":"a"}', "a"),
    "two other names": ('{"code":"a","why":"b"}', '{"code":"a","why":"b"}'),
    "no string": ('{"input":{"a":[1]}}', '{"a":[1]}'),
    "a string alone": ('"a"', "a"),
    "no JSON": ("ls -l", "ls -l"),
    "too deep": ("[" * 300 + "]" * 300, "[" * 300 + "]" * 300),
    "nothing": ("", ""),
    "no input": ("{}", ""),
    "cut short": ('{"input":"abc', "abc"),
    "cut in an escape": (r'{"input":"abc\u00', "abc"),
    "something after": ('{"input":"a"}{"input":"b"}', "a"),
}


@pytest.mark.parametrize(("arguments", "text"), ODD.values(), ids=ODD)
def test_an_input_is_unwrapped_whatever_the_model_wrote_and_however_it_was_cut(arguments: str, text: str) -> None:
    assert unwrapped(arguments) == text
    assert unwrapped(*arguments) == text
    assert all(unwrapped(arguments[:at], arguments[at:]) == text for at in range(len(arguments)))


def test_an_input_is_told_as_soon_as_it_is_known() -> None:
    held = Input()
    told = [held.feed(piece) for piece in ('{"input":"', "a", "b\\", "nc\\u00", "e9", "\\ud83d", "\\ude00", '"', "}")]
    assert told == ["", "a", "b", "\nc", "é", "", "😀", "", ""]


@given(text=st.text(), ascii_only=st.booleans(), cuts=st.lists(st.integers(0, 80)))
def test_every_input_comes_through_every_cut(text: str, ascii_only: bool, cuts: list[int]) -> None:
    arguments = json.dumps({"input": text}, ensure_ascii=ascii_only)
    ends = sorted({0, len(arguments), *(cut for cut in cuts if cut < len(arguments))})
    assert unwrapped(*(arguments[a:b] for a, b in pairwise(ends))) == text
