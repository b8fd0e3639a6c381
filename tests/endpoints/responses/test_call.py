"""POST /v1/responses as an endpoint: what users have met with in other bridges, and any answer at all."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.endpoints.responses.call import GARBLED, ResponsesCall
from qwenproxy.errors import INVALID_REQUEST, RATE_LIMIT, UPSTREAM_CUT, ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.endpoints.responses import asking as a
from tests.support import responses

GOLDEN = Path(__file__).parents[2] / "golden" / "responses"
USAGE: Json = {
    "prompt_tokens": 7,
    "completion_tokens": 5,
    "total_tokens": 12,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
CUT = ProxyError(UPSTREAM_CUT, "The upstream broke off.")
ROLE = Delta(0, {"role": "assistant"})
TOOLS = [
    a.function("f"),
    a.custom("c"),
    {"type": "namespace", "name": "ns", "description": "", "tools": [a.function("f")]},
    {"type": "local_shell"},
    {"type": "shell"},
    {"type": "apply_patch"},
    {"type": "tool_search", "execution": "client"},
]
SHOWN = {"summary": "auto"}


type Case = tuple[Json, list[ChatEvent]]

STREAMS: dict[str, Case] = {
    "text": ({}, [ROLE, a.text("Hel"), a.text("lo"), a.STOP, Usage(USAGE)]),
    "thinking_then_text": (
        {"reasoning": SHOWN},
        [ROLE, a.text("Well", "reasoning_content"), a.text(", ", "reasoning_content"), a.text("Hi"), a.STOP],
    ),
    "two_calls_mixed": (
        {"tools": TOOLS},
        [ROLE, a.calling(0, "f", '{"a"'), a.calling(1, "ns__f", "{"), a.more(0, ":1}"), a.more(1, "}"), a.CALLED],
    ),
    "text_then_custom_call": (
        {"tools": TOOLS},
        [ROLE, a.text("So:"), a.calling(0, "c", '{"input": "ls'), a.more(0, ' -l"}'), a.CALLED],
    ),
    "tools_of_the_app": (
        {"tools": TOOLS},
        [
            a.calling(0, "local_shell", '{"command": ["ls"], "timeout_ms": 5}'),
            a.calling(1, "shell", '{"commands": ["ls", "pwd"]}'),
            a.calling(2, "apply_patch", '{"type": "create_file", "path": "a", "diff": "+x"}'),
            a.calling(3, "tool_search", '{"query": "mail"}'),
            a.CALLED,
        ],
    ),
    "refusal": ({}, [ROLE, a.text("I will not.", "refusal"), a.STOP]),
    "cut_by_length": ({}, [ROLE, a.text("Once upon"), a.LENGTH, Usage(USAGE)]),
    "filtered": ({}, [ROLE, a.text("Once"), Delta(0, {}, "content_filter")]),
    "error_in_mid_stream": ({}, [ROLE, a.text("Hel"), CUT]),
    "error_first": ({}, [ProxyError(RATE_LIMIT, "Too fast.", retry_after=1.5)]),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_as_it_was_written_down(name: str) -> None:
    fields, events = STREAMS[name]
    expected = (GOLDEN / f"{name}.sse").read_bytes()
    for size in (1, 2, 100):
        assert a.stream_of(a.ask(stream=True, **fields), events, size) == expected
    responses.check(responses.read(expected))


@pytest.mark.parametrize("name", [name for name in STREAMS if not name.startswith("error")])
def test_a_whole_answer_is_what_a_stream_ends_with(name: str) -> None:
    fields, events = STREAMS[name]
    whole = a.ask(**fields).whole(a.HEAD, events)
    assert whole == responses.read((GOLDEN / f"{name}.sse").read_bytes())[-1]["response"]
    responses.validate_response(whole)


def kinds(events: Sequence[Json]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_every_text_and_item_has_its_done_event() -> None:
    """Without them Codex shows nothing (vLLM #42407); nor may they be empty (CLIProxyAPI #3199)."""
    events = a.told(a.ask(), [ROLE, a.text("Hi"), a.STOP])
    assert kinds(events)[-4:] == ["output_text.done", "content_part.done", "output_item.done", "completed"]
    assert events[-4]["text"] == events[-3]["part"]["text"] == "Hi"


def test_text_and_calls_of_one_answer_are_all_told() -> None:
    """A text in front does not swallow the call (LiteLLM #17246)."""
    events: list[ChatEvent] = [a.text("Let me see."), a.calling(0, "f", "{}"), a.CALLED]
    assert [item["type"] for item in a.output(a.ask(), *events)] == ["message", "function_call"]


def test_ids_have_their_prefix_and_stay_the_same() -> None:
    """New ids for every delta, or `chatcmpl-` ones, break histories (LiteLLM PR 37946, #32607)."""
    events = a.told(a.ask(tools=TOOLS), [a.text("x", "reasoning_content"), a.text("y"), a.calling(0, "f"), a.CALLED])
    assert [item["id"] for item in events[-1]["response"]["output"]] == [
        f"{prefix}_{a.STEM}{index:08x}" for index, prefix in enumerate(("rs", "msg", "fc"))
    ]


def test_a_tool_choice_of_any_form_is_said_back_flat() -> None:
    """LiteLLM #33689."""
    nested = {"type": "function", "function": {"name": "f"}}
    for choice in ({"type": "function", "name": "f"}, nested):
        whole = a.ask(tools=TOOLS, tool_choice=choice).whole(a.HEAD, [a.STOP])
        assert whole["tool_choice"] == {"type": "function", "name": "f"}


def test_a_function_of_a_namespace_comes_back_with_both_names() -> None:
    """LiteLLM #35878; CLIProxyAPI #4850."""
    call = a.ask(tools=TOOLS)
    assert [tool["function"]["name"] for tool in call.chat["tools"]][:3] == ["f", "c", "ns__f"]
    (item,) = a.output(call, a.calling(0, "ns__f", "{}"), a.CALLED)
    assert (item["name"], item["namespace"]) == ("f", "ns")


def test_an_answer_without_a_word_has_an_empty_message() -> None:
    """A completed response with no output at all is taken for a fault (CLIProxyAPI #2610)."""
    said: list[list[ChatEvent]] = [[a.STOP], [a.text("hm", "reasoning_content"), a.STOP]]
    for events in said:
        assert a.output(a.ask(), *events)[-1]["content"][0]["text"] == ""


def test_usage_in_mid_answer_ends_nothing() -> None:
    """CLIProxyAPI #5419."""
    events: list[ChatEvent] = [a.calling(0, "f", '{"a": '), Usage(USAGE), a.more(0, "1}"), a.CALLED]
    assert a.output(a.ask(), *events)[0]["arguments"] == '{"a": 1}'


def test_an_answer_that_breaks_off_is_no_success() -> None:
    """ollama PR 18332."""
    events = a.told(a.ask(), [ROLE, a.text("Hel")])
    assert events[-1]["response"]["status"] == "failed"
    assert events[-1]["response"]["error"]["code"] == "server_error"


def test_thinking_is_no_text() -> None:
    """LiteLLM #42005; it is shown to those only that ask for a summary, and may be."""
    thought, said = a.text("Hm.", "reasoning_content"), a.text("Hi.")
    summaries = [
        a.output(a.ask(reasoning=asked, options={"reasoning": shows}), thought, said, a.STOP)[0]["summary"]
        for asked, shows in ((SHOWN, True), ({"generate_summary": "concise"}, True), (SHOWN, False), (None, True))
    ]
    assert summaries == [[{"type": "summary_text", "text": "Hm."}]] * 2 + [[]] * 2


def test_late_thinking_does_not_cut_a_message_in_two() -> None:
    events: list[ChatEvent] = [a.text('{"a":'), a.text("hm", "reasoning_content"), a.text("1}"), a.STOP]
    message, thinking = a.output(a.ask(), *events)
    assert message["content"][0]["text"] == '{"a":1}'
    assert thinking["type"] == "reasoning"


def test_one_call_is_told_if_no_more_are_wanted() -> None:
    events: list[ChatEvent] = [a.calling(0, "f", "{}"), a.calling(1, "f", "{}"), a.CALLED]
    assert len(a.output(a.ask(parallel_tool_calls=False), *events)) == 1


def test_there_is_no_done_marker() -> None:
    assert b"[DONE]" not in a.stream_of(a.ask(), [a.text("Hi"), a.STOP])


def test_nothing_follows_the_end() -> None:
    writer = a.ask().writer(a.HEAD)
    assert writer.write([CUT])
    assert writer.write([a.text("Hi")]) == writer.end() == b""


def test_an_error_event_is_flat_and_nested() -> None:
    error = next(event for event in a.told(a.ask(), [CUT]) if event["type"] == "error")
    assert error["error"] == CUT.body()["error"]
    assert {"code": "upstream_stream_cut", "message": CUT.message, "param": None}.items() <= error.items()


def test_what_is_no_json_fails_the_response() -> None:
    events = responses.read(a.stream_of(a.ask(), [a.text("fine"), a.calling(0, "f", '"\ud800"'), a.CALLED]))
    response = responses.check(events)
    assert (response["status"], response["error"]["message"]) == ("failed", GARBLED.message)
    assert [item["type"] for item in response["output"]] == ["message"]


def test_thinking_is_sealed_for_those_that_carry_it() -> None:
    call = a.ask(include=["reasoning.encrypted_content"], store=False, options={"seal": a.SEAL})
    (thinking, _) = a.output(call, a.text("Hm.", "reasoning_content"), a.text("Hi"), a.STOP)
    assert thinking["summary"] == []
    assert a.SEAL.open("reasoning", thinking["encrypted_content"]) == "Hm."
    again = a.ask(
        [{"role": "user", "content": "Hi"}, thinking, {"role": "assistant", "content": "x"}],
        options={"seal": a.SEAL},
    )
    assert again.chat["messages"][-1] == {"role": "assistant", "content": "x", "reasoning_content": "Hm."}


def test_the_time_of_completion_is_the_clocks() -> None:
    call = a.ask(options={"clock": lambda: 1_700_000_009})
    assert call.whole(a.HEAD, [a.STOP])["completed_at"] == 1_700_000_009
    assert call.whole(a.HEAD, [a.LENGTH])["completed_at"] is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "m"}', b'{"input": "x"}', b'{"model": 1, "input": []}'])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        ResponsesCall(body)
    assert caught.value.status == INVALID_REQUEST.status


