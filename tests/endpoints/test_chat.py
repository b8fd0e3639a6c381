"""Chat completions as the app hears them, whole and streamed."""

import orjson
import pytest

from qwenproxy import sse
from qwenproxy.endpoints.base import Call, Writer
from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.errors import UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.endpoints.answers import (
    CUT,
    FIXED,
    HEAD,
    ROLE,
    STOP,
    USAGE,
    ask,
    called,
    chunks,
    first,
    payloads,
    pieces,
    said,
    streamed,
    streaming,
)
from tests.endpoints.requests import asking, custom, function

# The call.


def test_a_call_knows_what_was_asked() -> None:
    call: Call = streaming(usage=True, temperature=0)
    assert isinstance(call, ChatCall)
    assert (call.model, call.stream, call.include_usage) == ("gpt-4o", True, True)
    assert call.chat == asking(temperature=0)


@pytest.mark.parametrize("fields", [{}, {"stream": False}, {"stream": None}])
def test_a_call_is_whole_unless_it_asks_for_a_stream(fields: Json) -> None:
    call = ask(**fields)
    assert (call.stream, call.include_usage) == (False, False)


def test_a_wrong_body_is_no_call() -> None:
    with pytest.raises(ProxyError) as caught:
        ChatCall(b"{}")
    assert caught.value.status == 400


# The stream.


def test_a_stream_is_a_role_then_pieces_then_a_finish_then_done() -> None:
    writer: Writer = streaming().writer(HEAD)
    stream = writer.write([ROLE]) + writer.write([Delta(0, {"content": "Hi"}), STOP]) + writer.end()
    told = [(first(), None), ({"content": "Hi"}, None), ({}, "stop")]
    assert chunks(stream) == [
        FIXED
        | {
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}],
        }
        for delta, reason in told
    ]


def test_every_event_is_one_line_of_data() -> None:
    stream = streamed(streaming(), [ROLE, Delta(0, {"content": "a\n\ndata: b\r\u2028ü"}), STOP])
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in stream.split(b"\n\n")[:-1])


def test_asked_for_usage_every_chunk_has_the_key_and_one_more_has_the_totals() -> None:
    *told, last = chunks(streamed(streaming(usage=True), [ROLE, Delta(0, {"content": "Hi"}), STOP, Usage(USAGE)]))
    assert [chunk["usage"] for chunk in told] == [None, None, None]
    assert (last["choices"], last["usage"]) == ([], USAGE)


def test_not_asked_for_usage_no_chunk_has_it_and_none_is_without_choices() -> None:
    told = chunks(streamed(streaming(), [ROLE, STOP, Usage(USAGE)]))
    assert all("usage" not in chunk and chunk["choices"] for chunk in told)


def test_totals_that_the_upstream_did_not_tell_are_not_invented() -> None:
    assert all(chunk["usage"] is None for chunk in chunks(streamed(streaming(usage=True), [ROLE, STOP])))


