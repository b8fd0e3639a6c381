"""Which tools are called, and with what."""

from typing import Any

import orjson
import pytest

from qwenproxy.models import Row
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.calling import calls_of
from qwenproxy.simulator.planning import fitness, words
from qwenproxy.wire.openai import Json


def tool(name: str, about: str = "", **fields: Json) -> Json:
    parameters = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


CITY: Json = {"type": "string"}
TOOLS = [
    tool("get_time", "Tells the current time somewhere", city=CITY),
    tool("get_weather", "Tells the current weather somewhere", city=CITY),
    tool("bookFlight", "Books a seat", destination=CITY),
]


def calls(said: str, wishes: dict[str, str] | None = None, **fields: Any) -> list[tuple[str, Any]]:
    chat = {"model": "m", "messages": [{"role": "user", "content": said}], "tools": TOOLS, **fields}
    return [(name, orjson.loads(text)) for name, text in calls_of(Ask(chat, Row()), wishes or {})]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("What time is it in Riga?", "get_time"),
        ("How is the weather in Riga?", "get_weather"),
        ("I want a flight to Riga", "bookFlight"),
        ("Any flights to Riga?", "bookFlight"),
        ("A seat to Riga, please", "bookFlight"),
    ],
)
def test_the_tool_whose_words_fit_best_is_called(said: str, name: str) -> None:
    assert [called for called, _ in calls(said)] == [name]


def test_no_tool_is_called_if_none_fits() -> None:
    assert calls("Hello there") == []


@pytest.mark.parametrize("choice", ["none"])
def test_no_tool_is_called_if_none_may_be(choice: str) -> None:
    assert calls("What time is it in Riga?", tool_choice=choice) == []


def test_without_tools_none_is_called() -> None:
    assert calls("What time is it?", tools=None) == []


def test_a_required_call_is_made_though_nothing_fits() -> None:
    assert len(calls("Hello there", tool_choice="required")) == 1


def test_a_named_tool_is_called_and_once() -> None:
    choice = {"type": "function", "function": {"name": "get_time"}}
    assert calls("The weather in Riga and Oslo", tool_choice=choice) == [("get_time", {"city": "Riga"})]


def test_wishes_are_heard() -> None:
    assert [name for name, _ in calls("Hello", {"call": "get_time"})] == ["get_time"]
    assert len(calls("Hello", {"call": ""})) == 1
    assert calls("What time is it in Riga?", {"talk": ""}) == []


@pytest.mark.parametrize(
    ("said", "cities"),
    [
        ("The weather in Riga and Oslo?", ["Riga", "Oslo"]),
        ("The weather in Riga, Oslo and New York?", ["Riga", "Oslo", "New York"]),
        ("the weather in riga and oslo", ["riga", "oslo"]),
        ("The weather in Riga, and in Riga again", ["Riga"]),
        ("Any weather in Riga, and in Oslo?", ["Riga", "Oslo"]),
        ("Anna wants the weather in Riga", ["Riga"]),
        ("The weather in A1, B2, C3, D4, E5, F6", ["A1", "B2", "C3", "D4", "E5"]),
    ],
)
def test_several_things_make_several_calls(said: str, cities: list[str]) -> None:
    assert calls(said) == [("get_weather", {"city": city}) for city in cities]


def test_one_call_is_made_if_only_one_may_be() -> None:
    assert calls("The weather in Riga and Oslo?", parallel_tool_calls=False) == [("get_weather", {"city": "Riga"})]
    assert len(calls("The weather in Riga and Oslo?", {"parallel": ""}, parallel_tool_calls=False)) == 2


def test_a_tool_that_takes_a_list_is_called_once() -> None:
    tools = [tool("get_weather", cities={"type": "array", "items": {"type": "string"}})]
    assert calls("The weather in Riga and Oslo?", tools=tools) == [("get_weather", {"cities": ["Riga", "Oslo"]})]


@pytest.mark.parametrize("parameters", [None, {}, [], {"type": "object"}, {"properties": []}])
def test_a_tool_without_parameters_gets_an_empty_object(parameters: Any) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]
    assert calls("weather", tools=tools) == [("get_weather", {})]


def test_words_are_told_apart_in_names() -> None:
    assert words("getFlightTimes_v2") == {"flight", "time", "v"}


def test_a_name_counts_more_than_a_description() -> None:
    said = words("weather")
    assert fitness({"name": "weather"}, said) > fitness({"name": "x", "description": "weather"}, said) > 0
