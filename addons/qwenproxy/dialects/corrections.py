"""What an upstream's refusal teaches about a model: the same row with other values, by a table of known phrases.

The rulings then write a request without the fault.  A refusal that would change nothing teaches nothing, so that no
request goes round in circles.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from qwenproxy.models import Row

type Values = Mapping[str, Any]
type Lesson = Callable[[re.Match[str], Row], Values]


def learn(message: str, row: Row) -> Row | None:
    """The row that *message* teaches; None if it teaches nothing new.  Every phrase that is found counts."""
    learned = row
    for pattern, lesson in LESSONS:
        if found := pattern.search(message):
            learned = replace(learned, **lesson(found, learned))
    return None if learned == row else learned


def difference(old: Row, new: Row) -> tuple[str, ...]:
    """What is other in *new*, as "max_output=8192"."""
    names = [spec.name for spec in fields(Row)]
    return tuple(f"{n}={_written(getattr(new, n))}" for n in names if getattr(old, n) != getattr(new, n))


def _written(value: Any) -> str:
    if isinstance(value, Mapping | frozenset):
        return "+".join(sorted(value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _now(**values: Any) -> Lesson:
    return lambda found, row: values


def _at_most(name: str) -> Lesson:
    """The upper end of a range; only a smaller one than known teaches anything."""

    def lesson(found: re.Match[str], row: Row) -> Values:
        told, known = int(found[1]), getattr(row, name)
        return {name: told} if told > 0 and (known is None or told < known) else {}

    return lesson


def _awake(row: Row) -> Values:
    """A model that was taken for one that does not think by itself does so."""
    return {"thinking": "on"} if row.thinking in ("never", "off") else {}


def _choice_while_thinking(found: re.Match[str], row: Row) -> Values:
    """First without thinking; if it did not think as far as we know, it does; if that was known, without the choice."""
    if row.forced_choice_while_thinking:
        return {"forced_choice_while_thinking": False, **_awake(row)}
    return _awake(row) or ({} if row.thinking == "always" else {"required_choice": False, "named_choice": False})


def _top_p(found: re.Match[str], row: Row) -> Values:
    """The upper end; 1 is then no part of the range, whatever the bracket says: nothing above is ever sent."""
    return {"max_top_p": min(row.max_top_p, float(found[1]) or 1, 0.99)}


def _choices_while_thinking(found: re.Match[str], row: Row) -> Values:
    return _awake(row) or {"max_choices": 1}


def _json_while_thinking(found: re.Match[str], row: Row) -> Values:
    return {"json_while_thinking": False, **_awake(row)}


def _streamed_thinking(found: re.Match[str], row: Row) -> Values:
    return {"thinks_only_streaming": True, **_awake(row)}


def _format(found: re.Match[str], row: Row) -> Values:
    """No schemas; if none were sent, no JSON mode either."""
    return {"json_schema": False} if row.json_schema else {"json_object": False}


def _other_service(found: re.Match[str], row: Row) -> Values:
    """DashScope's native protocol has two addresses, and a model is served at one of them."""
    return {"multimodal": not row.multimodal}


def _reserved(found: re.Match[str], row: Row) -> Values:
    names = {name.strip(" '\"") for name in found[1].split(",")}
    return {"reserved_names": row.reserved_names | names - {""}}


NOT = r"(?:does|do|is|are)?\s*(?:not|n't|un)[ -]?(?:currently )?(?:support|allow|accept|permit)\w*"
"""Ways to say "not supported"."""


def _phrase(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("NOT", NOT), re.IGNORECASE | re.DOTALL)


NEITHER = _now(required_choice=False, named_choice=False)
NO_JSON = _now(json_schema=False, json_object=False)

