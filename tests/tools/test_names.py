"""Names of tools."""

import pytest

from qwenproxy.tools import names

NAMES = {
    "plain": ("time", "now", "time__now"),
    "other characters": ("time", "get.the time/now", "time__get_the_time_now"),
    "64": ("s" * 30, "t" * 32, "s" * 30 + "__" + "t" * 32),
}


@pytest.mark.parametrize(("space", "name", "full"), NAMES.values(), ids=NAMES)
def test_a_name_begins_with_whose_it_is(space: str, name: str, full: str) -> None:
    assert names.spaced(space, name) == full
    assert names.is_name(full)


def test_names_that_are_too_long_stay_apart() -> None:
    one, other = names.spaced("s", "t" * 100 + "1"), names.spaced("s", "t" * 100 + "2")
    assert one != other
    assert names.is_name(one)
    assert names.is_name(other)


@pytest.mark.parametrize(
    ("text", "space"), [("my-server", "my-server"), ("a b.c", "a_b_c"), ("  ", "tools"), ("ä", "tools")]
)
def test_any_text_gives_a_namespace(text: str, space: str) -> None:
    assert names.namespace(text) == space


@pytest.mark.parametrize("text", ["", "a b", "a.b", "x" * 65, "é"])
def test_what_openai_does_not_take_is_no_name(text: str) -> None:
    assert not names.is_name(text)


MATCHES = [("files__read", ["files__*"], True), ("files__read", ["file", "*__read"], True), ("a", ["A"], False)]
MATCHES += [("a", [], False), ("a1", ["a?"], True)]


@pytest.mark.parametrize(("name", "patterns", "is_one"), MATCHES)
def test_patterns_stand_for_many(name: str, patterns: list[str], is_one: bool) -> None:
    assert names.matches(name, patterns) is is_one


CLASHES = {
    "the same": ([("time", "time.py"), ("time", "MCP server time")], "time.py and MCP server time"),
    "one within the other": ([("a", "a.py"), ("a__b", "MCP server a__b")], "a.py and MCP server a__b"),
    "none": ([("a", "a.py"), ("ab", "ab.py"), ("a_b", "a_b.py")], ""),
}


@pytest.mark.parametrize(("spaces", "named"), CLASHES.values(), ids=CLASHES)
def test_two_sources_that_could_give_one_name_are_both_named(spaces: list[tuple[str, str]], named: str) -> None:
    assert (named in names.clash(spaces)) if named else (names.clash(spaces) == "")
