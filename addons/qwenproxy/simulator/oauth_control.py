"""How the simulated OAuth server is told to behave, in a query or a form: each name with what it means."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from qwenproxy.simulator.grants import Decision, Grants, Terms
from qwenproxy.simulator.oauth_oddities import ODDITIES, Plan, Planned, planned
from qwenproxy.simulator.refusals import REFUSALS


def seconds(text: str) -> float:
    """A span of time.  Raises ValueError."""
    value = float(text)
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"{text!r} are no seconds")
    return value


def _or_none(text: str) -> float | None:
    return seconds(text) if text else None


def _switch(text: str) -> bool:
    words = {"true": True, "1": True, "on": True, "yes": True, "false": False, "0": False, "off": False, "no": False}
    if text.lower() not in words:
        raise ValueError(f"expected true or false, not {text!r}")
    return words[text.lower()]


def _slow_down(text: str) -> int:
    if text not in ("400", "429"):
        raise ValueError(f"slow_down is answered with 429 or 400, not {text!r}")
    return int(text)


def _refusal(text: str) -> str:
    if text and text not in REFUSALS:
        raise ValueError(f"no error is called {text!r}; there are: {', '.join(REFUSALS)}")
    return text


TERMS: Mapping[str, Callable[[str], Any]] = {
    "token_lifetime": seconds,
    "code_lifetime": seconds,
    "interval": _or_none,
    "slow_down": _slow_down,
    "rotate": _switch,
    "authorise_after": _or_none,
    "inference": _refusal,
}
"""The fields of `Terms`, and how each is read."""

ACTIONS = ("oddity", "argument", "times", "at", "clear", "revoke", "authorise", "refuse")


def carry_out(wishes: Mapping[str, str], grants: Grants, plan: Plan, now: float) -> None:
    """Do what *wishes* say.  Raises ValueError for what cannot be done."""
    if unknown := set(wishes) - set(ACTIONS) - set(TERMS):
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join([*ACTIONS, *TERMS])}")
    terms = {name: read(wishes[name]) for name, read in TERMS.items() if name in wishes}
    row = _planned(wishes) if wishes.get("oddity") else None
    if wishes.get("authorise"):
        _decide(wishes["authorise"], "authorised", grants, now)
    if wishes.get("refuse"):
        _decide(wishes["refuse"], "refused", grants, now)
    for name, value in terms.items():
        setattr(grants.terms, name, value)
    if wishes.get("clear"):
        plan.clear()
    if wishes.get("revoke"):
        grants.revoke()
    if row is not None:
        plan.add(row)


def _decide(user_code: str, state: Decision, grants: Grants, now: float) -> None:
    """Raises ValueError."""
    code = grants.code(user_code, now)
    if code is None or not code.decide(state, now):
        raise ValueError(f"no sign-in waits with the code {user_code}")


def _planned(wishes: Mapping[str, str]) -> Planned:
    """Raises ValueError."""
    text = f"{wishes['oddity']} {wishes.get('argument', '')}"
    times = wishes.get("times") or "1"
    return planned(text, None if times == "always" else int(times), wishes.get("at", ""))


def shown(terms: Terms) -> dict[str, str]:
    """The terms as they would be said."""
    return {name: _text(getattr(terms, name)) for name in TERMS}


def _text(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def state(grants: Grants, plan: Plan) -> dict[str, Any]:
    """How things are, for programs."""
    return {"terms": shown(grants.terms), "counts": dict(grants.counts), "planned": [said(row) for row in plan]}


def said(row: Planned) -> str:
    """What is planned, for people."""
    name = " ".join(filter(None, [row.name, row.argument]))
    times = "always" if row.left is None else f"{row.left} ×"
    where = "" if row.at == ODDITIES[row.name].at else f" at {', '.join(row.at)}"
    return f"{name}, {times}{where}"
