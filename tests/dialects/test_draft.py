"""What the rulings note on the way."""

import pytest

from qwenproxy.dialects.draft import Draft
from qwenproxy.errors import UNSUPPORTED_PARAMETER, ProxyError
from qwenproxy.models import Row


def draft(*, refuse: bool = False) -> Draft:
    return Draft({}, Row(), refuse)


def test_a_parameter_is_named_once() -> None:
    made = draft()
    made.leave_out("user")
    made.drop("user", "it is not asked for")
    assert made.ruled().dropped == ("user",)


@pytest.mark.parametrize("name", ["a\r\nx-evil: 1", "ü", "a b", "", "x" * 65])
def test_a_name_that_may_not_stand_in_a_header_is_not_told(name: str) -> None:
    made = draft()
    made.leave_out(name)
    assert made.ruled().dropped == ("unnamed",)


def test_what_would_change_the_answer_can_be_refused() -> None:
    with pytest.raises(ProxyError, match="logit_bias") as caught:
        draft(refuse=True).drop("logit_bias", "no such tokens")
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_PARAMETER, "logit_bias")


def test_what_is_honoured_in_part_is_noted_or_refused() -> None:
    made = draft()
    made.weaken("seed", "31 bits of it")
    assert made.ruled().changed == ("seed: 31 bits of it",)
    with pytest.raises(ProxyError, match="31 bits"):
        draft(refuse=True).weaken("seed", "31 bits of it")


@pytest.mark.parametrize(("row", "thinks", "streamed"), [(Row(), False, False), (Row(), True, True)])
def test_calls_that_think_are_streamed(row: Row, thinks: bool, streamed: bool) -> None:
    made = Draft({}, row, False)
    made.thinks = thinks
    assert made.ruled().stream is streamed


def test_models_that_only_stream_are_streamed() -> None:
    assert Draft({}, Row(streams_only=True), False).ruled().stream
