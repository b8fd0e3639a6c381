"""The totals of an answer in OpenAI's `usage` shape, whatever names and gaps the upstream's have."""

from collections.abc import Mapping
from typing import Any

from qwenproxy.wire.openai import Json

PROMPT = ("prompt_tokens", "input_tokens")
COMPLETION = ("completion_tokens", "output_tokens")
LARGEST = 2**53  # the largest integer that every JSON reader keeps exact


def to_openai(usage: Mapping[str, Any]) -> Json:
    """OpenAI's `usage` object.  Details of the upstream's own stay if they are numbers; what is missing is computed."""
    prompt, completion, total = _first(usage, PROMPT), _first(usage, COMPLETION), _count(usage.get("total_tokens"))
    return {
        "prompt_tokens": _rest(total, completion) if prompt is None else prompt,
        "completion_tokens": _rest(total, prompt) if completion is None else completion,
        "total_tokens": (prompt or 0) + (completion or 0) if total is None else total,
        "prompt_tokens_details": _details(usage, PROMPT, "cached_tokens"),
        "completion_tokens_details": _details(usage, COMPLETION, "reasoning_tokens"),
    }


def _details(usage: Mapping[str, Any], names: tuple[str, ...], main: str) -> Json:
    """The details of one side; *main*, which some gateways put at the top of `usage`, is always there."""
    details: Json = {main: _count(usage.get(main)) or 0}
    for name in reversed(names):
        given = usage.get(f"{name}_details")
        if isinstance(given, Mapping):
            details |= {key: count for key, value in given.items() if (count := _count(value)) is not None}
    return details


def _rest(total: int | None, known: int | None) -> int:
    """What of *total* is not *known*; of a total alone nobody knows the parts, and none are made up."""
    return 0 if total is None or known is None else max(0, total - known)


def _first(usage: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _count(value: Any) -> int | None:
    """*value* as a number of tokens, or None if it is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= LARGEST else None
