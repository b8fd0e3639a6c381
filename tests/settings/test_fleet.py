"""The settings of several workers."""

from pathlib import Path

import pytest

from qwenproxy.settings import load


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("7.5", 7.5), ("86400", 86_400.0)])
def test_draining_has_its_time(text: str, seconds: float) -> None:
    assert load({"QWENPROXY_DRAIN_TIMEOUT": text}, Path("/")).drain_timeout == seconds


@pytest.mark.parametrize("text", ["-1", "long", "90000"])
def test_a_wrong_one_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="QWENPROXY_DRAIN_TIMEOUT: expected a number of seconds"):
        load({"QWENPROXY_DRAIN_TIMEOUT": text}, Path("/"))


def test_a_workers_number_is_no_setting() -> None:
    assert load({"QWENPROXY_WORKER": "2"}, Path("/")) == load({}, Path("/"))
