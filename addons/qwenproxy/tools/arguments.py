"""The arguments of a call, from the text that a model wrote."""

import orjson

from qwenproxy.wire.openai import Json

LARGEST = 256 << 10
DEEPEST = 64


def parsed(text: str) -> Json:
    """The arguments in *text*; none if it is empty.  Raises ValueError, in words for the model."""
    if len(text) > LARGEST:
        raise ValueError(f"the arguments have {len(text)} characters; at most {LARGEST} are taken")
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"the arguments are not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("the arguments are not a JSON object")
    if is_deep(value):
        raise ValueError(f"the arguments are nested more than {DEEPEST} levels deep")
    return value


def is_deep(value: object, most: int = DEEPEST) -> bool:
    """Whether *value* has more than *most* levels; without recursion, which has limits of its own."""
    level: list[object] = [value]
    for _ in range(most):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = inner
    return any(isinstance(each, dict | list) for each in level)
