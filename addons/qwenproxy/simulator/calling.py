"""Which tools the scripted model calls, and with what."""

import re
from collections.abc import Mapping

import orjson

from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.facts import Facts, facts_of
from qwenproxy.simulator.forms import Form, kind_of
from qwenproxy.wire.openai import Json

MOST = 5
"""Calls at once."""

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


def calls_of(ask: Ask, wishes: Mapping[str, str]) -> list[tuple[str, str]]:
    """The calls to make: names and arguments; empty if the model answers in words.

    A tool is called if it is forced, or wished for (`call`), or if its words fit the prompt; never on tools' results.
    """
    tool = None if "talk" in wishes else _chosen(ask, wishes.get("call"))
    if tool is None:
        return []
    facts = facts_of(ask.prompt)
    shares = _shares(ask, tool, facts) if "parallel" in wishes or _many(ask) else [facts]
    return [(str(tool.get("name")), _arguments(tool, share)) for share in shares]


def _chosen(ask: Ask, wish: str | None) -> Json | None:
    if not ask.tools or ask.results or ask.chat.get("tool_choice") == "none":
        return None
    wanted = ask.forced or wish
    if wanted:
        return next((tool for tool in ask.tools if tool.get("name") == wanted), None)
    said = words(ask.prompt)
    best = max(ask.tools, key=lambda tool: fitness(tool, said))
    return best if wish is not None or ask.forced is not None or fitness(best, said) else None


def fitness(tool: Json, said: frozenset[str]) -> int:
    """How well a tool fits what was said: its name counts most."""
    name, about = words(str(tool.get("name"))), words(str(tool.get("description") or ""))
    return 3 * len(name & said) + len(about & said)


def words(text: str) -> frozenset[str]:
    """The telling words of *text*, without the endings of plurals."""
    found = WORD.findall(CAMEL.sub(" ", text).replace("_", " ").lower())
    return frozenset(word.removesuffix("s") for word in found if word not in DULL)


def _many(ask: Ask) -> bool:
    """Several calls at once unless that is refused or one is named: the service does so without being told."""
    return ask.chat.get("parallel_tool_calls") is not False and not ask.forced


def _shares(ask: Ask, tool: Json, facts: Facts) -> list[Facts]:
    """The facts, one part for each thing that the prompt lists, unless the tool takes them all in one list."""
    if len(facts.items) < 2 or _takes_lists(tool):
        return [facts]
    return [facts._replace(names=[name]) for name in facts.items[:MOST]]


def _parameters(tool: Json) -> Json:
    parameters = tool.get("parameters")
    return parameters if isinstance(parameters, dict) else {}


def _takes_lists(tool: Json) -> bool:
    fields = _parameters(tool).get("properties")
    fields = fields if isinstance(fields, dict) else {}
    return any(isinstance(field, dict) and kind_of(field) == "array" for field in fields.values())


def _arguments(tool: Json, facts: Facts) -> str:
    """Arguments as the service writes them: with a space after each colon and comma."""
    filled = Form({"type": "object", **_parameters(tool)}, facts).fill()
    return spaced(filled if isinstance(filled, dict) else {})


def spaced(value: Json) -> str:
    """JSON with spaces, one object a level deep, the rest as it comes."""
    fields = (f"{orjson.dumps(key).decode()}: {orjson.dumps(item).decode()}" for key, item in value.items())
    return "{" + ", ".join(fields) + "}"
