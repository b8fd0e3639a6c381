"""Odd streams."""

from typing import Any

import pytest

from qwenproxy.simulator.contents.distortions import DISTORTIONS, NULLS
from qwenproxy.simulator.contents.responses import chunks
from qwenproxy.simulator.reply import Call, Choice, Prompt, Reply
from qwenproxy.simulator.scenarios import SCENARIOS
from qwenproxy.wire.openai import Head, Json

HEAD = Head("r-1", "qwen3.7-plus", 1_790_000_000)
CALLS = (Call("call_a", "lookup", '{"someQuery": "Riga"}'), Call("call_b", "lookup", "{}"))
REPLY = Reply((Choice("I should look.", "Good morning, Riga!", CALLS), Choice(text="Well, hello")), Prompt(9))


def odd(name: str, argument: str = "") -> list[Json]:
    return DISTORTIONS[name](chunks(REPLY, HEAD, thoughts=True), argument)


def candidates(told: list[Json], index: int = 0) -> list[Json]:
    return [candidate for one in told for candidate in one.get("candidates", ()) if candidate["index"] == index]


def parts(told: list[Json]) -> list[Json]:
    return [part for candidate in candidates(told) for part in candidate["content"].get("parts", ())]


def calls(told: list[Json]) -> list[Json]:
    return [part["functionCall"] for part in parts(told) if "functionCall" in part]


def finishes(told: list[Json]) -> list[Any]:
    return [candidate.get("finishReason") for candidate in candidates(told)]


@pytest.mark.parametrize("name", DISTORTIONS)
def test_each_is_a_scenario(name: str) -> None:
    assert SCENARIOS[name].distorts


def test_calls_without_ids() -> None:
    assert calls(odd("no-ids")) == [{"name": "lookup", "args": {"someQuery": "Riga"}}, {"name": "lookup", "args": {}}]


def test_calls_without_signatures() -> None:
    assert not [part for part in parts(odd("no-signatures")) if "thoughtSignature" in part]


def test_candidates_without_index() -> None:
    assert not [can for one in odd("no-choice-index") for can in one["candidates"] if "index" in can]


def test_cumulative_content() -> None:
    texts = [part["text"] for part in parts(odd("cumulative-content")) if part.get("text") and "thought" not in part]
    assert texts[-1] == "Good morning, Riga!"
    assert all(texts[-1].startswith(text) for text in texts)


def test_all_parts_together() -> None:
    (only,) = odd("together")
    assert parts([only]) == parts(chunks(REPLY, HEAD, thoughts=True))
    assert finishes([only]) == ["STOP"]


def test_the_finish() -> None:
    assert set(finishes(odd("no-finish"))) == {None}
    assert [finish for finish in finishes(odd("two-finishes")) if finish] == ["STOP", "STOP"]
    assert set(finishes(odd("null-finish"))) == {"FINISH_REASON_UNSPECIFIED", "STOP"}


def test_nulls() -> None:
    told = odd("nulls")
    assert all(set(NULLS) <= set(candidate) for candidate in candidates(told))
    assert [finish for finish in finishes(told) if finish] == ["STOP"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("usage-last", {True}), ("usage-first", {False}), ("no-usage", {False}), ("usage-total", {True})],
)
def test_the_usage_at_the_end(name: str, wanted: set[bool]) -> None:
    assert {"usageMetadata" in odd(name)[-1]} == wanted


def test_the_usage_before_the_end() -> None:
    assert not [one for one in odd("usage-last")[:-1] if "usageMetadata" in one]
    assert "usageMetadata" in odd("usage-first")[0]
    assert not [one for one in odd("no-usage") if "usageMetadata" in one]
    assert set(odd("usage-total")[-1]["usageMetadata"]) == {"totalTokenCount"}


def test_snake_case_spares_the_arguments() -> None:
    told = odd("snake-case")
    assert "finish_reason" in candidates(told)[-1]
    assert "usage_metadata" in told[-1]
    called = [part for part in parts(told) if "function_call" in part]
    assert called[0]["function_call"]["args"] == {"someQuery": "Riga"}
    assert "thought_signature" in called[0]


def test_an_empty_stream() -> None:
    (only,) = odd("empty")
    assert (only["candidates"], only["usageMetadata"]["totalTokenCount"]) == ([], 1)


@pytest.mark.parametrize("name", ["stream-error", "raw-error", "first-error"])
def test_errors(name: str) -> None:
    *before, last = odd(name, "model_unavailable")
    assert last["error"]["status"] == "UNAVAILABLE"
    assert bool(before) == (name != "first-error")
