"""POST /v1/completions: the request, and its answer, whole and streamed, as the official client reads it."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from openai._models import construct_type, validate_type
from openai.types import Completion

from qwenproxy.endpoints.completions import CompletionCall, Gap
from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Head, Json, Usage
from tests.endpoints.answers import CUT, ROLE, STOP, USAGE, chunks, payloads

HEAD = Head("cmpl-1", "gpt-3.5-turbo-instruct", 1_700_000_000)
FIXED = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1_700_000_000,
    "model": "gpt-3.5-turbo-instruct",
    "system_fingerprint": None,
}
HELLO: Sequence[ChatEvent] = [ROLE, Delta(0, {"content": "Hel"}), Delta(0, {"content": "lo"}), STOP, Usage(USAGE)]
LOGPROB: Json = {"content": [{"token": "Hel", "logprob": -0.1, "bytes": None, "top_logprobs": []}], "refusal": None}


def call(**fields: Any) -> CompletionCall:
    return CompletionCall(orjson.dumps({"model": "gpt-3.5-turbo-instruct", "prompt": "Say", **fields}))


def whole(asked: CompletionCall, events: Sequence[ChatEvent]) -> Any:
    """The answer, which the official client takes."""
    answer = orjson.loads(orjson.dumps(asked.whole(HEAD, events)))
    validate_type(type_=Completion, value=answer)
    return answer


def streamed(asked: CompletionCall, events: Sequence[ChatEvent]) -> bytes:
    writer = asked.writer(HEAD)
    return writer.write(events) + writer.end()


def said(stream: bytes) -> list[tuple[int, str, str | None]]:
    """What each chunk says: choice, text, finish."""
    found = chunks(stream)
    for chunk in found:
        construct_type(type_=Completion, value=chunk)
    return [(c["index"], c["text"], c["finish_reason"]) for chunk in found for c in chunk["choices"]]


def test_a_prompt_is_a_user_message() -> None:
    asked = call(temperature=0, max_tokens=5)
    assert (asked.model, asked.stream, asked.dropped) == ("gpt-3.5-turbo-instruct", False, [])
    assert asked.chat == {
        "model": "gpt-3.5-turbo-instruct",
        "messages": [{"role": "user", "content": "Say"}],
        "temperature": 0,
        "max_tokens": 5,
        "reasoning_effort": "minimal",
    }


def test_several_prompts_are_several_chats() -> None:
    asked = call(prompt=["a", [9906]], n=2)
    assert asked.each == 2
    assert [prompt.chat["messages"][0]["content"] for prompt in asked.prompts] == ["a", "Hello"]
    assert asked.chat == asked.prompts[0].chat


GAP = "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>"


@pytest.mark.parametrize(
    ("fields", "gap"),
    [
        ({"prompt": "a"}, None),
        ({"prompt": "a", "suffix": ""}, None),
        ({"prompt": "a", "suffix": "b"}, Gap(GAP, asked=True)),
        ({"prompt": GAP}, Gap(GAP, asked=False)),
    ],
    ids=["none", "an empty suffix", "a suffix", "the model's own words"],
)
def test_a_gap_is_seen(fields: dict[str, Any], gap: Gap | None) -> None:
    assert [prompt.gap for prompt in call(**fields).prompts] == [gap]


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "invalid_type"),
        ({"model": ""}, "model", "invalid_value"),
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"max_tokens": 0}, "max_tokens", "invalid_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
        ({"logprobs": True}, "logprobs", "invalid_type"),
        ({"best_of": 21}, "best_of", "invalid_value"),
        ({"n": 129}, "n", "invalid_value"),
        ({"n": 65, "prompt": ["a", "b"]}, "prompt", "invalid_value"),
        ({"stop": ["a"] * 5}, "stop", "invalid_value"),
        ({"echo": "yes"}, "echo", "invalid_type"),
        ({"suffix": 7}, "suffix", "invalid_type"),
        ({"stream": 1}, "stream", "invalid_type"),
        ({"temperature": 3}, "temperature", "invalid_value"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"response_format": "json"}, "response_format", "invalid_type"),
    ],
    ids=str,
)
def test_a_wrong_field_is_named(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(ProxyError) as caught:
        call(**fields)
    assert (caught.value.status, caught.value.param, caught.value.failure.code) == (400, param, code)


def test_what_is_not_asked_for_at_all_is_named() -> None:
    with pytest.raises(ProxyError) as caught:
        CompletionCall(b'{"model": "m"}')
    assert caught.value.param == "prompt"


def test_what_nobody_ranks_can_be_refused() -> None:
    with pytest.raises(ProxyError) as caught:
        CompletionCall(b'{"model": "m", "prompt": "a", "best_of": 2}', refuse=True)
    assert caught.value.param == "best_of"


def test_a_whole_answer() -> None:
    choice = {"text": "Hello", "index": 0, "logprobs": None, "finish_reason": "stop"}
    assert whole(call(), HELLO) == FIXED | {"choices": [choice], "usage": USAGE}


def test_a_stream() -> None:
    stream = streamed(call(stream=True), HELLO)
    assert said(stream) == [(0, "Hel", None), (0, "lo", None), (0, "", "stop")]
    assert all(chunk.items() >= FIXED.items() and "usage" not in chunk for chunk in chunks(stream))


def test_the_totals_are_a_chunk_of_their_own_if_they_are_asked_for() -> None:
    found = chunks(streamed(call(stream=True, stream_options={"include_usage": True}), HELLO))
    assert found[-1] == FIXED | {"choices": [], "usage": USAGE}
    assert [chunk["usage"] for chunk in found[:-1]] == [None, None, None]


def test_an_echo_comes_first_once_for_each_choice() -> None:
    events = [Delta(1, {"role": "assistant"}), Delta(1, {"content": "B"}), *HELLO, Delta(1, {}, "length")]
    asked = call(prompt=["x: ", "y: "], echo=True, stream=True)
    assert said(streamed(asked, events)) == [
        (1, "y: ", None),
        (1, "B", None),
        (0, "x: ", None),
        (0, "Hel", None),
        (0, "lo", None),
        (0, "", "stop"),
        (1, "", "length"),
    ]
    assert [choice["text"] for choice in whole(asked, events)["choices"]] == ["x: Hello", "y: B"]


def test_choices_belong_to_the_prompts_in_turn() -> None:
    events = [each for choice in range(4) for each in (Delta(choice, {"content": "!"}), Delta(choice, {}, "stop"))]
    answer = whole(call(prompt=["a", "b"], n=2, echo=True), events)
    assert [choice["text"] for choice in answer["choices"]] == ["a!", "a!", "b!", "b!"]


def test_log_probabilities_have_their_former_shape() -> None:
    events = [ROLE, Delta(0, {"content": "Hel"}, None, LOGPROB), Delta(0, {"content": "Hel"}, "stop", LOGPROB)]
    told: Json = {"tokens": ["Hel"], "token_logprobs": [-0.1], "top_logprobs": [{"Hel": -0.1}], "text_offset": [3]}
    (choice,) = whole(call(logprobs=1), events)["choices"]
    assert choice["logprobs"] == {name: value * 2 for name, value in told.items()} | {"text_offset": [3, 6]}
    stream = chunks(streamed(call(logprobs=1, stream=True), events))
    assert [chunk["choices"][0]["logprobs"] for chunk in stream] == [told, told | {"text_offset": [6]}]


def test_thinking_is_not_told_and_a_refusal_is_text() -> None:
    events = [
        ROLE,
        Delta(0, {"reasoning_content": "Hm."}),
        Delta(0, {"refusal": "No."}),
        Delta(0, {}, "content_filter"),
    ]
    assert said(streamed(call(stream=True), events)) == [(0, "No.", None), (0, "", "content_filter")]
    assert whole(call(), events)["choices"][0]["text"] == "No."


@pytest.mark.parametrize("reason", ["tool_calls", "function_call", "unheard-of"])
def test_an_end_of_another_kind_is_a_stop(reason: str) -> None:
    events = [ROLE, Delta(0, {"content": "a"}, reason)]
    assert whole(call(), events)["choices"][0]["finish_reason"] == "stop"
    assert said(streamed(call(stream=True), events)) == [(0, "a", "stop")]


def test_an_error_ends_the_stream() -> None:
    stream = streamed(call(stream=True), [ROLE, Delta(0, {"content": "a"}), CUT, Delta(0, {"content": "b"})])
    first, last = payloads(stream)
    assert orjson.loads(first)["choices"][0]["text"] == "a"
    assert orjson.loads(last) == CUT.body()


def test_after_the_end_nothing_is_said() -> None:
    writer = call(stream=True).writer(HEAD)
    assert writer.end() == b"data: [DONE]\n\n"
    assert (writer.write(HELLO), writer.end()) == (b"", b"")


def test_half_a_character_is_an_error_and_nothing_is_raised() -> None:
    stream = streamed(call(stream=True), [Delta(0, {"content": "\ud800"}), STOP])
    (payload,) = payloads(stream)
    assert orjson.loads(payload)["error"]["code"] == "bad_upstream_answer"
