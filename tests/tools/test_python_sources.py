"""Tools from files and entry points."""

import asyncio
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from qwenproxy.tools import python_sources
from qwenproxy.tools.python_sources import load, space
from qwenproxy.tools.tool import Tool

TOOLS = """
from __future__ import annotations
from dataclasses import dataclass
from qwenproxy.tools import tool

@dataclass
class Sum:
    value: int

@tool
def add(a: int, b: int) -> Sum:
    "Add."
    return Sum(a + b)

@tool
async def greet(name: str) -> str:
    return f"Hello, {name}"

def other(): ...
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my tools.py"
    path.write_text(TOOLS)
    return path


async def test_a_file_gives_its_decorated_functions(file: Path) -> None:
    add, greet = load(str(file))
    assert (add.name, greet.name, add.source) == ("my_tools__add", "my_tools__greet", str(file))
    assert await add.call({"a": 1, "b": 2}) == '{"value":3}'
    assert await greet.call({"name": "you"}) == "Hello, you"


def test_a_file_is_read_anew_each_time(file: Path) -> None:
    load(str(file))
    file.write_text(TOOLS.replace("Hello", "Good day"))
    assert asyncio.run(as_text(load(str(file))[1])) == "Good day, you"


async def as_text(greet: Tool) -> str:
    return await greet.call({"name": "you"})


WRONG = {
    "no such file": (None, "there is no such file"),
    "no Python": ("def", "SyntaxError"),
    "it fails": ("1 / 0", "ZeroDivisionError: division by zero"),
    "it leaves": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "no tool in it": ("def f(): ...", "no function in it has the decorator `@tool`"),
    "a tool that is none": ("from qwenproxy.tools import tool\n@tool\ndef f(*a): ...", r"f: its schema describes no"),
}


@pytest.mark.parametrize(("text", "complaint"), WRONG.values(), ids=WRONG)
def test_a_file_that_is_no_use_is_named_with_the_reason(tmp_path: Path, text: str | None, complaint: str) -> None:
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=complaint) as caught:
        load(str(path))
    assert str(caught.value).startswith(str(path))


def test_a_file_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "kept.py"
    path.write_text(TOOLS)
    load(str(path))
    before = sys.modules["qwenproxy_tools_of_kept"]
    path.write_text("1 / 0")
    with pytest.raises(ValueError, match="division"):
        load(str(path))
    assert sys.modules["qwenproxy_tools_of_kept"] is before


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package with entry points, as if it were installed."""
    (tmp_path / "some_package_of_tools.py").write_text(TOOLS)
    monkeypatch.syspath_prepend(tmp_path)
    names = {"sums": "some_package_of_tools", "greeting": "some_package_of_tools:greet", "gone": "no_such_module"}
    points = [EntryPoint(name, value, python_sources.GROUP) for name, value in names.items()]
    monkeypatch.setattr(
        python_sources, "entry_points", lambda **wanted: EntryPoints([*points, points[2]]).select(**wanted)
    )


@pytest.mark.usefixtures("installed")
def test_an_entry_point_leads_to_a_module_or_a_function() -> None:
    assert [tool.name for tool in load("sums")] == ["sums__add", "sums__greet"]
    assert [tool.name for tool in load("greeting")] == ["greeting__greet"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "complaint"), [("none", "no such entry point .*gone, greeting, sums"), ("gone", "2 packages have")]
)
def test_an_entry_point_that_is_no_use_is_named(name: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load(name)


def test_names_begin_with_the_files_or_the_entry_points() -> None:
    assert (space("/some/where/weather.py"), space("my.tools")) == ("weather", "my_tools")
