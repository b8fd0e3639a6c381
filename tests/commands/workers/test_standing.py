"""How workers are, as a launcher tells it to whoever may ask."""

import asyncio
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenproxy.commands.workers import standing


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a short name: that of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_RUNTIME_DIR": "/run/user/1", "HOME": "/h"}, "/run/user/1/qwenproxy"),
        ({"XDG_RUNTIME_DIR": "relative", "XDG_STATE_HOME": "/s", "HOME": "/h"}, "/s/qwenproxy"),
        ({"HOME": "/h"}, "/h/.local/state/qwenproxy"),
    ],
)
def test_the_place_is_the_users(environ: dict[str, str], folder: str) -> None:
    assert standing.folder(environ) == Path(folder)


async def say() -> standing.Json:
    return {"pid": 1, "workers": []}


async def test_the_user_alone_may_ask_and_hears_how_things_are(place: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": str(place)}
    async with standing.told(environ, say):
        path = place / "qwenproxy" / f"{os.getpid()}.workers"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert await asyncio.to_thread(standing.ask, environ) == [{"pid": 1, "workers": []}]
    assert standing.ask(environ) == []
    assert not path.exists()


def test_what_a_launcher_that_was_killed_has_left_is_cleared_away(place: Path) -> None:
    left = place / "qwenproxy" / "1.workers"
    left.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(left))
    assert standing.ask({"XDG_RUNTIME_DIR": str(place)}) == []
    assert not left.exists()


async def test_where_there_is_no_place_the_log_says_so(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    (place / "qwenproxy").write_text("a file")
    async with standing.told({"XDG_RUNTIME_DIR": str(place)}, say):
        pass
    assert "`qwenproxy status` will not show the workers" in caplog.text