def test_logprobs_go_with_their_piece() -> None:
    logprobs = {"content": [{"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}], "refusal": None}
    events = [ROLE, Delta(0, {"content": "Hi"}, None, logprobs), STOP]
    told = [chunk["choices"][0]["logprobs"] for chunk in chunks(streamed(streaming(logprobs=True), events))]
    assert told == [None, logprobs, None]


FIRSTS: list[tuple[str, Json, list[Json]]] = [
    ("a role", {"role": "assistant"}, [first()]),
    ("a role and no text", {"role": "assistant", "content": "", "reasoning_content": "", "refusal": None}, [first()]),
    ("a role and text", {"role": "assistant", "content": "Hi"}, [first(), {"content": "Hi"}]),
    ("no role", {"content": "Hi"}, [first(), {"content": "Hi"}]),
    ("a refusal", {"role": "assistant", "refusal": "No"}, [first(), {"refusal": "No"}]),
    (
        "a tool call",
        {"role": "assistant", "content": None, "tool_calls": [called(0, "f")]},
        [first(None), {"tool_calls": [called(0, "f")]}],
    ),
]


@pytest.mark.parametrize(("delta", "told"), [row[1:] for row in FIRSTS], ids=[row[0] for row in FIRSTS])
def test_a_choice_begins_with_its_role_and_nothing_else(delta: Json, told: list[Json]) -> None:
    stream = streamed(streaming(), [Delta(0, delta), STOP])
    assert said(stream) == [*((0, delta, None) for delta in told), (0, {}, "stop")]


def test_choices_begin_in_order_however_they_come() -> None:
    events = [Delta(2, {"role": "assistant", "content": "c"}), ROLE, Delta(2, {}, "stop"), STOP]
    assert said(streamed(streaming(n=3), events)) == [
        (0, first(), None),
        (1, first(), None),
        (2, first(), None),
        (2, {"content": "c"}, None),
        (2, {}, "stop"),
        (0, {}, "stop"),
    ]


def test_a_piece_that_says_nothing_is_not_written() -> None:
    writer = streaming().writer(HEAD)
    writer.write([ROLE])
    assert writer.write([Delta(0, {})]) == b""
    assert writer.write([]) == b""


def test_reasoning_is_an_extra_field() -> None:
    stream = streamed(streaming(), [ROLE, Delta(0, {"reasoning_content": "Hm."}), STOP])
    assert said(stream)[1] == (0, {"reasoning_content": "Hm."}, None)


def test_hidden_reasoning_begins_the_choice_and_says_nothing_else() -> None:
    writer = streaming(reasoning=False).writer(HEAD)
    opening = writer.write([Delta(0, {"role": "assistant", "reasoning_content": "Hm."})])
    assert writer.write([Delta(0, {"reasoning_content": "So."})]) == b""
    assert said(opening + writer.write([STOP]) + writer.end()) == [(0, first(), None), (0, {}, "stop")]


def test_one_tool_call_only_if_the_app_wants_no_more() -> None:
    call = streaming(parallel_tool_calls=False, tools=[function("f"), function("g")])
    events = [ROLE, pieces(called(0, "f")), pieces(called(1, "g")), Delta(0, {}, "tool_calls")]
    told = said(streamed(call, events))
    assert told[1:] == [(0, {"tool_calls": [called(0, "f")]}, None), (0, {}, "tool_calls")]


def test_the_former_functions_have_the_former_answer() -> None:
    events = [pieces(called(0, "f", "{")), pieces({"index": 0, "function": {"arguments": "}"}})]
    told = said(streamed(streaming(functions=[{"name": "f"}]), [*events, Delta(0, {}, "tool_calls")]))
    assert told == [
        (0, first(None), None),
        (0, {"function_call": {"name": "f", "arguments": "{"}}, None),
        (0, {"function_call": {"arguments": "}"}}, None),
        (0, {}, "function_call"),
    ]


def test_a_custom_tool_hears_its_input() -> None:
    events = [ROLE, pieces(called(0, "run", '{"input":"l')), pieces({"index": 0, "function": {"arguments": 's"}'}})]
    told = said(streamed(streaming(tools=[custom("run")]), [*events, Delta(0, {}, "tool_calls")]))
    call = {"index": 0, "id": "call_0", "type": "custom", "custom": {"name": "run", "input": "l"}}
    assert told[1:] == [
        (0, {"tool_calls": [call]}, None),
        (0, {"tool_calls": [{"index": 0, "custom": {"input": "s"}}]}, None),
        (0, {}, "tool_calls"),
    ]


# Errors.


def test_an_error_ends_the_stream_without_done() -> None:
    writer = streaming().writer(HEAD)
    *_, last = payloads(writer.write([ROLE, Delta(0, {"content": "Hi"}), CUT, STOP]))
    assert orjson.loads(last) == CUT.body()
    assert writer.write([Delta(0, {"content": "more"})]) == b""
    assert writer.end() == b""


def test_a_stream_ends_once() -> None:
    writer = streaming().writer(HEAD)
    assert writer.end() == sse.DONE
    assert writer.end() + writer.write([ROLE]) == b""


UNWRITABLE: dict[str, ChatEvent] = {
    "half a surrogate pair": Delta(0, {"content": "\ud800"}),
    "a number too large": Usage({"total_tokens": 2**64}),
    "an error of such text": ProxyError(UPSTREAM_CUT, "\ud800"),
}


@pytest.mark.parametrize("event", UNWRITABLE.values(), ids=UNWRITABLE)
def test_what_cannot_be_written_is_an_error_and_the_end(event: ChatEvent) -> None:
    writer = streaming(usage=True).writer(HEAD)
    told = [orjson.loads(payload) for payload in payloads(writer.write([ROLE, event, STOP]))]
    assert told[0]["choices"][0]["delta"] == first()
    assert told[1]["error"]["code"] == "bad_upstream_answer"
    assert len(told) == 2
    assert writer.end() == b""


# The whole answer.


def test_a_whole_answer_has_every_key_that_clients_read() -> None:
    events: list[ChatEvent] = [ROLE, Delta(0, {"content": "Hel"}), Delta(0, {"content": "lo"}), STOP, Usage(USAGE)]
    message = first("Hello") | {"annotations": []}
    assert ask().whole(HEAD, events) == FIXED | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": USAGE,
    }


CITED: Json = {
    "annotations": [{"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 0, "url": "a"}}]
}


def test_annotations_are_passed_on_whole_and_streamed() -> None:
    events: list[ChatEvent] = [ROLE, Delta(0, {"content": "Hi"}), Delta(0, CITED), STOP]
    [choice] = ask().whole(HEAD, events)["choices"]
    assert choice["message"] == first("Hi") | CITED
    told = [orjson.loads(payload) for payload in payloads(streaming().writer(HEAD).write(events))]
    assert [chunk["choices"][0]["delta"] for chunk in told[1:]] == [{"content": "Hi"}, CITED, {}]


def test_a_whole_answer_without_totals_has_no_usage() -> None:
    assert "usage" not in ask().whole(HEAD, [ROLE, STOP])


MESSAGES: list[tuple[str, ChatCall, Json]] = [
    ("calls", ask(), {"tool_calls": [{"id": "call_0", **function("f", arguments='{"input":"a"}')}]}),
    ("a custom call", ask(tools=[custom("f")]), {"tool_calls": [{"id": "call_0", **custom("f", input="a")}]}),
    (
        "the former call",
        ask(functions=[{"name": "f"}]),
        {"function_call": {"name": "f", "arguments": '{"input":"a"}'}},
    ),
]


@pytest.mark.parametrize(("call", "calls"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES])
def test_a_whole_call_is_said_in_the_apps_form(call: ChatCall, calls: Json) -> None:
    events = [ROLE, pieces(called(0, "f", '{"input":"a"}')), Delta(0, {}, "tool_calls")]
    [choice] = call.whole(HEAD, events)["choices"]
    assert choice["message"] == first(None) | {"annotations": []} | calls
    assert choice["finish_reason"] == ("function_call" if "function_call" in calls else "tool_calls")


def test_a_whole_answer_has_one_call_only_if_the_app_wants_no_more() -> None:
    events = [ROLE, pieces(called(0, "f"), called(1, "g")), Delta(0, {}, "tool_calls")]
    [choice] = ask(parallel_tool_calls=False).whole(HEAD, events)["choices"]
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_0"]


@pytest.mark.parametrize("reasoning", [True, False])
def test_a_whole_answer_shows_its_reasoning_or_not(reasoning: bool) -> None:
    events = [ROLE, Delta(0, {"reasoning_content": "Hm."}), Delta(0, {"content": "Hi"}), STOP]
    [choice] = ask(reasoning=reasoning).whole(HEAD, events)["choices"]
    assert choice["message"].get("reasoning_content") == ("Hm." if reasoning else None)
    assert ("reasoning_content" in choice["message"]) == reasoning
