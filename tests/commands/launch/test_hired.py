"""A proxy of the command's own, as a process."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwenproxy.commands.launch.hired import Hired, NotStarted, hire, plain


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    return tmp_path


@pytest.fixture
def hired(home: Path) -> Iterator[Hired]:
    found = hire(["--simulator", "--no-port"])
    yield found
    found.end()


def test_it_is_ready_and_when_it_is_ended_nothing_is_left(hired: Hired, home: Path) -> None:
    assert hired.place.trust.bundle.is_file()
    assert hired.place.port > 0
    assert (hired.place.reverse, hired.web, list(hired.warnings)) == ("", "", [])
    assert os.getsid(hired.process.pid) == hired.process.pid  # the terminal's signals are not for it
    hired.end()
    assert hired.facts is not None
    assert hired.facts["exchanges"] == 0
    assert hired.process.returncode == 0
    assert not list(home.glob("qwenproxy*"))


def test_one_that_was_killed_has_nothing_to_tell_and_leaves_nothing(hired: Hired, home: Path) -> None:
    hired.process.send_signal(signal.SIGKILL)
    hired.end()
    assert hired.facts is None
    assert not list(home.glob("qwenproxy*"))


def test_one_that_does_not_start_says_why() -> None:
    with pytest.raises(NotStarted, match=r"^unknown option: nonsense$") as caught:
        hire(["--simulator", "--set=nonsense=1"])
    assert caught.value.status == 2


def test_log_lines_lose_their_times() -> None:
    assert plain("12:34:56 W careful: 12:34:56 W\nmore\n") == ["careful: 12:34:56 W", "more"]
