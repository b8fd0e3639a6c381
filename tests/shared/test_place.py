"""Whether there is a shared state, by the settings."""

from pathlib import Path

import pytest

from qwenproxy.settings import Settings, load
from qwenproxy.shared import place


def settings(state: str, **more: str) -> Settings:
    given = {f"QWENPROXY_{name.upper()}": text for name, text in more.items()}
    return load({"QWENPROXY_STATE": state, "HOME": "/h"} | given, Path("/"))


@pytest.mark.parametrize("state", ["", "memory", "off", "/some/file"])
def test_what_one_machine_keeps_is_not_shared(state: str) -> None:
    assert place.shared(settings(state)) is None
    place.check(settings(state), "a login")


def test_a_redis_is(caplog: pytest.LogCaptureFixture) -> None:
    found = place.shared(settings("redis://:hidden@h", state_keys="k" * 32))
    assert found is not None
    assert found.link.url == "redis://h"
    assert found.seal
    assert "hidden" not in repr(found)


def test_without_a_key_no_secret_is_shared() -> None:
    with pytest.raises(
        ValueError, match="QWENPROXY_STATE: to share a login through a Redis needs state_keys"
    ) as caught:
        place.check(settings("redis://:hidden@h"), "a login")
    assert place.MAKE_ONE in str(caught.value)
    assert "hidden" not in str(caught.value)
    place.check(settings("redis://h", state_keys="k" * 32), "a login")
