"""The OpenAI-like face."""

import orjson
import pytest

from qwenproxy.simulator.compatible import chunks, models, payloads, usage, whole
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply
from qwenproxy.wire.openai import Head, Json

HEAD = Head("chatcmpl-1", "qwen3.7-plus", 1_790_000_000)
TEXT = Reply((Choice(text="Good morning, Riga!"),), Prompt(9))
CALLS = (Call("call_a", "lookup", '{"q": "Riga"}'), Call("call_b", "lookup", "{}"))
THOUGHT = Reply((Choice("I should look.", "", CALLS, "tool_calls"),), Prompt(9, 100), thinks=True)


def deltas(reply: Reply) -> list[Json]:
    told = chunks(reply, HEAD, include_usage=False)
    return [choice["delta"] for chunk in told for choice in chunk["choices"]]


def test_a_whole_answer() -> None:
    answer = whole(TEXT, HEAD)
    assert [answer[key] for key in ("id", "object", "created", "model")] == [
        "chatcmpl-1",
        "chat.completion",
        1_790_000_000,
        "qwen3.7-plus",
    ]
    assert answer["choices"] == [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": "Good morning, Riga!"},
        }
    ]


def test_a_whole_answer_with_calls_has_empty_content_and_indexes() -> None:
    message = whole(THOUGHT, HEAD)["choices"][0]["message"]
    assert (message["content"], message["reasoning_content"]) == ("", "I should look.")
    assert message["tool_calls"] == [
        {"index": 0, "id": "call_a", "type": "function", "function": {"name": "lookup", "arguments": '{"q": "Riga"}'}},
        {"index": 1, "id": "call_b", "type": "function", "function": {"name": "lookup", "arguments": "{}"}},
    ]


def test_usage_adds_up() -> None:
    cost = usage(THOUGHT)
    assert cost["total_tokens"] == cost["prompt_tokens"] + cost["completion_tokens"]
    assert cost["prompt_tokens_details"] == {"cached_tokens": 0, "text_tokens": 9, "image_tokens": 100}
    assert sum(cost["completion_tokens_details"].values()) == cost["completion_tokens"]
    assert usage(TEXT)["prompt_tokens_details"] == {"cached_tokens": 0}


def test_a_stream_has_role_thinking_calls_finish_usage() -> None:
    told = chunks(THOUGHT, HEAD, include_usage=True)
    first, *middle, finish, cost = told
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "reasoning_content": ""}
    assert finish["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "tool_calls"}
    assert (cost["choices"], cost["usage"]) == ([], usage(THOUGHT))
    assert all(chunk["choices"][0]["finish_reason"] is None and chunk["usage"] is None for chunk in middle)
    assert "".join(delta.get("reasoning_content") or "" for delta in deltas(THOUGHT)) == "I should look."


def test_a_stream_of_text_adds_up() -> None:
    told = deltas(TEXT)
    assert told[0] == {"role": "assistant", "content": ""}
    assert "".join(delta["content"] for delta in told) == "Good morning, Riga!"
    assert len(told) > 3


def test_later_pieces_of_a_call_have_the_services_accents() -> None:
    first, *later = [call for delta in deltas(THOUGHT) for call in delta.get("tool_calls", ()) if call["index"] == 0]
    assert first == {"index": 0, "id": "call_a", "type": "function", "function": {"name": "lookup", "arguments": ""}}
    assert all((call["id"], call["type"]) == ("", "function") for call in later)
    assert {call["function"].get("name", "left out") for call in later} == {"", "left out"}
    assert later[-1]["function"]["arguments"] is None
    assert "".join(call["function"]["arguments"] or "" for call in later) == '{"q": "Riga"}'


def test_several_choices_come_by_turns() -> None:
    reply = Reply((Choice(text="One two three four five"), Choice(text="Six")), Prompt(1))
    indexes = [choice["index"] for chunk in chunks(reply, HEAD, include_usage=False) for choice in chunk["choices"]]
    assert indexes[:4] == [0, 1, 0, 1]
    assert indexes.count(1) == 3


@pytest.mark.parametrize("alternatives", [0, 2])
def test_logprobs_are_given_for_each_token(alternatives: int) -> None:
    reply = Reply((Choice(text="One two three"),), Prompt(1), logprobs=alternatives)
    told = [c["logprobs"] for chunk in chunks(reply, HEAD, include_usage=False) for c in chunk["choices"]]
    tokens = [token for some in told if some for token in some["content"]]
    assert tokens == whole(reply, HEAD)["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in tokens) == "One two three"
    assert {len(token["top_logprobs"]) for token in tokens} == {alternatives}


def test_a_stream_ends_with_done_unless_it_ended_with_an_error() -> None:
    assert payloads([{"choices": []}]) == [b'{"choices":[]}', b"[DONE]"]
    assert payloads([]) == [b"[DONE]"]
    assert payloads([{"error": {}}]) == [orjson.dumps({"error": {}})]


def test_the_list_of_models() -> None:
    assert models(["a"]) == {
        "object": "list",
        "data": [{"id": "a", "object": "model", "created": 1_760_000_000, "owned_by": "system"}],
    }
