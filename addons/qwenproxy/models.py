"""Model families as rows: what each can do, its limits and oddities.  The first pattern that fits wins.

A branch on a model's name anywhere else is a missing row.  What an upstream's refusal teaches about a model is the same
row with another value in it (`dataclasses.replace`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

type Thinking = Literal["never", "off", "on", "always"]
"""Whether a model thinks when not asked: it cannot; it can but does not; it does but need not; it cannot be stopped."""

type Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class Row:
    """One model family.  Sizes are in tokens."""

    context: int = 262_144
    max_output: int = 32_768
    thinking: Thinking = "off"
    efforts: Mapping[str, str] | None = None
    """OpenAI's `reasoning_effort` -> the model's own words; None: efforts become thinking budgets."""
    thinks_only_streaming: bool = False
    """Thinking needs a streamed call (open-weight Qwen3, QwQ, QVQ)."""
    streams_only: bool = False
    """Every call must be streamed (omni)."""
    forced_choice_while_thinking: bool = False
    """Takes `tool_choice` required or named while it thinks."""
    required_choice: bool = True
    """Takes `tool_choice: "required"` at all."""
    vision: bool = False
    audio: bool = False
    video: bool = False
    files: bool = False
    json_schema: bool = True
    json_word: bool = True
    """`json_object` needs the word "json" in the messages."""
    json_while_thinking: bool = True
    flat_text: bool = False
    """Text-only content must be a string, not a list of parts."""
    system_first: bool = True
    """One system message, in front."""
    system: bool = True
    """Takes a system message at all."""
    max_choices: int = 1
    """`n` that the model takes in one call; more is more calls."""
    logprobs: bool = False
    max_completion_tokens: bool = False
    """Takes `max_completion_tokens`, which counts thinking too."""
    completions: bool = False
    """Fills in the middle, by the legacy completions."""
    source: str = ""
    """Where the figures are from, and when they were read."""


FAMILIES: tuple[tuple[str, Row], ...] = (("*", Row()),)


def row_of(model: str) -> Row:
    """The row of *model*, by the upstream's own name for it."""
    return next(row for pattern, row in FAMILIES if fnmatchcase(model.lower(), pattern))
