"""Oddities of the OpenAI-like face's chunks: chunks in, odd chunks out (B.7, 9 to 15).  They may change their input."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from qwenproxy.simulator import call_distortions
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.refusals import refusal_of
from qwenproxy.wire.openai import Json

NULLS = ("function_call", "refusal", "role", "tool_calls", "audio")


def _choices(chunks: Chunks) -> Iterator[Json]:
    return (choice for chunk in chunks for choice in chunk["choices"])


def _calls(chunks: Chunks) -> Iterator[Json]:
    """Every piece of every call."""
    return (call for choice in _choices(chunks) for call in choice["delta"].get("tool_calls") or ())


def _finishes(chunk: Json) -> bool:
    return any(choice["finish_reason"] is not None for choice in chunk["choices"])


def cumulative_content(chunks: Chunks, argument: str) -> Chunks:
    told: defaultdict[tuple[int, str], str] = defaultdict(str)
    for choice in _choices(chunks):
        for field in ("content", "reasoning_content"):
            if choice["delta"].get(field):
                told[choice["index"], field] += choice["delta"][field]
                choice["delta"][field] = told[choice["index"], field]
    return chunks


def no_finish(chunks: Chunks, argument: str) -> Chunks:
    return [chunk for chunk in chunks if not _finishes(chunk)]


def two_finishes(chunks: Chunks, argument: str) -> Chunks:
    return [chunk for chunk in chunks for _ in range(2 if _finishes(chunk) else 1)]


def usage_first(chunks: Chunks, argument: str) -> Chunks:
    costs = [chunk for chunk in chunks if not chunk["choices"]]
    ends = [chunk for chunk in chunks if _finishes(chunk)]
    return [*(chunk for chunk in chunks if chunk["choices"] and not _finishes(chunk)), *costs, *ends]


def finish_with_usage(chunks: Chunks, argument: str) -> Chunks:
    last = [choice for choice in _choices(chunks) if choice["finish_reason"] is not None]
    return [chunk if chunk["choices"] else {**chunk, "choices": deepcopy(last)} for chunk in chunks]


def no_usage(chunks: Chunks, argument: str) -> Chunks:
    return [chunk for chunk in chunks if chunk["choices"]]


def usage_total(chunks: Chunks, argument: str) -> Chunks:
    return [{**chunk, "usage": _total(chunk["usage"])} for chunk in chunks]


def _total(usage: Any) -> Json | None:
    return None if usage is None else {"total_tokens": usage["total_tokens"]}


def null_finish(chunks: Chunks, argument: str) -> Chunks:
    for choice in _choices(chunks):
        if choice["finish_reason"] is None:
            choice["finish_reason"] = "null"
    return chunks


def nulls(chunks: Chunks, argument: str) -> Chunks:
    for choice in _choices(chunks):
        choice["delta"] = dict.fromkeys(NULLS) | choice["delta"]
    return chunks


def empty(chunks: Chunks, argument: str) -> Chunks:
    """Nothing said, a tiny usage, no finish."""
    tiny = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    return [chunks[0], {**chunks[0], "choices": [], "usage": tiny}]


def stream_error(chunks: Chunks, argument: str) -> Chunks:
    return [*chunks[: max(1, len(chunks) // 2)], _error(chunks, argument)]


def first_error(chunks: Chunks, argument: str) -> Chunks:
    return [_error(chunks, argument)]


def _error(chunks: Chunks, argument: str) -> Json:
    return refusal_of(argument).error(str(chunks[0]["id"]).removeprefix("chatcmpl-"))


DISTORTIONS: Mapping[str, Distort] = {
    **call_distortions.distortions(_calls),
    "cumulative-content": cumulative_content,
    "no-finish": no_finish,
    "two-finishes": two_finishes,
    "usage-first": usage_first,
    "finish-with-usage": finish_with_usage,
    "no-usage": no_usage,
    "usage-total": usage_total,
    "null-finish": null_finish,
    "nulls": nulls,
    "empty": empty,
    "stream-error": stream_error,
    "first-error": first_error,
}
"""The scenarios that make this face's streams odd."""
