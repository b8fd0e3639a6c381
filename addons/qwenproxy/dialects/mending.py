"""Mends a tool call's arguments that are no JSON object, once all of them are there.

Every function is pure and either gives a JSON object or says that it cannot.
"""

import re
from typing import Any

import orjson

from qwenproxy import depth
from qwenproxy.dialects.scanner import Scanner
from qwenproxy.wire.openai import Json

_TOKEN = re.compile(
    r"""
      "(?:[^"\\]++|\\.)*+"?
    | '(?:[^'\\]++|\\.)*+'?
    | [A-Za-z_$][\w$]*+(?=\s*:)
    | \b(?:True|False|None)\b
    | ,(?=\s*+[}\]])
    """,
    re.DOTALL | re.VERBOSE,
)
_CONTROL = re.compile(r"[\x00-\x1f]")
_QUOTED = re.compile(r"\\.|\"|[\x00-\x1f]", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>\s]++)\s*+>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null", ",": ""}
_NOTHING = frozenset({"", "null", "None", "[]", '""', "undefined"})

_STRING_ENDS = tuple(f"{rest}{end}" for end in ('"', '":null') for rest in ("", "\\", "0", "00", "000", "0000"))
_VALUE_ENDS = ("", "null", ":null", "0", "rue", "ue", "e", "alse", "lse", "se", "ull", "ll", "l")
"""What may be missing where a text was cut off; the first that makes it JSON is taken."""


def is_object(text: str) -> bool:
    return isinstance(_json(text), dict)


def closed(text: str) -> str | None:
    """*text*, which stops before its end, made a JSON object by additions only (a last comma may go)."""
    scanner = Scanner()
    if scanner.feed(text) < len(text):
        return None
    if not scanner.in_string:
        text = text.rstrip().removesuffix(",")
    ends = _STRING_ENDS if scanner.in_string else _VALUE_ENDS
    whole = (text + end + scanner.closers for end in ends)
    return next((candidate for candidate in whole if is_object(candidate)), None)


def mended(text: str) -> str | None:
    """*text* as the JSON object it was meant to be: in other words or in other wrapping."""
    text = text.strip()
    if text in _NOTHING:
        return "{}"
    if (inner := _json(text)) is not None:  # some other value; a string may hold the object
        return _tidied(inner if isinstance(inner, str) else text)
    if text.startswith("{"):
        return _tidied(text) or _tidied(text[: text.rfind("}") + 1])
    if (values := parameters(text)) is not None:
        return orjson.dumps(values).decode()
    return _tidied(text[text.find("{") : text.rfind("}") + 1])


def parameters(text: str) -> Json | None:
    """The values of `<parameter=name>value</parameter>`, as Qwen's coder models write calls; None if there are none.

    Nothing in the text tells the string "5" from the number: a value that is JSON is taken for what it says.
    """
    found = {name: _value(value) for name, value in _PARAMETER.findall(text)}
    return found or None


def _value(text: str) -> Any:
    text = text.removeprefix("\n").removesuffix("\n")
    value = _json(text)
    return text if value is None and text.strip() != "null" else value


def _tidied(text: str) -> str | None:
    """*text* with Python's words and quotes, bare keys, raw line breaks and needless commas put right."""
    if is_object(text):
        return text
    tidy = _TOKEN.sub(_token, text)
    return tidy if is_object(tidy) else closed(tidy)


def _token(match: re.Match[str]) -> str:
    token = match[0]
    if token in _WORDS:
        return _WORDS[token]
    if token[0] == '"':
        return _CONTROL.sub(_escape, token)
    if token[0] == "'":
        body = token[1:-1] if token[-1] == "'" else token[1:]
        return f'"{_QUOTED.sub(_escape, body)}"'
    return f'"{token}"'


def _escape(match: re.Match[str]) -> str:
    sign = match[0]
    if sign[0] == "\\":
        return "'" if sign == "\\'" else sign
    return orjson.dumps(sign).decode()[1:-1]


def _json(text: str) -> Any:
    """The value that *text* is in JSON; None if it is none."""
    try:
        return depth.loads(text)
    except ValueError:
        return None
