"""Oddities of this face's streams: responses in, odd responses out.  They may change their input."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from qwenproxy.simulator.contents.refusals import error
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.refusals import refusal_of
from qwenproxy.wire.openai import Json

CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
NULLS = ("finishReason", "finishMessage", "safetyRatings", "citationMetadata", "groundingMetadata")


def _candidates(chunks: Chunks) -> Iterator[Json]:
    return (candidate for chunk in chunks for candidate in chunk.get("candidates", ()))


def _parts(candidate: Json) -> list[Json]:
    parts: list[Json] = candidate["content"].get("parts", [])
    return parts


def _finishes(chunk: Json) -> bool:
    return any("finishReason" in candidate for candidate in _candidates([chunk]))


def no_ids(chunks: Chunks, argument: str) -> Chunks:
    for candidate in _candidates(chunks):
        for part in _parts(candidate):
            part.get("functionCall", {}).pop("id", None)
    return chunks


def no_choice_index(chunks: Chunks, argument: str) -> Chunks:
    for candidate in _candidates(chunks):
        del candidate["index"]
    return chunks


def no_signatures(chunks: Chunks, argument: str) -> Chunks:
    for candidate in _candidates(chunks):
        for part in _parts(candidate):
            part.pop("thoughtSignature", None)
    return chunks


def cumulative_content(chunks: Chunks, argument: str) -> Chunks:
    told: defaultdict[tuple[int, bool], str] = defaultdict(str)
    for candidate in _candidates(chunks):
        for part in _parts(candidate):
            if part.get("text"):
                told[candidate["index"], "thought" in part] += part["text"]
                part["text"] = told[candidate["index"], "thought" in part]
    return chunks


def together(chunks: Chunks, argument: str) -> Chunks:
    """One response with every part of the first candidate, and its end."""
    first = [candidate for candidate in _candidates(chunks) if candidate["index"] == 0]
    parts = [part for candidate in first for part in _parts(candidate)]
    content = {"role": "model", "parts": parts}
    return [{**chunks[-1], "candidates": [{**first[-1], "content": content}]}] if first else chunks


def no_finish(chunks: Chunks, argument: str) -> Chunks:
    return [chunk for chunk in chunks if not _finishes(chunk)]


def two_finishes(chunks: Chunks, argument: str) -> Chunks:
    return [chunk for chunk in chunks for _ in range(2 if _finishes(chunk) else 1)]


def null_finish(chunks: Chunks, argument: str) -> Chunks:
    """As servers print it that leave no field out: what has no value has the first one of its kind."""
    for candidate in _candidates(chunks):
        candidate.setdefault("finishReason", "FINISH_REASON_UNSPECIFIED")
    return chunks


def nulls(chunks: Chunks, argument: str) -> Chunks:
    for candidate in _candidates(chunks):
        candidate |= dict.fromkeys(NULLS) | candidate
    return [{"promptFeedback": None, **chunk} for chunk in chunks]


def usage_first(chunks: Chunks, argument: str) -> Chunks:
    return [_without_usage(chunk) if _finishes(chunk) else chunk for chunk in chunks]


def usage_last(chunks: Chunks, argument: str) -> Chunks:
    return [chunk if at == len(chunks) else _without_usage(chunk) for at, chunk in enumerate(chunks, 1)]


def no_usage(chunks: Chunks, argument: str) -> Chunks:
    return [_without_usage(chunk) for chunk in chunks]


def _without_usage(chunk: Json) -> Json:
    return {name: value for name, value in chunk.items() if name != "usageMetadata"}


def usage_total(chunks: Chunks, argument: str) -> Chunks:
    return [{**chunk, "usageMetadata": _total(chunk["usageMetadata"])} for chunk in chunks]


def _total(usage: Json) -> Json:
    return {"totalTokenCount": usage["totalTokenCount"]}


def snake_case(chunks: Chunks, argument: str) -> Chunks:
    return [_snake(chunk) for chunk in chunks]


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {CAPITAL.sub("_", name).lower(): item for name, item in value.items()}
    return {name: item if name == "args" else _snake(item) for name, item in named.items()}


def empty(chunks: Chunks, argument: str) -> Chunks:
    """Nothing said, a tiny usage, no finish."""
    return [{**chunks[0], "candidates": [], "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1}}]


def stream_error(chunks: Chunks, argument: str) -> Chunks:
    return [*chunks[: max(1, len(chunks) // 2)], *first_error(chunks, argument)]


def first_error(chunks: Chunks, argument: str) -> Chunks:
    return [error(refusal_of(argument), "")]


DISTORTIONS: Mapping[str, Distort] = {
    "no-ids": no_ids,
    "no-choice-index": no_choice_index,
    "no-signatures": no_signatures,
    "cumulative-content": cumulative_content,
    "together": together,
    "no-finish": no_finish,
    "two-finishes": two_finishes,
    "null-finish": null_finish,
    "nulls": nulls,
    "usage-first": usage_first,
    "usage-last": usage_last,
    "no-usage": no_usage,
    "usage-total": usage_total,
    "snake-case": snake_case,
    "empty": empty,
    "stream-error": stream_error,
    "first-error": first_error,
    "raw-error": stream_error,
}
"""The scenarios that make this face's streams odd."""
