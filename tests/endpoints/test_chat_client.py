"""Chat completions as the official client reads them."""

from collections.abc import Iterator

import orjson
from hypothesis import given
from hypothesis import strategies as st
from openai._models import construct_type, validate_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from qwenproxy.endpoints.chat import ChatCall
from qwenproxy.wire.openai import ChatEvent, Delta, Json, Usage
from tests.endpoints.answers import CUT, HEAD, USAGE, called, chunks, payloads, streamed, streaming
from tests.endpoints.requests import custom, function

TEXTS = st.text(min_size=1, max_size=6)
LOGPROBS = st.fixed_dictionaries(
    {
        "content": st.lists(
            st.fixed_dictionaries(
                {"token": TEXTS, "logprob": st.just(-0.5), "bytes": st.none(), "top_logprobs": st.just([])}
            ),
            max_size=2,
        ),
        "refusal": st.none(),
    }
)


def tool_pieces(calls: list[tuple[str, list[str]]]) -> Iterator[Json]:
    """The pieces of parallel calls, each a name and the pieces of its input, as dialects give them: mixed."""
    for index, (name, _) in enumerate(calls):
        yield {"tool_calls": [called(index, name, '{"input": "')]}
    for turn in range(max((len(texts) for _, texts in calls), default=0)):
        for index, (_, texts) in enumerate(calls):
            if turn < len(texts):
                arguments = orjson.dumps(texts[turn]).decode()[1:-1]
                yield {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}
    for index in range(len(calls)):
        yield {"tool_calls": [{"index": index, "function": {"arguments": '"}'}}]}


@st.composite
def choices(draw: st.DrawFn, index: int) -> list[Delta]:
    """The deltas of one choice, in the order that dialects keep."""
    field = st.sampled_from(["content", "reasoning_content", "refusal"])
    deltas: list[Json] = [{"role": "assistant"} | draw(st.sampled_from([{}, {"content": ""}, {"content": "a"}]))]
    deltas += [{name: text} for name, text in draw(st.lists(st.tuples(field, TEXTS), max_size=4))]
    calls = draw(st.lists(st.tuples(st.sampled_from("fg"), st.lists(TEXTS, max_size=3)), max_size=2))
    pieces = [Delta(index, delta) for delta in (*deltas, *tool_pieces(calls))]
    if draw(st.booleans()):
        pieces[-1] = pieces[-1]._replace(logprobs=draw(LOGPROBS))
    reason = "tool_calls" if calls else draw(st.sampled_from(["stop", "length", "content_filter"]))
    if draw(st.booleans()):
        return [*pieces, Delta(index, {}, reason)]
    return [*pieces[:-1], pieces[-1]._replace(finish_reason=reason)]


@st.composite
def answers(draw: st.DrawFn, *, errors: bool) -> list[ChatEvent]:
    """All of one answer: one or two choices, one after the other or mixed, the totals, or an error anywhere."""
    told = [draw(choices(index)) for index in range(draw(st.integers(1, 2)))]
    events: list[ChatEvent] = []
    while told:
        deltas = draw(st.sampled_from(told))
        events.append(deltas.pop(0))
        told = [deltas for deltas in told if deltas]
    events += draw(st.sampled_from([[], [Usage(USAGE)]]))
    if errors and draw(st.booleans()):
        events[draw(st.integers(0, len(events))) :] = [CUT]
    return events


CALLS = [
    streaming(n=2),
    streaming(n=2, usage=True, tools=[function("f"), function("g")]),
    streaming(n=2, tools=[custom("f"), function("g")]),
    streaming(n=2, reasoning=False, parallel_tool_calls=False),
    streaming(n=2, usage=True, functions=[{"name": "f"}, {"name": "g"}]),
]
STRICT = [call for call in CALLS if call is not CALLS[2]]
"""The client has no type for a piece of a custom call, though the real API sends them (openai-python #2530)."""


@given(events=answers(errors=True), call=st.sampled_from(CALLS), size=st.integers(1, 5))
def test_every_answer_is_a_well_formed_stream(events: list[ChatEvent], call: ChatCall, size: int) -> None:
    writer = call.writer(HEAD)
    stream = b"".join(writer.write(events[at : at + size]) for at in range(0, len(events), size)) + writer.end()
    *told, last = payloads(stream)
    assert all("error" not in orjson.loads(payload) for payload in told)
    assert (orjson.loads(last) == CUT.body()) if events[-1:] == [CUT] else (last == b"[DONE]")


@given(events=answers(errors=False), call=st.sampled_from(STRICT))
def test_the_official_client_takes_every_answer_strictly(events: list[ChatEvent], call: ChatCall) -> None:
    for chunk in chunks(streamed(call, events)):
        validate_type(type_=ChatCompletionChunk, value=chunk)
        ChatCompletionChunk.model_validate(chunk, strict=True)
    whole = call.whole(HEAD, events)
    validate_type(type_=ChatCompletion, value=whole)
    ChatCompletion.model_validate(whole, strict=True)


def accumulated(stream: bytes) -> Json:
    """What the client's `.stream()` adds the chunks of *stream* up to."""
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in chunks(stream):
        made = construct_type(type_=ChatCompletionChunk, value=chunk)
        assert isinstance(made, ChatCompletionChunk)
        list(state.handle_chunk(made))
    return state.current_completion_snapshot.to_dict()


def plain(call: Json) -> Json:
    """A call without what the accumulator adds."""
    kind = call["type"]
    called = {name: value for name, value in call[kind].items() if name != "parsed_arguments"}
    return {"id": call["id"], "type": kind, kind: called}


@given(events=answers(errors=False), call=st.sampled_from(CALLS))
def test_a_stream_adds_up_to_the_whole_answer(events: list[ChatEvent], call: ChatCall) -> None:
    whole, summed = call.whole(HEAD, events), accumulated(streamed(call, events))
    for told, heard in zip(whole["choices"], summed["choices"], strict=True):
        assert heard["finish_reason"] == told["finish_reason"]
        assert (heard["logprobs"] or {}).get("content") == (told["logprobs"] or {}).get("content")
        one, other = told["message"], heard["message"]
        assert (other["content"] or None) == (one["content"] or None)
        for field in ("role", "refusal", "reasoning_content", "function_call"):
            assert other.get(field) == one.get(field)
        assert [plain(called) for called in other.get("tool_calls") or ()] == one.get("tool_calls", [])
    assert summed.get("usage") == (whole.get("usage") if call.include_usage else None)
