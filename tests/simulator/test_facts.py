"""What is found in a prompt."""

import pytest

from qwenproxy.simulator.facts import LOOKED_AT, facts_of


@pytest.mark.parametrize(
    ("prompt", "names"),
    [
        ("What is the weather in Riga?", ["Riga"]),
        ("Riga and Oslo", ["Riga", "Oslo"]),
        ("Weather in New York and São Paulo", ["New York", "São Paulo"]),
        ("Compare Riga with Riga", ["Riga"]),
        ("Tell Anna O'Neill", ["Anna O'Neill"]),
        ("the weather in riga", ["riga"]),
        ("in 5 minutes", []),
        ("Any flights to Riga", ["Riga"]),
        ("Riga?", ["Riga"]),
        ("Hello", []),
        ("", []),
    ],
)
def test_names(prompt: str, names: list[str]) -> None:
    assert facts_of(prompt).names == names


@pytest.mark.parametrize(
    ("prompt", "items"),
    [
        ("Riga and Oslo", ["Riga", "Oslo"]),
        ("Riga, Oslo, and New York", ["Riga", "Oslo", "New York"]),
        ("in Riga or in Oslo", ["Riga", "Oslo"]),
        ("Riga & Oslo; Bern", ["Riga", "Oslo", "Bern"]),
        ("riga and oslo", []),
        ("in riga and oslo", ["riga", "oslo"]),
        ("Anna lives in Riga", []),
    ],
)
def test_items_are_names_in_a_row(prompt: str, items: list[str]) -> None:
    assert facts_of(prompt).items == items


@pytest.mark.parametrize(
    ("prompt", "numbers"),
    [("add 2 and 3.5", [2, 3.5]), ("from -4 to 10.", [-4, 10]), ("v2 of a1b", []), ("1.2.3", []), ("9" * 400, [])],
)
def test_numbers(prompt: str, numbers: list[float]) -> None:
    assert facts_of(prompt).numbers == numbers


@pytest.mark.parametrize(
    ("prompt", "quotes"),
    [('say "hello"', ["hello"]), ("say 'hello you'", ["hello you"]), ("run `ls -l`", ["ls -l"]), ("it's Anna's", [])],
)
def test_quotes(prompt: str, quotes: list[str]) -> None:
    assert facts_of(prompt).quotes == quotes


def test_only_the_beginning_of_a_long_prompt_is_looked_at() -> None:
    assert facts_of("a" * LOOKED_AT + " Riga").names == []
