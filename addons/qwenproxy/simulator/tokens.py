"""The scripted model's own tokens: pieces of text that add up to the text.  A few letters each, as real ones are."""

import re
from collections.abc import Iterator

PIECE = re.compile(r"\s?\w{1,7}|\s?[^\w\s]|\s")

STEP = 2
"""Tokens of a stream's event."""

SAMPLE = 100_000
"""Characters that are counted one by one."""


def pieces(text: str) -> list[str]:
    """*text* cut into tokens."""
    return PIECE.findall(text)


def steps(text: str) -> Iterator[list[str]]:
    """The tokens of *text* as a stream's events have them."""
    found = pieces(text)
    return (found[at : at + STEP] for at in range(0, len(found), STEP))


def count(text: str) -> int:
    """How many tokens *text* has; of a very long one its beginning tells."""
    counted = sum(1 for _ in PIECE.finditer(text[:SAMPLE]))
    return counted if len(text) <= SAMPLE else counted * len(text) // SAMPLE


def keep(text: str, limit: int) -> str:
    """The first *limit* tokens of *text*."""
    return "".join(pieces(text)[: max(0, limit)])
