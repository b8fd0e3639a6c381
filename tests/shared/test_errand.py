"""One step on a Redis, by whoever may wait."""

import socket
import time
from pathlib import Path

import pytest

from qwenproxy.shared import errand
from qwenproxy.shared.link import Away
from qwenproxy.shared.script import Script
from tests.support.services import free_port, needs, redis_server

SERVICES, REDIS = needs("redis-server")
ECHO = Script("return ARGV[1]")


@SERVICES
@REDIS
async def test_it_says_what_the_script_returns_or_why_not(tmp_path: Path) -> None:
    async with redis_server(tmp_path, password="pw") as server:
        assert errand.run(server.url, "pw", ECHO, ("a",)) == b"a"
        with pytest.raises(Away, match=rf"{server.url} cannot be reached: .*invalid username-password") as caught:
            errand.run(server.url, "hidden", ECHO, ("a",))
        assert "hidden" not in str(caught.value)


def test_where_there_is_none_that_is_said_at_once() -> None:
    with pytest.raises(Away, match="cannot be reached"):
        errand.run(f"redis://127.0.0.1:{free_port()}/0", "", ECHO, ())


def test_one_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errand, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with pytest.raises(Away, match="cannot be reached"):
            errand.run(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", "", ECHO, ())
        assert time.monotonic() - began < 30
