"""Oddities of the OpenAI-like face's chunks: chunks in, odd chunks out (B.7, 1 to 15).  They may change their input."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from qwenproxy.simulator.refusals import refusal_of
from qwenproxy.wire.openai import Json

type Chunks = list[Json]
type Distort = Callable[[Chunks, str], Chunks]

NULLS = ("function_call", "refusal", "role", "tool_calls", "audio")


def _choices(chunks: Chunks) -> Iterator[Json]:
    return (choice for chunk in chunks for choice in chunk["choices"])


def _calls(chunks: Chunks) -> Iterator[Json]:
    """Every piece of every call."""
    return (call for choice in _choices(chunks) for call in choice["delta"].get("tool_calls") or ())


def _is_first(call: Json) -> bool:
    return bool(call["id"])


def _finishes(chunk: Json) -> bool:
    return any(choice["finish_reason"] is not None for choice in chunk["choices"])


def empty_ids(chunks: Chunks, argument: str) -> Chunks:
    for call in _calls(chunks):
        if not _is_first(call):
            call["function"]["name"] = ""
    return chunks


def repeated_names(chunks: Chunks, argument: str) -> Chunks:
    first: dict[int, Json] = {}
    for call in _calls(chunks):
        start = first.setdefault(call["index"], call)
        call["id"] = start["id"]
        call["function"]["name"] = start["function"]["name"]
    return chunks


def clean_calls(chunks: Chunks, argument: str) -> Chunks:
    """As OpenAI itself would send them."""
    chunks = [c for c in chunks if not any(call["function"]["arguments"] is None for call in _calls([c]))]
    for call in _calls(chunks):
        if not _is_first(call):
            del call["id"], call["type"]
            call["function"].pop("name", None)
    return chunks


def no_index(chunks: Chunks, argument: str) -> Chunks:
    for call in _calls(chunks):
        del call["index"]
    return chunks


def zero_index(chunks: Chunks, argument: str) -> Chunks:
    return reused_index(repeated_names(chunks, argument), argument)


def reused_index(chunks: Chunks, argument: str) -> Chunks:
    for call in _calls(chunks):
        call["index"] = 0
    return chunks


def no_ids(chunks: Chunks, argument: str) -> Chunks:
    for call in _calls(chunks):
        del call["id"]
    return chunks


def split_name(chunks: Chunks, argument: str) -> Chunks:
    told: Chunks = []
    for chunk in chunks:
        told.append(chunk)
        if any(_is_first(call) for call in _calls([chunk])):
            told.append(_rest_of_name(chunk))
    return told


def _rest_of_name(chunk: Json) -> Json:
    """Leaves the first half of each name in *chunk*; gives back a chunk with the second."""
    rest = deepcopy(chunk)
    for call, later in zip(_calls([chunk]), _calls([rest]), strict=True):
        name = call["function"]["name"]
        call["function"]["name"] = name[: len(name) // 2]
        later |= {"id": "", "function": {"name": name[len(name) // 2 :], "arguments": ""}}
    return rest


def late_name(chunks: Chunks, argument: str) -> Chunks:
    names: dict[int, str] = {}
    for call in _calls(chunks):
        function = call["function"]
        if _is_first(call):
            names[call["index"]] = function.pop("name")
        elif function["arguments"] is None:
            function["name"] = names[call["index"]]
    return chunks


def cumulative_arguments(chunks: Chunks, argument: str) -> Chunks:
    told: defaultdict[int, str] = defaultdict(str)
    for call in _calls(chunks):
        told[call["index"]] += call["function"]["arguments"] or ""
        call["function"]["arguments"] = told[call["index"]]
    return chunks


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
