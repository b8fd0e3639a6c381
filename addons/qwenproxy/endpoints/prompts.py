"""The `prompt` of a legacy completion: a text, a list of texts, token ids, or a list of lists of them."""

from typing import Any, Never

from qwenproxy.endpoints.token_ids import text_of
from qwenproxy.endpoints.validation import TYPES
from qwenproxy.errors import INVALID_TYPE, INVALID_VALUE, MISSING_PARAMETER, ProxyError

MOST = 128
"""Choices in one answer: those of all prompts together."""
WANTED = "a string, an array of strings, an array of token ids, or an array of such arrays"


def prompts(value: Any, choices: int) -> list[str]:
    """The prompts in *value*, each of which is answered by so many *choices*.

    What is wrong with one of them is told by its place, `prompt[3]`.  Raises ProxyError.
    """
    if value is None:
        message = "'prompt' is required: there is no text here that a model would begin by itself."
        raise ProxyError(MISSING_PARAMETER, message, param="prompt")
    if not isinstance(value, str | list):
        _wrong("prompt", WANTED, value)
    if isinstance(value, str) or (value and type(value[0]) is int):
        return [_prompt(value, "prompt")]
    if not value:
        _empty("prompt")
    if len(value) * choices > MOST:
        message = f"'prompt' asks for {len(value)} times {choices} choices; {MOST} at most are given in one answer."
        raise ProxyError(INVALID_VALUE, message, param="prompt")
    return [_prompt(one, f"prompt[{place}]") for place, one in enumerate(value)]


def _prompt(value: Any, param: str) -> str:
    if not isinstance(value, str | list):
        _wrong(param, "a string or an array of token ids", value)
    if not value:
        _empty(param)
    if isinstance(value, str):
        return value
    for place, one in enumerate(value):
        if type(one) is not int:
            _wrong(f"{param}[{place}]", "a token id", one)
    return text_of(value, param)


def _wrong(param: str, wanted: str, value: Any) -> Never:
    raise ProxyError(INVALID_TYPE, f"'{param}' must be {wanted}, not {TYPES[type(value)]}.", param=param)


def _empty(param: str) -> Never:
    raise ProxyError(INVALID_VALUE, f"'{param}' must not be empty: there is nothing in it to go on from.", param=param)
