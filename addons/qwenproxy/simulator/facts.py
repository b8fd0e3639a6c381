"""What a prompt holds that a tool or a form can use: names, numbers, quoted words."""

import re
from itertools import pairwise
from typing import NamedTuple

STARTING_WORDS = """
a add an and answer are ask at book calculate call can check compare compute convert could create describe do does
explain fetch find for get give hello hey hi how i if in is it let list look make my of on open or please read run say
search send set show tell thanks the then there this to translate use was weather what what's when where which who why
will with would write you
"""
STARTERS = frozenset(STARTING_WORDS.split())
"""Words that are no names though a sentence that starts with one writes it with a capital."""

LOOKED_AT = 10_000
"""Characters."""

NAME = re.compile(r"[^\W\d_a-z][\w'’-]*(?:\s+[^\W\d_a-z][\w'’-]*)*")
JOINED = re.compile(r"\s*(?:,|;|&|\band\b|\bor\b)\s*(?:(?:and|or|in|for|at|of|to)\s+)*")
SENTENCE = re.compile(r"[.!?:\n]\W*$")
PLACE = re.compile(r"\b(?:in|for|at|of)\s+(\w+)(?:\s*(?:,|and|or)\s+(\w+))?")
NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?:\.\d{1,15})?(?!\w|\.\d)")
FORMULA = re.compile(r"[(\d][\d\s().]{0,40}(?:(?:\*\*|[-+*/^%×÷]|mod\b)\s{0,4}[(\d][\d\s().]{0,40}){1,40}")
"""Arithmetic, as people write it."""
QUOTED = re.compile(r"\"([^\"]+)\"|“([^”]+)”|`([^`]+)`|(?<!\w)'([^']+)'(?!\w)")


class Facts(NamedTuple):
    """What one prompt holds, each in its order; `items` are the names that it lists ("Riga and Oslo").

    `formula`: the arithmetic in it, "" for none.
    """

    text: str
    names: list[str]
    items: list[str]
    numbers: list[float]
    quotes: list[str]
    formula: str = ""


class Found(NamedTuple):
    """A name and its place; `opens`: it may be one only because it opens a sentence."""

    name: str
    start: int
    end: int
    opens: bool


def facts_of(prompt: str) -> Facts:
    """The facts of *prompt*, of its first part if it is long."""
    prompt = prompt[:LOOKED_AT]
    found = _found(prompt)
    items = _items(prompt, found) if found else _places(prompt)
    sure = [*items, *(one.name for one in found if not one.opens)] or [one.name for one in found]
    quotes = ["".join(quote) for quote in QUOTED.findall(prompt)]
    numbers = [float(number) for number in NUMBER.findall(prompt)]
    formula = FORMULA.search(prompt)
    told = formula[0].strip() if formula else ""
    return Facts(prompt, list(dict.fromkeys(sure)), list(dict.fromkeys(items)), numbers, quotes, told)


def _found(prompt: str) -> list[Found]:
    """Proper names, by their capitals."""
    found: list[Found] = []
    for match in NAME.finditer(prompt):
        words = match[0].split()
        name = " ".join(_without_starters(words))
        before = prompt[max(0, match.start() - 4) : match.start()] if match.start() else "\n"
        opens = len(words) == len(name.split()) and SENTENCE.search(before) is not None
        found += [Found(name, match.end() - len(name), match.end(), opens)] if name else []
    return found


def _without_starters(words: list[str]) -> list[str]:
    while words and words[0].lower() in STARTERS:
        words = words[1:]
    return words


def _items(prompt: str, found: list[Found]) -> list[str]:
    """The names that stand in a row."""
    pairs = [(a, b) for a, b in pairwise(found) if JOINED.fullmatch(prompt, a.end, b.start)]
    return [one.name for pair in pairs for one in pair]


def _places(prompt: str) -> list[str]:
    """Without capitals: the words after "in" and the like."""
    words = [word for found in PLACE.findall(prompt) for word in found if word and word.lower() not in STARTERS]
    return [word for word in words if not word.isdigit()]
