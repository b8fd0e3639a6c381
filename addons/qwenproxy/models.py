"""Model families as rows: what each can do, its limits and oddities.  The first pattern that fits wins.

A branch on a model's name anywhere else is a missing row.  What an upstream's refusal teaches about a model is the same
row with another value in it (`dataclasses.replace`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
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
    max_thinking: int | None = None
    """The largest `thinking_budget`; None: not known; 0: takes no budget."""
    opens_thinking: bool = False
    """Its template opens the thinking: where a server does not take it out, answers hold a closing `</think>` only."""
    unparted: bool = False
    """The server may leave the thinking in the answer, and thinks unless it is told not to."""
    keeps_thinking: bool = False
    """Reads the `reasoning_content` of earlier turns."""
    thinks_only_streaming: bool = False
    """Thinking needs a streamed call (open-weight Qwen3, QwQ, QVQ)."""
    streams_only: bool = False
    """Every call must be streamed (omni)."""
    forced_choice_while_thinking: bool = False
    """Takes `tool_choice` required or named while it thinks."""
    required_choice: bool = True
    """Takes `tool_choice: "required"` at all."""
    named_choice: bool = True
    """Takes a `tool_choice` that names a function at all."""
    reserved_names: frozenset[str] = frozenset({"search"})
    """Function names that the upstream refuses ("Tool names are not allowed to be [search]")."""
    vision: bool = False
    audio: bool = False
    audio_output: bool = False
    video: bool = False
    files: bool = False
    search: bool = True
    """Takes `enable_search`."""
    json_object: bool = True
    json_schema: bool = True
    json_word: bool = True
    """`json_object` needs the word "json" in the messages."""
    json_while_thinking: bool = True
    tools: bool = True
    """Takes functions."""
    multimodal: bool = False
    """DashScope's native protocol serves it as multimodal generation, not as text generation."""
    flat_text: bool = False
    """Text-only content must be a string, not a list of parts."""
    system_first: bool = True
    """One system message, in front."""
    system: bool = True
    """Takes a system message at all."""
    max_choices: int = 1
    """`n` that the model takes in one call, when it neither thinks nor has tools; more is more calls."""
    max_top_p: float = 1.0
    logprobs: bool = False
    max_completion_tokens: bool = False
    """Takes `max_completion_tokens`, which counts thinking too."""
    cache: bool = False
    """Keeps what stands before a `cache_control` mark, if it is told to (explicit cache)."""
    schema_as_is: bool = True
    """Takes JSON Schema in the contents format; else only that format's own, with types in capitals."""
    inline_twice: bool = True
    """Takes media in the contents format under both spellings of their field: many gateways read one of them only."""
    completions: bool = False
    """Fills in the middle, by the legacy completions."""
    extras: bool = False
    """Fields that nobody here knows are passed on."""
    source: str = ""
    """Where the figures are from, and when they were read."""


MILLION = 1_000_000
UNKNOWN = 16 * MILLION
"""A size that nobody has told us: nothing is clamped, the upstream decides."""

DOCS = "vendor docs (chat API reference, model cards) and qwen-code's tokenLimits.ts, 2026-11-22"
MEASURED = "third-party measurements of the live service, 2026-08 and 2026-09"

DEEPEST: Mapping[str, str] = {"low": "low", "medium": "medium", "high": "xhigh", "xhigh": "xhigh", "max": "xhigh"}
"""Qwen3.8 tells three efforts apart, the last being its default."""
HIGH_OR_MAX: Mapping[str, str] = {"low": "high", "medium": "high", "high": "high", "xhigh": "max", "max": "max"}

