"""Checks a list of chat events for every promise made at `ChatEvent`; knows nothing of how they are made."""

from collections.abc import Sequence
from typing import Any

import orjson

from qwenproxy.errors import ProxyError
from qwenproxy.wire.openai import ChatEvent, Delta, Usage

TEXTS = {"content", "refusal", "reasoning_content"}
FINISHES = {"stop", "length", "tool_calls", "content_filter"}
COUNTS = {"prompt_tokens", "completion_tokens", "total_tokens"}


def check(events: Sequence[ChatEvent]) -> None:
    """Fails if a promise is broken.  The answer must be over: finished, or ended by an error."""
    assert events, "an answer says something"
    failed = [isinstance(event, ProxyError) for event in events]
    assert not any(failed[:-1]), "nothing follows an error"
    totals = [isinstance(event, Usage) for event in events]
    assert not any(totals[:-1]), "usage comes once, last"
    choices: dict[int, list[Delta]] = {}
    for event in events:
        if isinstance(event, Delta):
            choices.setdefault(event.choice, []).append(event)
    for index, deltas in choices.items():
        _check_choice(index, deltas, failed=failed[-1])
    assert failed[-1] or choices, "an answer without an error has a choice"
    if totals[-1]:
        _check_usage(events[-1])


def _check_choice(index: int, deltas: list[Delta], *, failed: bool) -> None:
    assert type(index) is int
    assert 0 <= index < 128
    assert deltas[0].delta == {"role": "assistant"}, "the role comes first"
    assert not any("role" in delta.delta for delta in deltas[1:]), "and once"
    finishes = [delta.finish_reason for delta in deltas if delta.finish_reason is not None]
    assert len(finishes) <= 1
    if finishes:
        assert deltas[-1].finish_reason in FINISHES
        assert deltas[-1].delta == {}
    assert finishes or failed, "exactly one finish"
    for delta in deltas[1:]:
        _check_delta(delta)
    calls = _check_calls([call for delta in deltas for call in delta.delta.get("tool_calls", ())])
    if finishes and finishes[0] in ("stop", "tool_calls"):
        assert (finishes[0] == "tool_calls") == (calls > 0)


def _check_delta(delta: Delta) -> None:
    assert set(delta.delta) <= TEXTS | {"tool_calls", "annotations"}
    assert len(delta.delta) == (delta.finish_reason is None), "one thing at a time"
    for name in TEXTS & delta.delta.keys():
        assert type(delta.delta[name]) is str
        assert delta.delta[name] or delta.logprobs, "no piece is empty"
    for annotation in delta.delta.get("annotations", ()):
        assert annotation["type"] == "url_citation"
        assert set(annotation["url_citation"]) == {"start_index", "end_index", "title", "url"}
    assert delta.logprobs is None or type(delta.logprobs) is dict
    assert orjson.dumps(tuple(delta)), "it can be written"


def _check_calls(entries: list[dict[str, Any]]) -> int:
    """How many calls the *entries* of one choice make."""
    ids: list[str] = []
    for entry in entries:
        function = entry["function"]
        assert type(function["arguments"]) is str
        if entry["index"] == len(ids):
            assert set(entry) == {"index", "id", "type", "function"}
            assert entry["type"] == "function"
            assert set(function) == {"name", "arguments"}
            assert type(function["name"]) is str
            assert function["name"]
            assert type(entry["id"]) is str
            assert entry["id"]
            ids.append(entry["id"])
        else:
            assert 0 <= entry["index"] < len(ids), "indexes are dense"
            assert set(entry) == {"index", "function"}
            assert set(function) == {"arguments"}
            assert function["arguments"], "no piece is empty"
    assert len(set(ids)) == len(ids), "every call has an id of its own"
    return len(ids)


def _check_usage(event: ChatEvent) -> None:
    assert isinstance(event, Usage)
    usage = event.usage
    assert set(usage) == COUNTS | {"prompt_tokens_details", "completion_tokens_details"}
    details = [*usage["prompt_tokens_details"].values(), *usage["completion_tokens_details"].values()]
    for count in [usage[name] for name in COUNTS] + details:
        assert type(count) is int
        assert count >= 0
    assert "cached_tokens" in usage["prompt_tokens_details"]
    assert "reasoning_tokens" in usage["completion_tokens_details"]
