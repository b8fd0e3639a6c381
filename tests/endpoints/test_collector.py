"""The sum of an answer's events."""

import pytest

from qwenproxy.endpoints.collector import collect
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage


def test_pieces_of_text_are_joined() -> None:
    events: list[ChatEvent] = [
        Delta(0, {"role": "assistant", "content": ""}),
        Delta(0, {"reasoning_content": "Let me "}),
        Delta(0, {"reasoning_content": "see."}),
        Delta(0, {"content": "Hel"}),
        Delta(0, {"content": "lo"}),
        Delta(0, {}, "stop"),
        Usage({"total_tokens": 3}),
    ]
    message = {"role": "assistant", "content": "Hello", "refusal": None, "reasoning_content": "Let me see."}
    assert collect(events) == {
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"total_tokens": 3},
    }


def test_annotations_are_joined() -> None:
    one, other = {"type": "url_citation", "url_citation": {"url": "a"}}, {"type": "url_citation", "url_citation": {}}
    deltas: list[Json] = [{"content": "Hi"}, {"annotations": [one]}, {"annotations": [other]}, {}]
    [choice] = collect(Delta(0, delta) for delta in deltas)["choices"]
    assert choice["message"]["annotations"] == [one, other]


def test_calls_that_come_mixed_are_kept_apart() -> None:
    events = [
        Delta(0, {"role": "assistant"}),
        Delta(
            0, {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}
        ),
        Delta(
            0,
            {
                "tool_calls": [
                    {"index": 1, "id": "b", "type": "custom", "custom": {"name": "c", "input": "x"}},
                    {"index": 0, "function": {"arguments": "{"}},
                ]
            },
        ),
        Delta(
            0, {"tool_calls": [{"index": 0, "function": {"arguments": "}"}}, {"index": 1, "custom": {"input": "y"}}]}
        ),
        Delta(0, {}, "tool_calls"),
    ]
    assert collect(events)["choices"][0]["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": None,
        "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
            {"id": "b", "type": "custom", "custom": {"name": "c", "input": "xy"}},
        ],
    }


def test_a_former_call_is_joined() -> None:
    events = [
        Delta(0, {"role": "assistant", "function_call": {"name": "f", "arguments": ""}}),
        Delta(0, {"function_call": {"arguments": "{}"}}),
        Delta(0, {}, "function_call"),
    ]
    message = collect(events)["choices"][0]["message"]
    assert message["function_call"] == {"name": "f", "arguments": "{}"}
    assert message["content"] is None
    assert "tool_calls" not in message


CONTENTS: list[tuple[str, list[Json], Json]] = [
    ("nothing said", [{}], {"content": "", "refusal": None}),
    ("a refusal", [{"refusal": "I "}, {"refusal": "won't."}], {"content": None, "refusal": "I won't."}),
    ("text and a refusal", [{"content": "a"}, {"refusal": "b"}], {"content": "a", "refusal": "b"}),
    ("nulls", [{"content": None, "refusal": None}, {"content": "a"}], {"content": "a", "refusal": None}),
]


@pytest.mark.parametrize(("deltas", "said"), [row[1:] for row in CONTENTS], ids=[row[0] for row in CONTENTS])
def test_content_is_null_only_if_something_else_was_said(deltas: list[Json], said: Json) -> None:
    choice = collect([Delta(0, delta) for delta in deltas])["choices"][0]
    assert choice["message"] == {"role": "assistant"} | said


def test_text_beside_calls_is_kept() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = collect([Delta(0, {"content": "See:", "tool_calls": [call]})])["choices"][0]["message"]
    assert message["content"] == "See:"


def test_choices_are_in_order_however_they_came() -> None:
    events = [
        Delta(1, {"role": "assistant", "content": "b"}),
        Delta(0, {"role": "assistant", "content": "a"}),
        Delta(1, {}, "length"),
        Delta(0, {}, "stop"),
    ]
    told = [(c["index"], c["message"]["content"], c["finish_reason"]) for c in collect(events)["choices"]]
    assert told == [(0, "a", "stop"), (1, "b", "length")]


def test_logprobs_are_joined_list_by_list() -> None:
    events = [
        Delta(0, {"content": "a"}, None, {"content": [{"token": "a"}], "refusal": None}),
        Delta(0, {"content": "b"}, None, {"content": [{"token": "b"}]}),
        Delta(0, {"refusal": "c"}, None, {"content": None, "refusal": [{"token": "c"}]}),
        Delta(0, {}, "stop"),
    ]
    assert collect(events)["choices"][0]["logprobs"] == {
        "content": [{"token": "a"}, {"token": "b"}],
        "refusal": [{"token": "c"}],
    }


def test_without_usage_none_is_invented() -> None:
    assert collect([Delta(0, {"content": "a"}, "stop")]).keys() == {"choices"}


def test_an_answer_of_no_events_has_no_choices() -> None:
    assert collect([]) == {"choices": []}


def test_an_error_is_raised() -> None:
    with pytest.raises(ProxyError, match="cut"):
        collect([Delta(0, {"content": "a"}), ProxyError(UPSTREAM_CUT, "cut")])
