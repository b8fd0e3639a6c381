"""Whether a model thinks and how long: the ways in which apps ask for it, and the ones that a model's row takes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from qwenproxy.dialects.draft import Draft
from qwenproxy.dialects.leaks import Think
from qwenproxy.models import Row
from qwenproxy.wire.openai import Json

BUDGETS: Mapping[str, int] = {"low": 4_096, "medium": 16_384, "high": 32_768}
"""`reasoning_effort` as a `thinking_budget`, for models without efforts; xhigh and max set no limit."""

OFF = frozenset({"none", "minimal"})
LEAST = "low"
"""What none and minimal become for a model that cannot stop thinking."""

SWITCHES: Mapping[str, bool] = {"enabled": True, "adaptive": True, "auto": True, "disabled": False}
"""The `type` of a `thinking` object, as DeepSeek, GLM and Anthropic write it."""


class Wish(NamedTuple):
    """What the app asks for; None where it says nothing.  `asked_by` is the field that turns thinking on or off."""

    on: bool | None
    asked_by: str
    effort: str | None
    budget: int | None


def settle(draft: Draft) -> None:
    """Writes the model's own fields for what the app asks of thinking."""
    row, wish = draft.row, _wish(draft.asked)
    if row.thinking == "never":
        _unable(draft, wish)
        return
    if row.thinking == "always":
        wish = _unstoppable(draft, wish)
    elif wish.on is not None:
        draft.chat["enable_thinking"] = wish.on
    draft.thinks = row.thinking in ("on", "always") if wish.on is None else wish.on
    if draft.thinks:
        _depth(draft, wish)
    if _continues(draft.asked):
        stop(draft, "partial")


def leak(chat: Json, row: Row) -> Think:
    """Where thinking may leak in the answer to the ruled *chat*.

    An answer begins inside thinking if the template opened it, and then only if the model surely thinks: an answer
    without any would be taken for thinking up to its end.  Of a server without a parser of its own, what the model does
    by default is sure enough: else every answer would begin with its thinking.
    """
    told = chat.get("enable_thinking")
    by_default = row.unparted and row.thinking == "on" and told is None
    surely = row.thinking == "always" or told is True or by_default
    return "inside" if row.opens_thinking and surely else "start"


def stop(draft: Draft, because: str) -> bool:
    """Turns thinking off for this call; False if the model cannot do without."""
    if draft.thinks and draft.row.thinking == "always":
        return False
    if draft.thinks:
        draft.thinks = False
        draft.chat["enable_thinking"] = False
        for name in ("thinking_budget", "reasoning_effort"):
            draft.chat.pop(name, None)
        draft.note(f"thinking turned off: {because}")
    return True


def leave_answer_room(draft: Draft) -> None:
    """Keeps the budget below `max_completion_tokens`, which counts thinking and answer, as the service demands."""
    limit, budget = draft.chat.get("max_completion_tokens"), draft.chat.get("thinking_budget")
    if limit is None or budget is None or budget < limit:
        return
    if limit < 2:
        del draft.chat["thinking_budget"]
    else:
        draft.chat["thinking_budget"] = limit // 2
    draft.note("thinking_budget kept below max_completion_tokens")


def _wish(asked: Json) -> Wish:
    effort = asked.get("reasoning_effort")
    effort = effort if isinstance(effort, str) else None
    budget = _first_number(asked.get("thinking_budget"), _inside(asked.get("thinking"), "budget_tokens"))
    for name, says in SAYS.items():
        if (on := says(asked.get(name))) is not None:
            return Wish(on, name, effort, budget)
    return Wish(None, "reasoning_effort", effort, budget)


def _switch(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _thinking(value: Any) -> bool | None:
    return SWITCHES.get(str(_inside(value, "type"))) if isinstance(value, dict) else _switch(value)


def _template(value: Any) -> bool | None:
    return _switch(_inside(value, "enable_thinking"))


def _effort(value: Any) -> bool | None:
    return value not in OFF if isinstance(value, str) else None


def _budget(value: Any) -> bool | None:
    return True if _first_number(value) is not None else None


SAYS: Mapping[str, Callable[[Any], bool | None]] = {
    "enable_thinking": _switch,
    "thinking": _thinking,
    "chat_template_kwargs": _template,
    "reasoning_effort": _effort,
    "thinking_budget": _budget,
}
"""The fields that may ask for thinking; the first that says something decides."""


def _inside(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first_number(*values: Any) -> int | None:
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), None)


def _unable(draft: Draft, wish: Wish) -> None:
    if wish.on:
        for name in (name for name in SAYS if draft.asked.get(name) is not None):
            draft.drop(name, "the model does not think")


def _unstoppable(draft: Draft, wish: Wish) -> Wish:
    if wish.on is not False:
        return wish
    if wish.asked_by != "reasoning_effort" or wish.effort == "none":
        draft.weaken(wish.asked_by, "the model cannot stop thinking")
    return wish._replace(on=None, effort=LEAST, budget=None)


def _depth(draft: Draft, wish: Wish) -> None:
    """One of `thinking_budget` and `reasoning_effort`, never both: the service refuses that."""
    if wish.budget is not None and draft.row.max_thinking != 0:
        _limit(draft, wish.budget)
        if wish.effort is not None:
            draft.leave_out("reasoning_effort")
    elif wish.budget is not None:
        draft.drop("thinking_budget", "the model takes none")
        _deepen(draft, wish.effort)
    else:
        _deepen(draft, wish.effort)


def _deepen(draft: Draft, effort: str | None) -> None:
    efforts = draft.row.efforts
    if effort is None:
        return
    if efforts is None:
        if draft.row.max_thinking != 0 and effort in BUDGETS:
            _limit(draft, BUDGETS[effort])
        return
    if word := efforts.get(effort):
        draft.chat["reasoning_effort"] = word
        if word != effort:
            draft.note(f"reasoning_effort {effort} -> {word}")


def _limit(draft: Draft, budget: int) -> None:
    cap = draft.row.max_thinking
    draft.chat["thinking_budget"] = budget if cap is None else min(budget, cap)
    if cap is not None and budget > cap:
        draft.note(f"thinking_budget {budget} -> {cap}")


def _continues(asked: Json) -> bool:
    """Whether the last message is the beginning of an answer, to go on with; that works only without thinking."""
    messages = asked.get("messages") or [{}]
    return _inside(messages[-1], "partial") is True
