"""Where the state is."""

from pathlib import Path

import pytest

from qwenproxy.settings import load
from qwenproxy.shared.place import shared
from qwenproxy.state.place import path_of, store, usage, usage_path
from qwenproxy.state.redis_store import RedisStore
from qwenproxy.state.redis_usage import RedisUsage

PLACES = {
    "at home": ({"HOME": "/home/me"}, "/home/me/.local/state/qwenproxy/state.db"),
    "where state belongs": ({"HOME": "/h", "XDG_STATE_HOME": "/var/s"}, "/var/s/qwenproxy/state.db"),
    "a relative folder does not count": ({"HOME": "/h", "XDG_STATE_HOME": "s"}, "/h/.local/state/qwenproxy/state.db"),
    "what is one machine's own beside a Redis": (
        {"HOME": "/home/me", "QWENPROXY_STATE": "redis://h"},
        "/home/me/.local/state/qwenproxy/state.db",
    ),
    "where it was said": ({"HOME": "/h", "QWENPROXY_STATE": "my.db"}, "/cwd/my.db"),
}


@pytest.mark.parametrize("name", PLACES)
def test_the_place(name: str) -> None:
    environ, place = PLACES[name]
    assert str(path_of(load(environ, Path("/cwd")), environ)) == place


async def test_what_machines_share_is_kept_there(tmp_path: Path) -> None:
    settings = load({"HOME": str(tmp_path), "QWENPROXY_STATE": "redis://h"}, tmp_path)
    assert isinstance(store(settings, {}, shared(settings)), RedisStore)


@pytest.mark.parametrize(("state", "there"), [("off", False), ("memory", True), ("", True)])
def test_nothing_is_opened_before_it_is_needed(tmp_path: Path, state: str, there: bool) -> None:
    environ = {"HOME": str(tmp_path), "QWENPROXY_STATE": state}
    assert (store(load(environ, tmp_path), environ) is not None) is there
    assert not list(tmp_path.iterdir())


USAGES = {
    "at home": ({"HOME": "/home/me"}, "/home/me/.local/state/qwenproxy/usage.db"),
    "beside the state": ({"HOME": "/h", "QWENPROXY_STATE": "/s/my.db"}, "/s/usage.db"),
    "where it was said": ({"HOME": "/h", "QWENPROXY_USAGE": "my.db", "QWENPROXY_STATE": "off"}, "/cwd/my.db"),
    "nowhere": ({"HOME": "/h", "QWENPROXY_USAGE": "off"}, "None"),
    "nowhere, as the state": ({"HOME": "/h", "QWENPROXY_STATE": "off"}, "None"),
    "not in memory, which nobody else could read": ({"HOME": "/h", "QWENPROXY_STATE": "memory"}, "None"),
}


@pytest.mark.parametrize("name", USAGES)
def test_the_place_of_the_usage(name: str) -> None:
    environ, place = USAGES[name]
    found = load(environ, Path("/cwd"))
    assert str(usage_path(found, environ)) == place
    assert (usage(found, environ) is None) == (place == "None")


@pytest.mark.parametrize(("named", "shared"), [("", True), ("my.db", False), ("off", False)])
def test_machines_share_the_usage_unless_it_has_a_place_of_its_own(named: str, shared: bool) -> None:
    environ = {"HOME": "/h", "QWENPROXY_STATE": "redis://:pw@h", "QWENPROXY_USAGE": named}
    found = usage(load(environ, Path("/cwd")), environ)
    assert isinstance(found, RedisUsage) is shared
    assert "pw" not in repr(found)
