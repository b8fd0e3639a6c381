"""The `input` of an embeddings request: a text, a list of texts, token ids, or a list of lists of them.

What is wrong with one input is told by its place, `input[3]`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Never

from qwenproxy.endpoints.token_ids import text_of
from qwenproxy.endpoints.validation import TYPES
from qwenproxy.errors import INVALID_TYPE, INVALID_VALUE, ProxyError
from qwenproxy.wire.openai import Json

MOST = 2_048
"""Inputs in one request, by OpenAI's own rule."""
MEDIA = ("text", "image", "video", "multi_images")
"""What an object among the inputs may hold: Qwen's own items, for models that see."""
WANTED = "a string, an array of strings, an array of token ids, or an array of such arrays"


class Input(NamedTuple):
    """One input: a text, or an object for a model that sees.  `tokens`: how many ids it came as, if it came as ids."""

    content: str | Json
    tokens: int | None = None


def inputs(value: Any) -> list[Input]:
    """The inputs that *value*, the field `input`, holds.  Raises ProxyError."""
    if isinstance(value, str | dict):
        return [_input(value, "input")]
    if not isinstance(value, list):
        _wrong("input", WANTED, value)
    if not value:
        _empty("input")
    if type(value[0]) is int:
        return [_input(value, "input")]
    if len(value) > MOST:
        message = f"'input' must be an array of {MOST} items at most, not one of {len(value)}."
        raise ProxyError(INVALID_VALUE, message, param="input")
    return [_input(one, f"input[{place}]") for place, one in enumerate(value)]


def _input(value: Any, param: str) -> Input:
    read = READERS.get(type(value))
    if read is None:
        _wrong(param, "a string or an array of token ids", value)
    if not value:
        _empty(param)
    return read(value, param)


def _text(value: str, param: str) -> Input:
    return Input(value)


def _ids(value: Sequence[Any], param: str) -> Input:
    for place, one in enumerate(value):
        if type(one) is not int:
            _wrong(f"{param}[{place}]", "a token id", one)
    return Input(text_of(value, param), len(value))


def _item(value: Json, param: str) -> Input:
    if not value.keys() & set(MEDIA):
        message = f"'{param}' must be a string, or hold one of {', '.join(MEDIA)}, which models that see take."
        raise ProxyError(INVALID_VALUE, message, param=param)
    return Input(value)


READERS: Mapping[type, Callable[[Any, str], Input]] = {str: _text, list: _ids, dict: _item}


def _wrong(param: str, wanted: str, value: Any) -> Never:
    raise ProxyError(INVALID_TYPE, f"'{param}' must be {wanted}, not {TYPES[type(value)]}.", param=param)


def _empty(param: str) -> Never:
    raise ProxyError(INVALID_VALUE, f"'{param}' must not be empty: there is nothing in it to embed.", param=param)
