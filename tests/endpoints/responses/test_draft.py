"""What is left out of a request."""

import pytest

from qwenproxy.errors import UNSUPPORTED_TOOL, ProxyError
from tests.endpoints.responses.asking import draft


def test_what_is_left_out_is_named_once() -> None:
    found = draft()
    found.leave_out("store")
    found.drop("store", "store", "nothing is stored")
    assert found.dropped == ["store"]


def test_what_would_change_the_answer_is_refused_if_that_is_wanted() -> None:
    with pytest.raises(ProxyError) as caught:
        draft(refuse=True).drop("tools.x", "tools[0].type", "nobody has it", UNSUPPORTED_TOOL)
    assert (caught.value.failure, caught.value.param) == (UNSUPPORTED_TOOL, "tools[0].type")
