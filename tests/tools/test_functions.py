"""Python functions as tools."""

import asyncio
import sys
import threading
import time
from datetime import date
from enum import Enum
from types import SimpleNamespace
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from qwenproxy.tools import functions
from qwenproxy.tools.functions import argument_words, declared, from_function, tool
from qwenproxy.tools.tool import ToolError


class Unit(Enum):
    C = "celsius"
    F = "fahrenheit"


class Place(BaseModel):
    name: str
    height: float = 0


@tool(read_only=True)
def forecast(city: str, days: Annotated[int, Field(ge=1)] = 1, unit: Unit = Unit.C) -> str:
    """Tell the weather.

    It is always fine.

    Args:
        city (str): Where,
            as people call it.
        days: How many days.

    Returns:
        The weather.
    """
    return f"{city} {days} {unit.value}"


@tool(name="other-name", needs_confirmation=True)
async def renamed(places: list[Place], *, day: date, kind: Literal["a", "b"] = "a") -> dict[str, Any]:
    return {"places": [place.height for place in places], "day": day, "kind": kind}


@tool
def plain() -> None: ...


def not_a_tool() -> None: ...


def misnamed() -> None: ...


def test_signature_and_docstring_make_the_schema() -> None:
    found = from_function("weather", forecast, "weather.py")
    assert (found.name, found.read_only, found.needs_confirmation) == ("weather__forecast", True, False)
    assert found.description == "Tell the weather.\n\nIt is always fine."
    document = found.parameters.document
    assert document["properties"]["city"] == {
        "title": "City",
        "type": "string",
        "description": "Where, as people call it.",
    }
    assert document["properties"]["days"]["minimum"] == 1
    assert (document["required"], document["additionalProperties"]) == (["city"], False)


def test_the_function_itself_stays_one() -> None:
    assert forecast("Riga", unit=Unit.F) == "Riga 1 fahrenheit"


def test_all_that_is_decorated_in_a_module_is_found_once() -> None:
    module = SimpleNamespace(a=forecast, b=forecast, c=renamed, d=plain, e=not_a_tool, f=3)
    assert [found.name for found in declared("m", module, "m.py")] == ["m__forecast", "m__other-name", "m__plain"]


async def test_arguments_become_what_the_signature_says() -> None:
    found = from_function("", renamed, "it")
    assert found.needs_confirmation
    arguments = {"places": [{"name": "Munamägi", "height": 318}], "day": "2026-11-22"}
    assert found.parameters.complaints(arguments) == []
    assert await found.call(arguments) == '{"places":[318.0],"day":"2026-11-22","kind":"a"}'
    assert await from_function("", forecast, "it").call({"city": "Riga", "unit": "fahrenheit"}) == "Riga 1 fahrenheit"
    assert await from_function("", plain, "it").call({}) == "null"


async def test_what_only_the_tool_can_check_is_told() -> None:
    with pytest.raises(ToolError, match=r"^day: Input should be a valid date"):
        await from_function("", renamed, "it").call({"places": [], "day": "tomorrow"})


def starred(*words: str) -> None: ...
def positional(a: int, /) -> None: ...
def unknown(a: threading.Thread) -> None: ...


WRONG = {
    "any number": starred,
    "by place only": positional,
    "no JSON": unknown,
    "a bad name": tool(name="a b")(misnamed),
}


@pytest.mark.parametrize("function", WRONG.values(), ids=WRONG)
def test_a_signature_that_makes_no_schema_is_refused_with_its_source(function: Any) -> None:
    with pytest.raises(ValueError, match=r"^mine\.py: "):
        from_function("", function, "mine.py")


async def test_a_plain_function_holds_nothing_up() -> None:
    ended = threading.Event()
    slow = from_function("", waiter(ended), "it")
    call = asyncio.ensure_future(slow.call({}))
    began = time.perf_counter()
    await asyncio.sleep(0.01)
    assert time.perf_counter() - began < 1
    ended.set()
    assert await call == "true"


def waiter(ended: threading.Event) -> Any:
    def wait() -> bool:
        return ended.wait(30)

    return wait


async def test_calls_that_never_end_are_limited_for_each_tool() -> None:
    ended = threading.Event()
    stuck = from_function("", waiter(ended), "it")
    calls = [asyncio.ensure_future(stuck.call({})) for _ in range(functions.AT_ONCE)]
    await asyncio.sleep(0.05)
    for call in calls:
        call.cancel()
    with pytest.raises(ToolError, match="16 calls of this tool have not ended yet"):
        await stuck.call({})
    ended.set()
    for _ in range(200):
        await asyncio.sleep(0.01)
        try:
            assert await stuck.call({}) == "true"
        except ToolError:
            continue
        return
    pytest.fail("the threads have ended, and still count")


def leaves() -> None:
    sys.exit(3)


def stops() -> None:
    raise StopIteration


def breaks() -> None:
    raise ZeroDivisionError("by zero")


RAISES: dict[str, tuple[Any, type[Exception]]] = {
    "SystemExit": (leaves, ToolError),
    "StopIteration": (stops, ToolError),
    "any other": (breaks, ZeroDivisionError),
}


@pytest.mark.parametrize(("function", "error"), RAISES.values(), ids=RAISES)
async def test_what_a_function_raises_in_its_thread_is_the_callers(function: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await from_function("", function, "it").call({})


def test_arguments_are_described_in_one_section_only() -> None:
    doc = "Do.\n\nArgs:\n    a: One\n        more.\n    *b (int): Two.\nReturns:\n    c: Three."
    assert argument_words(doc) == {"a": "One more.", "b": "Two."}
    assert argument_words("Do.\n\nArgs:\n    a: One\nand so on\n    b: no") == {"a": "One"}


def test_what_is_no_json_is_written_as_it_is() -> None:
    looped: list[object] = []
    looped.append(looped)
    assert functions.as_text(looped) == "[[...]]"
    assert functions.as_text({1: {2}}) == '{"1":"{2}"}'
