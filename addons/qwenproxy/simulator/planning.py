"""How the scripted model goes about a prompt that takes several tools, or several rounds of them.

A prompt such as "What time is it in Riga, and 17^23 mod 1000?" is taken in its parts, each with the tool that fits it
best; they are called one in a round, or as many at once as is wished for.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from qwenproxy.simulator.ask import Ask, name_of
from qwenproxy.simulator.facts import facts_of
from qwenproxy.wire.openai import Json

PARTING = re.compile(r"[,;]\s*(?:and|then)\s+|[?.!;]\s+(?:and\s+|then\s+)?|\s+(?:and\s+)?then\s+", re.IGNORECASE)
WORD = re.compile(r"[^\W\d_]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
DULL_WORDS = """
a about after all also an and any are as at be been but by can do does each every for from get given gives has have here
how if in into is it its list make may me my no not of off on once one only or other our out please returns run set
should so some such than that the their them then there these this those to tool tools two up use used uses using via
was we what when where which who why will with within would you your
"""
DULL = frozenset(DULL_WORDS.split())
"""Words that say nothing of what a tool is for."""
EXPRESSIONS = ("expression", "formula")
"""Parameters that take arithmetic."""
AT_ONCE = 5
"""Calls at once, if no number is wished for."""
ROUNDS = 3


class Step(NamedTuple):
    """One call to make, and the part of the prompt that it is for."""

    tool: Json
    about: str


def steps(ask: Ask) -> list[Step]:
    """The calls that the prompt takes; none if one tool is enough for it, or a part of it needs none."""
    parts = [part for part in PARTING.split(ask.prompt) if part.strip()]
    if not ask.tools or len(parts) < 2:
        return []
    found = [Step(best(ask.tools, part), part) for part in parts]
    if not all(fit(step.tool, step.about) for step in found):
        return []
    return found if len({str(step.tool.get("name")) for step in found}) > 1 else []


def next_steps(ask: Ask, plan: list[Step], wishes: Mapping[str, str]) -> list[Step]:
    """What of *plan* is to be called now: one step, or more if they are wished for at once."""
    made = [name_of(call) for call in ask.calls_since]
    left: list[Step] = []
    for step in plan:
        if (name := step.tool.get("name")) in made:
            made.remove(str(name))
        else:
            left.append(step)
    return left[: count(wishes["parallel"], AT_ONCE) if "parallel" in wishes else 1]


def goes_on(ask: Ask, wish: str) -> bool:
    """Whether there is a further round to be made of as many as are wished for."""
    return ask.rounds_since < count(wish, ROUNDS)


def best(tools: list[Json], text: str) -> Json:
    """The one of *tools* that fits *text* best."""
    return max(tools, key=lambda tool: fit(tool, text))


def fit(tool: Json, text: str) -> int:
    """How well *tool* fits *text*: its words, and arithmetic where it takes some."""
    parameters = tool.get("parameters")
    fields = parameters.get("properties") if isinstance(parameters, dict) else None
    computes = any(name in EXPRESSIONS for name in fields) if isinstance(fields, dict) else False
    return fitness(tool, words(text)) + (3 if computes and facts_of(text).formula else 0)


def fitness(tool: Json, said: frozenset[str]) -> int:
    """How well a tool's words fit what was said: its name counts most."""
    name, about = words(str(tool.get("name"))), words(str(tool.get("description") or ""))
    return 3 * len(name & said) + len(about & said)


def words(text: str) -> frozenset[str]:
    """The telling words of *text*, without the endings of plurals."""
    found = WORD.findall(CAMEL.sub(" ", text).replace("_", " ").lower())
    return frozenset(word.removesuffix("s") for word in found if word not in DULL)


def count(argument: str, otherwise: int) -> int:
    """The number that a wish has as its argument."""
    return int(argument) if argument.isdecimal() else otherwise
