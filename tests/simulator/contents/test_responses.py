"""Answers."""

from dataclasses import replace

import pytest

from qwenproxy.simulator.contents.responses import chunks, whole
from qwenproxy.simulator.contents.signatures import signature_of
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply
from qwenproxy.wire.openai import Head, Json

HEAD = Head("r-1", "qwen3.7-plus", 1_790_000_000)
TEXT = Reply((Choice(text="Good morning, Riga!"),), Prompt(9))
CALLS = (Call("call_a", "lookup", '{"q": "Riga"}'), Call("call_b", "lookup", ""))
THOUGHT = Reply((Choice("I should look.", "", CALLS, "tool_calls"),), Prompt(9, 100), thinks=True)


def parts(responses: list[Json]) -> list[Json]:
    return [part for one in responses for can in one["candidates"] for part in can["content"].get("parts", ())]


def test_a_whole_answer() -> None:
    assert whole(TEXT, HEAD, thoughts=False) == {
        "candidates": [
            {
                "content": {"parts": [{"text": "Good morning, Riga!"}], "role": "model"},
                "finishReason": "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 5,
            "totalTokenCount": 14,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
        },
        "modelVersion": "qwen3.7-plus",
        "responseId": "r-1",
        "createTime": "2026-09-21T14:13:20Z",
    }


def test_calls_are_whole_and_the_first_is_signed() -> None:
    (candidate,) = whole(THOUGHT, HEAD, thoughts=False)["candidates"]
    assert candidate["finishReason"] == "STOP"
    assert candidate["content"]["parts"] == [
        {
            "functionCall": {"id": "call_a", "name": "lookup", "args": {"q": "Riga"}},
            "thoughtSignature": signature_of("lookup", {"q": "Riga"}),
        },
        {"functionCall": {"id": "call_b", "name": "lookup"}},
    ]


def test_a_stream_adds_up_to_the_whole() -> None:
    told = chunks(TEXT, HEAD, thoughts=True)
    assert "".join(part["text"] for part in parts(told)) == "Good morning, Riga!"
    assert [can.get("finishReason") for one in told for can in one["candidates"]] == [None] * (len(told) - 1) + ["STOP"]
    assert told[-1]["usageMetadata"] == whole(TEXT, HEAD, thoughts=True)["usageMetadata"]


@pytest.mark.parametrize("shown", [True, False])
def test_thoughts_are_counted_and_shown_on_request(shown: bool) -> None:
    told = chunks(THOUGHT, HEAD, thoughts=shown)
    thoughts = "".join(part["text"] for part in parts(told) if part.get("thought"))
    assert thoughts == ("I should look." if shown else "")
    usage = told[-1]["usageMetadata"]
    assert usage["thoughtsTokenCount"] == THOUGHT.choices[0].thinking_tokens
    assert usage["candidatesTokenCount"] == THOUGHT.choices[0].answer_tokens
    assert usage["totalTokenCount"] == 109 + usage["thoughtsTokenCount"] + usage["candidatesTokenCount"]
    assert usage["promptTokensDetails"] == [
        {"modality": "TEXT", "tokenCount": 9},
        {"modality": "IMAGE", "tokenCount": 100},
    ]
    assert [part for part in parts(told) if "functionCall" in part] == [
        part for part in parts([whole(THOUGHT, HEAD, thoughts=shown)]) if "functionCall" in part
    ]


def test_the_usage_grows() -> None:
    totals = [one["usageMetadata"]["totalTokenCount"] for one in chunks(TEXT, HEAD, thoughts=True)]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("content_filter", "SAFETY"), ("RECITATION", "RECITATION")],
)
def test_every_finish_has_its_reason(finish: str, reason: str) -> None:
    reply = replace(TEXT, choices=(Choice(text="A", finish=finish),))
    assert whole(reply, HEAD, thoughts=True)["candidates"][0]["finishReason"] == reason
    assert chunks(reply, HEAD, thoughts=True)[-1]["candidates"][0]["finishReason"] == reason


@pytest.mark.parametrize("arguments", ['{"q": ', "{'q': 1}", "[1]"])
def test_a_call_that_is_no_json_is_malformed(arguments: str) -> None:
    reply = replace(THOUGHT, choices=(Choice(calls=(CALLS[0], Call("call_b", "lookup", arguments))),))
    for answer in (whole(reply, HEAD, thoughts=True), chunks(reply, HEAD, thoughts=True)[-1]):
        candidate = answer["candidates"][0]
        assert candidate["finishReason"] == "MALFORMED_FUNCTION_CALL"
        assert candidate["finishMessage"] == f"Malformed function call: lookup({arguments})"


def test_a_call_that_was_cut_off_is_left_out() -> None:
    reply = replace(THOUGHT, choices=(Choice(calls=(Call("call_a", "lookup", '{"q'),), finish="length"),))
    for answer in (whole(reply, HEAD, thoughts=True), chunks(reply, HEAD, thoughts=True)[-1]):
        assert answer["candidates"][0]["finishReason"] == "MAX_TOKENS"
        assert parts([answer]) == [{"text": ""}]


def test_several_candidates_come_by_turns() -> None:
    reply = Reply((Choice(text="One two three four five"), Choice(text="Six")), Prompt(1))
    indexes = [can["index"] for one in chunks(reply, HEAD, thoughts=True) for can in one["candidates"]]
    assert indexes[:4] == [0, 1, 0, 1]
    assert [can["index"] for can in whole(reply, HEAD, thoughts=True)["candidates"]] == [0, 1]


def test_a_blocked_prompt_has_no_candidates() -> None:
    reply = replace(TEXT, blocked="SAFETY")
    (told,) = chunks(reply, HEAD, thoughts=True)
    assert told == whole(reply, HEAD, thoughts=True)
    assert told["promptFeedback"] == {"blockReason": "SAFETY"}
    assert "candidates" not in told


@pytest.mark.parametrize("alternatives", [0, 2])
def test_logprobs_are_given_for_each_token(alternatives: int) -> None:
    reply = Reply((Choice(text="One two three"),), Prompt(1), logprobs=alternatives)
    (candidate,) = whole(reply, HEAD, thoughts=True)["candidates"]
    chosen = candidate["logprobsResult"]["chosenCandidates"]
    assert "".join(one["token"] for one in chosen) == "One two three"
    assert chosen[0] == {"token": "One", "logProbability": -0.1}
    assert {len(top["candidates"]) for top in candidate["logprobsResult"]["topCandidates"]} == {alternatives}
    streamed = [
        can["logprobsResult"]
        for one in chunks(reply, HEAD, thoughts=True)
        for can in one["candidates"]
        if "logprobsResult" in can
    ]
    assert [one for result in streamed for one in result["chosenCandidates"]] == chosen