LESSONS: tuple[tuple[re.Pattern[str], Lesson], ...] = (
    (_phrase(r"range of max_(?:completion_)?tokens should be \[\s*\d+\s*,\s*(\d+)"), _at_most("max_output")),
    (_phrase(r"max_(?:completion_)?tokens.{0,60}\bat most (\d+)"), _at_most("max_output")),
    (_phrase(r"max_completion_tokens\W{0,3}(?:parameter )?NOT"), _now(max_completion_tokens=False)),
    (_phrase(r"NOT.{0,20}max_completion_tokens"), _now(max_completion_tokens=False)),
    (_phrase(r"thinking_budget.{0,60}not (?:be )?(?:greater|larger|more) than (\d+)"), _at_most("max_thinking")),
    (_phrase(r"thinking_budget\W{0,3}(?:parameter )?NOT"), _now(max_thinking=0)),
    (_phrase(r"reasoning_effort\W{0,3}(?:parameter )?NOT"), _now(efforts=None)),
    (_phrase(r"tool_choice.{0,90}thinking mode"), _choice_while_thinking),
    (_phrase(r"thinking mode NOT this tool_choice"), _choice_while_thinking),
    (_phrase(r"tool_choice.{0,60}should be \[?\W?none\W{1,4}auto"), NEITHER),
    (_phrase(r"tool_choice(?!.{0,90}thinking).{0,40}NOT.{0,40}\brequired"), _now(required_choice=False)),
    (_phrase(r"tool_choice(?!.{0,90}thinking).{0,40}NOT.{0,40}\b(?:object|function)"), _now(named_choice=False)),
    (_phrase(r"tool_choice.{0,10}\brequired\W{0,3}NOT"), _now(required_choice=False)),
    (_phrase(r"tool names are not allowed to be \[([^\]]*)\]"), _reserved),
    (_phrase(r"must be set to false for non-streaming"), _streamed_thinking),
    (_phrase(r"thinking.{0,40}NOT.{0,20}stream\W+(?:is |= ?)?false"), _streamed_thinking),
    (_phrase(r"only supports? (?:the )?stream"), _now(streams_only=True)),
    (_phrase(r"enable_thinking.{0,40}restricted to true"), _now(thinking="always")),
    (_phrase(r"enable_thinking.{0,40}restricted to false"), _now(thinking="never")),
    (_phrase(r"enable_thinking\W{0,3}(?:parameter )?NOT(?!.{0,40}stream)"), _now(thinking="never")),
    (_phrase(r"messages\W{0,3}must contain the word \W?json"), _now(json_word=True)),
    (_phrase(r"json mode.{0,40}NOT.{0,40}thinking"), _json_while_thinking),
    (_phrase(r"json mode(?: response)? NOT(?!.{0,40}thinking)"), NO_JSON),
    (_phrase(r"response_format\W{0,3}(?:parameter )?NOT"), NO_JSON),
    (_phrase(r"unknown response_format"), _format),
    (_phrase(r"json_schema.{0,60}NOT|NOT.{0,40}json_schema"), _now(json_schema=False)),
    (_phrase(r"response_format.{0,20}must be(?!.*json_schema)"), _now(json_schema=False)),
    (_phrase(r"response_format.{0,20}must be(?!.*json_object)"), _now(json_object=False)),
    (_phrase(r"(?:unknown|NOT).{0,20}(?:parameters|response)_?json_?schema"), _now(schema_as_is=False)),
    (
        _phrase(r"oneof field .?data.? is already set|(?:unknown|duplicate).{0,20}inline_?data"),
        _now(inline_twice=False),
    ),
    (_phrase(r"\b(?:top_)?logprobs\W{0,3}(?:parameter )?NOT|NOT.{0,20}logprobs"), _now(logprobs=False)),
    (_phrase(r"range of n should be \[?\s*1\s*,\s*(\d+)"), _at_most("max_choices")),
    (_phrase(r"\bn (?:must|should) be (?:set to )?1\b.{0,20}thinking"), _choices_while_thinking),
    (_phrase(r"\bonly n\s*=\s*1\b|\bn (?:must|should) be (?:set to )?1\b(?!.{0,20}thinking)"), _now(max_choices=1)),
    (_phrase(r"range of top_p should be \(\s*0(?:\.0)?\s*,\s*([01](?:\.\d+)?)\s*[\])]"), _top_p),
    (_phrase(r"system message must be (?:at the beginning|the first)"), _now(system_first=True)),
    (_phrase(r"system (?:role|messages?) NOT|NOT.{0,10}system (?:role|messages?)"), _now(system=False)),
    (_phrase(r"input content must be a string"), _now(flat_text=True)),
    (_phrase(r"\burl error\W{1,4}(?:please )?check (?:the |your )?url"), _other_service),
)
