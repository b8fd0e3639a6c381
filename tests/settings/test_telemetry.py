"""The settings of what is seen from outside."""

from pathlib import Path

import pytest

from qwenproxy.settings import Settings, load


def test_metrics_are_on_and_nothing_is_sent_anywhere() -> None:
    found = Settings()
    assert (found.metrics, found.otel, found.otel_content) == (True, False, False)


@pytest.mark.parametrize(("text", "place"), [("off", "off"), ("", ""), ("u.db", "/cwd/u.db"), ("/u.db", "/u.db")])
def test_the_place_of_the_usage_is_a_path_or_off(text: str, place: str) -> None:
    assert load({"QWENPROXY_USAGE": text}, Path("/cwd")).usage == place