TEXTS = st.text(min_size=1, max_size=5)
NAMES = ("f", "c", "ns__f", "local_shell", "shell", "apply_patch", "tool_search", "unknown")
ARGUMENTS = st.one_of(
    st.sampled_from(['{"input": "x\\ny"}', '{"command": ["a"]}', '{"commands": ["a", ""]}', "{}", "", "[", '{"a":']),
    st.dictionaries(TEXTS, TEXTS, max_size=2).map(lambda value: orjson.dumps(value).decode()),
    TEXTS,
)
PROBABILITY = {"token": "x", "logprob": -0.5, "bytes": None, "top_logprobs": [{"token": "x", "logprob": -1.0}]}
CITATION = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 1, "title": "t", "url": "u"}}


@st.composite
def answers(draw: st.DrawFn) -> list[ChatEvent]:
    """All of one answer: pieces of every kind in any order, a finish, the totals; or an error anywhere."""
    pieces: list[list[ChatEvent]] = [[ROLE]]
    for kind in draw(st.lists(st.sampled_from(["content", "reasoning_content", "refusal"]), max_size=4)):
        pieces.append([a.text(word, kind) for word in draw(st.lists(TEXTS, min_size=1, max_size=3))])
    for index in range(draw(st.integers(0, 3))):
        arguments = draw(ARGUMENTS)
        at = draw(st.integers(0, len(arguments)))
        name = draw(st.sampled_from(NAMES))
        pieces.append([a.calling(index, name, arguments[:at]), a.more(index, arguments[at:])])
    if draw(st.booleans()):
        pieces.append([Delta(0, {"content": "x"}, None, {"content": [PROBABILITY]})])
        pieces.append([Delta(0, {"annotations": [CITATION]})])
    finish = Delta(0, {}, draw(st.sampled_from(["stop", "length", "tool_calls", "content_filter"])))
    events = [*mixed(draw, pieces), finish, *draw(st.sampled_from([[], [Usage(USAGE)]]))]
    if draw(st.booleans()):
        events[draw(st.integers(0, len(events))) :] = [CUT]
    return events


