"""Prompts that take several tools, or several rounds of them."""

from typing import Any

import orjson
import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.calling import calls_of
from qwenproxy.simulator.planning import fit, fitness, steps, words
from qwenproxy.wire.openai import Json

TEXT: Json = {"type": "string"}


def tool(name: str, about: str, field: str, **schema: Any) -> Json:
    parameters = {"type": "object", "properties": {field: {**TEXT, **schema}}}
    required = [] if "default" in schema else [field]
    function = {"name": name, "description": about, "parameters": {**parameters, "required": required}}
    return {"type": "function", "function": function}


TOOLS = [
    tool("current_time", "Tells the time in a zone", "timezone", default="UTC"),
    tool("calculate", "Works out an expression", "expression"),
    tool("get_weather", "Tells the weather of a city", "city"),
]
RIGA_AND_SUM = "What time is it in Riga, and 17^23 mod 1000?"
TIME, SUM = ("current_time", {"timezone": "Europe/Riga"}), ("calculate", {"expression": "17^23 mod 1000"})


def asked(said: str, *made: str, **fields: Any) -> Ask:
    """A request by which the tools *made* have been called, one in a round."""
    messages: list[Json] = [{"role": "user", "content": "Before"}, {"role": "user", "content": said}]
    for at, name in enumerate(made):
        call = {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{at}", "content": f"result {at}"})
    return Ask({"model": "m", "messages": messages, "tools": TOOLS, **fields}, Row())


def calls(ask: Ask, **wishes: str) -> list[tuple[str, Any]]:
    return [(name, orjson.loads(text)) for name, text in calls_of(ask, wishes)]


def test_each_part_of_a_prompt_has_a_round_of_its_own() -> None:
    assert calls(asked(RIGA_AND_SUM)) == [TIME]
    assert calls(asked(RIGA_AND_SUM, "current_time")) == [SUM]
    assert calls(asked(RIGA_AND_SUM, "current_time", "calculate")) == []


def test_the_results_of_all_rounds_are_there_in_the_end() -> None:
    ask = asked(RIGA_AND_SUM, "current_time", "calculate")
    assert [(result.name, result.text) for result in ask.findings] == [
        ("current_time", "result 0"),
        ("calculate", "result 1"),
    ]


@pytest.mark.parametrize(("wish", "count"), [("", 4), ("2", 2), ("3", 3)], ids=["all", "two", "three"])
def test_several_are_called_at_once_if_that_is_wished_for(wish: str, count: int) -> None:
    said = "What time is it in Riga, and the weather in Oslo? And what time is it in Oslo; then the weather in Riga?"
    made = calls(asked(said), parallel=wish)
    expected = [TIME, ("get_weather", {"city": "Oslo"}), ("current_time", {"timezone": "Europe/Oslo"})]
    assert made == [*expected, ("get_weather", {"city": "Riga"})][:count]


@pytest.mark.parametrize(
    "said",
    [
        "What time is it in Riga?",
        "What is the weather in Riga, and Oslo?",
        "What time is it in Riga, and why?",
        "Hello",
    ],
    ids=["one part", "one tool", "a part for no tool", "no tool"],
)
def test_what_one_tool_is_enough_for_is_not_planned(said: str) -> None:
    assert steps(asked(said)) == []


def test_tools_that_may_not_be_called_are_not() -> None:
    assert calls(asked(RIGA_AND_SUM, tool_choice="none")) == []


@pytest.mark.parametrize(("wish", "rounds"), [("", 3), ("1", 1), ("5", 5)])
def test_rounds_are_made_as_many_as_are_wished_for(wish: str, rounds: int) -> None:
    made: list[str] = []
    while found := calls(asked("Hello", *made), rounds=wish):
        made += [name for name, _ in found]
    assert made == ["current_time"] * rounds


def test_arithmetic_fits_what_takes_expressions() -> None:
    calculate, weather = TOOLS[1]["function"], TOOLS[2]["function"]
    assert fit(calculate, "2 * (3 + 4)") > fit(weather, "2 * (3 + 4)") == 0
    assert fitness(calculate, words("2 * (3 + 4)")) == 0
