"""Which tools the scripted model calls, and with what."""

from collections.abc import Mapping

import orjson

from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.facts import Facts, facts_of
from qwenproxy.simulator.forms import Form, kind_of
from qwenproxy.simulator.planning import best, fit, goes_on, next_steps, steps
from qwenproxy.wire.openai import Json

MOST = 5
"""Calls at once."""


def calls_of(ask: Ask, wishes: Mapping[str, str]) -> list[tuple[str, str]]:
    """The calls to make: names and arguments; empty if the model answers in words.

    A tool is called if it is forced, or wished for (`call`), or if its words fit the prompt; on tools' results only if
    the prompt takes several tools, or several rounds are wished for (`rounds`).
    """
    if not ask.tools or "talk" in wishes or ask.chat.get("tool_choice") == "none":
        return []
    if "rounds" in wishes:
        tool = best(ask.tools, ask.prompt)
        return [_call(tool, facts_of(ask.prompt))] if goes_on(ask, wishes["rounds"]) else []
    if ask.forced is None and "call" not in wishes and (plan := steps(ask)):
        return [_call(step.tool, facts_of(step.about)) for step in next_steps(ask, plan, wishes)]
    chosen = _chosen(ask, wishes.get("call"))
    return _calls(ask, chosen, wishes) if chosen is not None else []


def _calls(ask: Ask, tool: Json, wishes: Mapping[str, str]) -> list[tuple[str, str]]:
    facts = facts_of(ask.prompt)
    shares = _shares(ask, tool, facts) if "parallel" in wishes or _many(ask) else [facts]
    return [_call(tool, share) for share in shares]


def _call(tool: Json, facts: Facts) -> tuple[str, str]:
    return str(tool.get("name")), _arguments(tool, facts)


def _chosen(ask: Ask, wish: str | None) -> Json | None:
    if ask.results:
        return None
    wanted = ask.forced or wish
    if wanted:
        return next((tool for tool in ask.tools if tool.get("name") == wanted), None)
    found = best(ask.tools, ask.prompt)
    return found if wish is not None or ask.forced is not None or fit(found, ask.prompt) else None


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
