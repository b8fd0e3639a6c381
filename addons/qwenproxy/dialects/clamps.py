"""Parameters whose values Qwen takes within other limits than OpenAI."""

from typing import Any, TypeGuard

from qwenproxy.dialects.draft import SEED_MASK, Draft
from qwenproxy.dialects.thinking import leave_answer_room
from qwenproxy.errors import INVALID_VALUE, ProxyError

HOTTEST = 1.99
"""`temperature` must be below 2."""
NARROWEST = 0.01
"""`top_p` must be above 0."""
MOST_STOPS = 4
MOST_ALTERNATIVES = 5
"""`top_logprobs` of the service; OpenAI gives up to 20."""


def temperature(draft: Draft, name: str, value: Any) -> None:
    _within(draft, name, value, None, HOTTEST)


def top_p(draft: Draft, name: str, value: Any) -> None:
    _within(draft, name, value, NARROWEST, draft.row.max_top_p)


def _within(draft: Draft, name: str, value: Any, least: float | None, most: float) -> None:
    fit = value
    if _is_number(value):
        fit = most if value > most else least if least is not None and value < least else value
    if fit != value:
        draft.note(f"{name} {value} -> {fit}")
    draft.chat[name] = fit


def seed(draft: Draft, name: str, value: Any) -> None:
    """OpenAI takes 64 bits, Qwen 31; the same seed still gives the same answers."""
    draft.chat[name] = value & SEED_MASK if _is_integer(value) else value


def stop(draft: Draft, name: str, value: Any) -> None:
    """Without empty strings, which the service refuses.  Raises ProxyError for more than four, as OpenAI does."""
    if isinstance(value, list):
        if len(value) > MOST_STOPS:
            message = f"Invalid 'stop': expected an array of {MOST_STOPS} items at most, but got {len(value)} instead."
            raise ProxyError(INVALID_VALUE, message, param=name)
        value = [word for word in value if word != ""]
    if value:
        draft.chat[name] = value


def logprobs(draft: Draft, name: str, value: Any) -> None:
    if not draft.row.logprobs:
        if value is not False and value != 0:
            draft.drop(name, "the model gives no log probabilities")
        return
    if name == "top_logprobs" and _is_integer(value) and value > MOST_ALTERNATIVES:
        draft.note(f"{name} {value} -> {MOST_ALTERNATIVES}")
        value = MOST_ALTERNATIVES
    draft.chat[name] = value


def answer_length(draft: Draft) -> None:
    """One limit of the two that OpenAI has, the smaller one, within what the model can write."""
    asked = {name: draft.asked.get(name) for name in ("max_completion_tokens", "max_tokens")}
    given = {name: value for name, value in asked.items() if _is_integer(value)}
    if not given:
        return
    whole = draft.row.max_completion_tokens and "max_completion_tokens" in given
    least = min(given.values())
    fit = min(least, draft.row.max_output)
    name = "max_completion_tokens" if whole else "max_tokens"
    draft.chat[name] = fit
    if fit != least:
        draft.note(f"{next(iter(given))} {least} -> {fit}")
    leave_answer_room(draft)


def choices(draft: Draft) -> None:
    """`n` in one call where the model takes it so, else as many calls of one choice."""
    wanted = draft.asked.get("n")
    if not _is_integer(wanted) or wanted <= 1:
        return
    if wanted > draft.row.max_choices or draft.thinks or "tools" in draft.chat:
        draft.calls = wanted
    else:
        draft.chat["n"] = wanted


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
