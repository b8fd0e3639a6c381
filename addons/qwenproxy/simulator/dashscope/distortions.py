"""Oddities of the native face's frames: frames in, odd frames out (qwen-wire C.5).  They may change their input."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from copy import deepcopy

from qwenproxy.simulator import call_distortions
from qwenproxy.simulator.dashscope.refusals import error
from qwenproxy.simulator.face import Chunks, Distort
from qwenproxy.simulator.refusals import refusal_of
from qwenproxy.wire.openai import Json

NULLS = ("tool_calls", "reasoning_content", "annotations", "phase", "status")


def _choices(frames: Chunks) -> Iterator[Json]:
    return (choice for frame in frames for choice in frame["output"].get("choices", ()))


def _calls(frames: Chunks) -> Iterator[Json]:
    """Every piece of every call."""
    return (call for choice in _choices(frames) for call in choice["message"].get("tool_calls") or ())


def _text(message: Json) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def _say(message: Json, text: str) -> None:
    if text:
        message["content"] = text if isinstance(message["content"], str) else [{"text": text}]


def _ends(frame: Json) -> bool:
    """Whether a choice ends in *frame*."""
    return any(part.get("finish_reason") not in (None, "null") for part in (frame["output"], *_choices([frame])))


def cumulative_content(frames: Chunks, argument: str) -> Chunks:
    """Text and thinking so far in every frame."""
    told: defaultdict[tuple[int, str], str] = defaultdict(str)
    for frame in frames:
        if frame["output"].get("text") is not None:
            told[0, "text"] += frame["output"]["text"]
            frame["output"]["text"] = told[0, "text"]
    for choice in _choices(frames):
        index, message = choice["index"], choice["message"]
        told[index, "text"] += _text(message)
        _say(message, told[index, "text"])
        if "reasoning_content" in message:
            told[index, "thinking"] += message["reasoning_content"]
            message["reasoning_content"] = told[index, "thinking"]
    return frames


def cumulative_calls(frames: Chunks, argument: str) -> Chunks:
    """Every call so far in every frame that has one."""
    told: defaultdict[int, dict[int, Json]] = defaultdict(dict)
    for choice in _choices(frames):
        calls = told[choice["index"]]
        for piece in choice["message"].get("tool_calls") or ():
            call = calls.setdefault(piece["index"], {**piece, "function": {**piece["function"], "arguments": ""}})
            call["function"]["arguments"] += piece["function"]["arguments"]
        if calls:
            choice["message"]["tool_calls"] = deepcopy(list(calls.values()))
    return frames


def cumulative_output(frames: Chunks, argument: str) -> Chunks:
    """All so far in every frame, as without `incremental_output`."""
    return cumulative_calls(cumulative_content(frames, argument), argument)


def no_choice_index(frames: Chunks, argument: str) -> Chunks:
    for choice in _choices(frames):
        del choice["index"]
    return frames


def no_finish(frames: Chunks, argument: str) -> Chunks:
    return [frame for frame in frames if not _ends(frame)]


def two_finishes(frames: Chunks, argument: str) -> Chunks:
    return [frame for frame in frames for _ in range(2 if _ends(frame) else 1)]


def no_usage(frames: Chunks, argument: str) -> Chunks:
    return [{name: value for name, value in frame.items() if name != "usage"} for frame in frames]


def usage_total(frames: Chunks, argument: str) -> Chunks:
    return [{**frame, "usage": {"total_tokens": frame["usage"]["total_tokens"]}} for frame in frames]


def nulls(frames: Chunks, argument: str) -> Chunks:
    for frame in frames:
        frame["output"] = {"text": None, "finish_reason": None, "search_info": None} | frame["output"]
    for choice in _choices(frames):
        choice["message"] = dict.fromkeys(NULLS) | choice["message"]
    return frames


def empty(frames: Chunks, argument: str) -> Chunks:
    """One frame that says nothing: a tiny usage, no finish."""
    frame = frames[0]
    if "choices" in frame["output"]:
        content = "" if isinstance(next(_choices([frame]))["message"]["content"], str) else []
        frame["output"]["choices"] = [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "null"}
        ]
    else:
        frame["output"] = {"text": "", "finish_reason": "null"}
    return [{**frame, "usage": {"input_tokens": 1, "output_tokens": 0, "total_tokens": 1}}]


def stream_error(frames: Chunks, argument: str) -> Chunks:
    return [*frames[: max(1, len(frames) // 2)], _error(frames, argument)]


def first_error(frames: Chunks, argument: str) -> Chunks:
    return [_error(frames, argument)]


def _error(frames: Chunks, argument: str) -> Json:
    """An error's frame, with the status for its comment line."""
    refusal = refusal_of(argument)
    return {**error(refusal, frames[0]["request_id"]), "status_code": refusal.status}


DISTORTIONS: Mapping[str, Distort] = {
    **call_distortions.distortions(_calls),
    "cumulative-calls": cumulative_calls,
    "cumulative-content": cumulative_content,
    "cumulative-output": cumulative_output,
    "no-choice-index": no_choice_index,
    "no-finish": no_finish,
    "two-finishes": two_finishes,
    "no-usage": no_usage,
    "usage-total": usage_total,
    "nulls": nulls,
    "empty": empty,
    "stream-error": stream_error,
    "first-error": first_error,
}
"""The scenarios that make this face's streams odd."""