def mixed(draw: st.DrawFn, pieces: list[list[ChatEvent]]) -> Iterator[ChatEvent]:
    """All pieces, those of each list in their order."""
    while pieces:
        chosen = draw(st.sampled_from(pieces))
        yield chosen.pop(0)
        pieces = [left for left in pieces if left]


ASKED: list[Any] = [{}, {"reasoning": SHOWN, "tools": TOOLS}, {"tools": TOOLS, "parallel_tool_calls": False}]


@given(events=answers(), fields=st.sampled_from(ASKED), size=st.integers(1, 4))
def test_any_answer_is_a_well_formed_stream(events: list[ChatEvent], fields: Json, size: int) -> None:
    call = a.ask(**fields)
    stream = a.stream_of(call, events, size)
    response = responses.check(responses.read(stream))
    assert (response["status"] == "failed") == (CUT in events)
    if CUT not in events:
        assert call.whole(a.HEAD, events) == response
        responses.validate_response(response)


EVERYTHING: Json = {
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "u"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "namespace": "ns"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "shell_call", "call_id": "b", "action": {"commands": ["ls"]}},
        {"type": "shell_call_output", "call_id": "b", "output": [{"stdout": "x"}]},
        {"type": "tool_search_call", "call_id": "c", "arguments": {}},
        {"type": "tool_search_output", "call_id": "c", "tools": [a.function("late")]},
        {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}},
        {"type": "web_search_call", "id": "ws_1"},
    ],
    "tools": [*TOOLS, {"type": "web_search"}, {"type": "function", "function": {"name": "nested"}}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "include": ["message.output_text.logprobs"],
    "metadata": {"a": "b"},
}
JUNK = [
    "null",
    "0",
    "-1",
    "true",
    '""',
    '"x"',
    "[]",
    "{}",
    "[[]]",
    "[null]",
    '{"type":[]}',
    '{"type":"function"}',
    '"\\n"',
]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in *value*, with each of its keys."""
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@given(st.data())
def test_any_request_is_taken_or_refused(data: st.DataObject) -> None:
    asked = orjson.loads(orjson.dumps(a.asking(**{"said": EVERYTHING["input"]} | without_input(EVERYTHING))))
    for _ in range(data.draw(st.integers(0, 2))):
        found = list(places(asked))
        container, key = found[data.draw(st.integers(0, len(found) - 1))]
        container[key] = orjson.loads(data.draw(st.sampled_from(JUNK)))
    call = refusal = None
    try:
        call = ResponsesCall(orjson.dumps(asked))
    except ProxyError as e:
        refusal = e
    if call is None:
        assert refusal is not None
        assert refusal.status == 400
    else:
        assert orjson.dumps(call.chat)
        assert all(name.isprintable() for name in call.dropped)
        assert call.whole(a.HEAD, [a.STOP])["status"] == "completed"


def without_input(asked: Json) -> Json:
    return {name: value for name, value in asked.items() if name != "input"}