QWEN38 = Row(
    context=MILLION,
    max_output=131_072,
    thinking="on",
    efforts=DEEPEST,
    max_thinking=262_144,
    opens_thinking=True,
    keeps_thinking=True,
    vision=True,
    video=True,
    multimodal=True,
    max_completion_tokens=True,
    cache=True,
    source=f"{DOCS}; {MEASURED}",
)
QWEN37 = replace(QWEN38, max_output=65_536, efforts=None, source=DOCS)
QWEN35 = replace(QWEN37, keeps_thinking=False, max_thinking=81_920)
CODER = Row(context=MILLION, max_output=65_536, thinking="never", cache=True, source=DOCS)
PLUS = Row(context=MILLION, max_output=32_768, max_thinking=81_920, max_choices=4, cache=True, source=DOCS)
TURBO = replace(PLUS, context=131_072, max_output=16_384, max_thinking=38_912, cache=False)
OPEN = Row(
    context=131_072,
    max_output=16_384,
    thinking="on",
    max_thinking=38_912,
    thinks_only_streaming=True,
    json_while_thinking=False,
    max_choices=4,
    logprobs=True,
    source=DOCS,
)
"""Open weights: hybrid, thinking by default."""
REASONER = replace(OPEN, thinking="always", opens_thinking=True, max_choices=1, logprobs=False)
QWQ = replace(REASONER, max_output=8_192, streams_only=True, system=False)
SEEING = Row(
    max_output=32_768,
    max_thinking=81_920,
    vision=True,
    video=True,
    search=False,
    multimodal=True,
    logprobs=True,
    source=DOCS,
)
OMNI = Row(
    context=65_536,
    max_output=16_384,
    thinks_only_streaming=True,
    streams_only=True,
    vision=True,
    audio=True,
    audio_output=True,
    video=True,
    multimodal=True,
    source=DOCS,
)
OLD = Row(context=131_072, max_output=8_192, thinking="never", json_schema=False, source=DOCS)
OLD_SEEING = replace(OLD, vision=True, video=True, search=False, multimodal=True)
TASK = replace(OLD, tools=False, search=False, json_object=False)
"""For one task: translation, mathematics, reading pictures, hearing."""
GUEST = Row(thinking="on", keeps_thinking=True, json_word=False, source=f"{DOCS}; {MEASURED}")
"""Another vendor's model on the same hosts."""
DEEPSEEK = replace(GUEST, context=MILLION, max_output=393_216, efforts=HIGH_OR_MAX, json_word=True)
ANYTHING = Row(vision=True, audio=True, video=True, files=True, source="qwen-code's fallback, 2026-11-22")
"""Not known: nothing is refused here that the upstream might take."""

FAMILIES: tuple[tuple[str, Row], ...] = (
    ("qwen3.8-max*", replace(QWEN38, files=True)),
    ("qwen3.8-*", QWEN38),
    ("qwen3.[567]-omni*", replace(OMNI, context=262_144, max_output=65_536)),
    ("qwen3.[567]-ocr*", replace(SEEING, thinking="never", video=False, tools=False)),
    ("qwen3.[67]-max*", replace(QWEN37, vision=False, video=False)),
    ("qwen3.[67]-*", QWEN37),
    ("qwen3.5-*", QWEN35),
    ("qwen3-coder-plus*", CODER),
    ("qwen3-coder-flash*", CODER),
    ("qwen3-coder*", replace(CODER, context=262_144, cache=False)),
    ("qwen3-max*", replace(PLUS, context=262_144, max_output=65_536, max_choices=1)),
    ("qwen3-omni*thinking*", replace(OMNI, thinking="always", opens_thinking=True, audio_output=False)),
    ("qwen3-omni*", OMNI),
    (
        "qwen3-vl-*-thinking*",
        replace(
            SEEING,
            thinking="always",
            opens_thinking=True,
            thinks_only_streaming=True,
            json_while_thinking=False,
        ),
    ),
    ("qwen3-vl-*-instruct*", replace(SEEING, thinking="never")),
    ("qwen3-vl-plus*", replace(SEEING, cache=True)),
    ("qwen3-vl-*", SEEING),
    ("qwen3-asr*", replace(TASK, audio=True, multimodal=True)),
    ("qwen3-*-thinking*", replace(REASONER, max_output=32_768, max_thinking=81_920)),
    ("qwen3-*-instruct*", replace(OPEN, thinking="never", max_output=32_768)),
    ("qwen3-[0-9]*", OPEN),
    ("qwen3:*", OPEN),
    ("qwen-coder-turbo*", replace(OLD, completions=True)),
    ("qwen-coder*", OLD),
    ("qwen2.5-coder*", replace(OLD, completions=True)),
    ("qwen2.5-omni*", replace(OMNI, context=32_768, max_output=2_048, thinking="never")),
    ("qwen2.5-vl*", OLD_SEEING),
    ("qwen[12]*", OLD),
    ("qwen-omni*", replace(OMNI, context=32_768, max_output=2_048, thinking="never")),
    ("qwen-vl-ocr*", replace(TASK, context=34_096, max_output=4_096, vision=True, multimodal=True)),
    ("qwen-vl*", replace(OLD_SEEING, tools=False)),
    ("qwen-audio*", replace(TASK, audio=True, multimodal=True)),
    ("qwen-mt*", replace(TASK, context=16_384, system=False)),
    ("qwen-math*", replace(TASK, context=4_096, max_output=3_072)),
    ("qwen-plus-20*", replace(PLUS, logprobs=True)),
    ("qwen-plus*", PLUS),
    ("qwen-flash*", replace(PLUS, max_choices=1)),
    ("qwen-turbo-20*", replace(TURBO, logprobs=True)),
    ("qwen-turbo*", TURBO),
    ("qwen-max*", replace(OLD, context=32_768)),
    ("qwen-long*", replace(OLD, context=10 * MILLION)),
    ("qwq*", QWQ),
    ("qvq*", replace(QWQ, opens_thinking=False, vision=True, video=True, multimodal=True)),
    ("coder-model*", QWEN37),
    ("vision-model*", replace(SEEING, logprobs=False)),
    ("glm-5.2*", replace(GUEST, context=1_048_576, max_output=131_072, efforts=HIGH_OR_MAX, max_thinking=131_071)),
    ("glm-[0-9]*v*", replace(GUEST, context=202_752, max_output=16_384, vision=True)),
    ("glm-*", replace(GUEST, context=202_752, max_output=16_384)),
    (
        "deepseek-v4-*-[01][0-9][0-9][0-9]",
        replace(DEEPSEEK, efforts={**HIGH_OR_MAX, "low": "low"}, max_completion_tokens=True),
    ),
    ("deepseek-v4*", replace(DEEPSEEK, max_completion_tokens=True)),
    (
        "deepseek-r1*",
        replace(DEEPSEEK, context=131_072, max_output=16_384, thinking="always", opens_thinking=True, efforts=None),
    ),
    ("deepseek-*", replace(GUEST, context=131_072, max_output=65_536, thinking="off", json_word=True)),
    ("kimi-k3*", replace(GUEST, max_thinking=0, vision=True)),
    ("kimi-*", replace(GUEST, vision=True)),
    ("minimax-*", replace(GUEST, context=196_608, max_output=65_536, thinking="always", json_schema=False)),
    ("qwen*", replace(ANYTHING, thinking="on", multimodal=True)),
    ("*", replace(ANYTHING, context=UNKNOWN, max_output=UNKNOWN)),
)

