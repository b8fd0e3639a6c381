"""What is a chat completion request, and what a wrong one hears."""

import re
import string
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenproxy.depth import DEEPEST
from qwenproxy.endpoints.validation import OTHER, validate
from qwenproxy.errors import INVALID_REQUEST, MISSING_PARAMETER, Failure, ProxyError
from qwenproxy.wire.openai import Json
from tests.endpoints.requests import GOOD, HI, ROLE, WRONG, asking, function


def nested(levels: int) -> bytes:
    """A request that is *levels* deep."""
    inner = b"[" * (levels - 1) + b"]" * (levels - 1)
    return b'{"model":"m","messages":[{"role":"user","content":"Hi"}],"extra":' + inner + b"}"


@pytest.mark.parametrize("request_", GOOD.values(), ids=GOOD)
def test_a_good_request_is_taken_as_it_is(request_: Json) -> None:
    assert validate(orjson.dumps(request_)) == request_


def test_the_order_of_the_keys_is_kept() -> None:
    body = b'{"zeta":1,"messages":[{"content":"Hi","role":"user"}],"model":"m"}'
    assert orjson.dumps(validate(body)) == body


NO_JSON = {
    "nothing": b"",
    "no JSON": b"model=gpt-4o",
    "half of it": b'{"model":"gpt-4o"',
    "no UTF-8": b'{"model":"\xff"}',
    "half a surrogate pair": b'{"model":"\\ud800"}',
    "not a number": b'{"temperature":NaN}',
    "an endless number": b'{"temperature":1e999}',
    "a bomb": b"[" * 1_000_000,
    "a closed bomb": b"[" * 1000 + b"]" * 1000,
    "a bomb in an extra field": nested(DEEPEST + 1),
}


@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
def test_what_cannot_be_read_is_an_invalid_request(body: bytes) -> None:
    with pytest.raises(ProxyError) as caught:
        validate(body)
    assert caught.value.failure is INVALID_REQUEST
    assert caught.value.param is None


def test_what_is_nested_as_deep_as_allowed_can_be_written_with_room_to_spare() -> None:
    asked = validate(nested(DEEPEST))
    orjson.dumps([[[[[[[[asked]]]]]]]])


@pytest.mark.parametrize(
    ("request_", "failure", "param"),
    WRONG,
    ids=[f"{param}-{failure.code}-{i}" for i, (_, failure, param) in enumerate(WRONG)],
)
def test_a_wrong_field_is_a_400_that_names_it(request_: Any, failure: Failure, param: str | None) -> None:
    with pytest.raises(ProxyError) as caught:
        validate(orjson.dumps(request_))
    error = caught.value
    assert (error.failure, error.param) == (failure, param)
    assert error.status == 400
    assert error.message.startswith(f"'{param}' " if param else "The request body must be an object")


WORDS = [
    (asking(temperature=3), "'temperature' must be at most 2, not 3."),
    (asking(stop=5), "'stop' must be a string or an array, not an integer."),
    (asking(tool_choice=5), "'tool_choice' must be 'none', 'auto' or 'required' or an object, not an integer."),
    (asking(verbosity="max"), "'verbosity' must be 'low', 'medium' or 'high', not 'max'."),
    (asking(stop=["x"] * 5), "'stop' must be an array of 4 items at most, not one of 5."),
    (
        asking(tools=[function("f")], tool_choice=function("g")),
        "'tool_choice.function.name' is 'g', which is not among the 'tools'.",
    ),
    ({"model": "m"}, "'messages' is required, but missing."),
]


@pytest.mark.parametrize(("request_", "message"), WORDS, ids=[message for _, message in WORDS])
def test_an_error_says_what_is_wanted_and_what_came(request_: Json, message: str) -> None:
    with pytest.raises(ProxyError) as caught:
        validate(orjson.dumps(request_))
    assert caught.value.message == message


def test_an_error_does_not_repeat_a_long_value() -> None:
    with pytest.raises(ProxyError) as caught:
        validate(orjson.dumps(asking({"role": "x" * 100_000, "content": ""})))
    assert len(caught.value.message) < 300


def test_a_million_faults_are_one_error() -> None:
    with pytest.raises(ProxyError) as caught:
        validate(orjson.dumps(asking(*[{}] * 1_000_000)))
    assert caught.value.param == ROLE


@pytest.mark.parametrize("branch", ["user", "str", "function", "list[TextPart]"])
def test_a_field_called_like_a_branch_of_a_union_does_not_confuse(branch: str) -> None:
    with pytest.raises(ProxyError) as caught:
        validate(orjson.dumps(asking(HI | {branch: 1}, {"role": "user", branch: {}})))
    assert caught.value.failure is MISSING_PARAMETER


def refusal(body: bytes) -> ProxyError | None:
    try:
        validate(body)
    except ProxyError as e:
        return e
    return None


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of all that is in *value*."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, found in inner:
        yield (*path, step)
        yield from places(found, (*path, step))


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """*value* with *new* at *path*."""
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


def leads_into(param: str, value: Any) -> bool:
    """Whether *param* names a place in *value*, or a field that is missing there."""
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", param)]
    for step in steps[:-1]:
        value = value[step]
    return isinstance(value, dict) or (isinstance(value, list) and steps[-1] in range(len(value)))


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(string.printable)
VALUES = st.recursive(
    SCALARS | st.sampled_from(["user", "function", "text", "custom", "required"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "name", "x"]), inner),
    max_leaves=5,
)
ALTERED = st.sampled_from([(request, path) for request in GOOD.values() for path in places(request)])


@given(place=ALTERED, value=VALUES)
def test_whatever_stands_in_a_good_request_an_error_names_a_place_in_it(
    place: tuple[Json, tuple[str | int, ...]], value: Any
) -> None:
    altered = replaced(*place, value)
    error = refusal(orjson.dumps(altered))
    if error is not None:
        assert error.status == 400
        assert error.param is not None
        assert leads_into(error.param, altered)
        assert f"must be {OTHER[1]}," not in error.message


@given(body=VALUES.map(orjson.dumps) | st.binary(max_size=60))
def test_what_is_no_request_is_a_400(body: bytes) -> None:
    error = refusal(body)
    assert error is not None
    assert error.status == 400