OWNERS: tuple[tuple[str, str], ...] = (
    *((pattern, "qwen") for pattern in ("qwen*", "qwq*", "qvq*", "coder-model*", "vision-model*")),
    ("glm-*", "zhipu"),
    ("deepseek-*", "deepseek"),
    ("kimi-*", "moonshot"),
    ("minimax-*", "minimax"),
)
"""Who makes the models of a family."""

SILENT = re.compile(
    r"embedding|rerank|image|tts|realtime|livetranslate|gummy|^(wan|wanx|cosyvoice|paraformer|sambert|fun-|flux|z-)"
)
"""Names of what does not chat: it embeds, draws, speaks, or wants another protocol."""

MIXED_CASE = (("minimax-m", "MiniMax-M"),)
"""Names that are not written in lower case; names are case-sensitive upstream."""


def row_of(model: str) -> Row:
    """The row of *model*, by the upstream's own name for it, with or without a vendor in front ("Qwen/Qwen3-8B")."""
    return FAMILIES[_place(model)][1]


def canonical(model: str) -> str | None:
    """*model* as the upstream writes it, if it is a name of one of the families; None for all others."""
    if _place(model) == len(FAMILIES) - 1:
        return None
    if "/" in model:
        return model
    name = model.lower()
    return next((exact + name[len(low) :].upper() for low, exact in MIXED_CASE if name.startswith(low)), name)


def chats(model: str) -> bool:
    """Whether *model* answers chat requests, as far as its name tells."""
    return SILENT.search(bare(model)) is None


def owner_of(model: str) -> str:
    """Who makes *model*; "unknown" if nobody here knows."""
    return next((owner for pattern, owner in OWNERS if fnmatchcase(bare(model), pattern)), "unknown")


def bare(model: str) -> str:
    """*model* without a vendor in front, in lower case."""
    return model.lower().rpartition("/")[2]


@lru_cache(maxsize=1024)
def _place(model: str) -> int:
    name = bare(model)
    return next(index for index, (pattern, _) in enumerate(FAMILIES) if fnmatchcase(name, pattern))
