"""`qwenproxy logout`: what it removes, and what it says."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qwenproxy import cli
from qwenproxy.auth import lock
from tests.support.commands import Ended, Home, called

type Logout = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def logout(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Logout:
    """Calls it in this process."""
    monkeypatch.chdir(home.path)
    monkeypatch.setattr(lock, "ATTEMPTS", 2)  # half a minute of patience is too much here

    def call(*words: str, **settings: str) -> Ended:
        for name, value in home.environ(**settings).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["logout", *words])
        return Ended(int(str(caught.value.code)), *capsys.readouterr())

    return call


def test_the_login_is_removed_and_nothing_else(home: Home, logout: Logout) -> None:
    home.keep()
    (home.file.parent / "settings.json").write_text("{}")
    found = logout()
    assert (found.status, found.err) == (0, "")
    assert found.out.splitlines()[0] == f"Signed out: {home.file} is removed."
    assert "the server knows no way to end them" in found.out
    assert home.names == ["settings.json"]


@pytest.mark.parametrize("content", [b"", b"{ oops", b"[]"], ids=str)
def test_a_broken_one_too(home: Home, logout: Logout, content: bytes) -> None:
    home.keep(content)
    assert logout().status == 0
    assert home.names == []


def test_who_is_not_signed_in_is_told_so(home: Home, logout: Logout) -> None:
    found = logout()
    assert (found.status, found.out) == (0, f"Nobody is signed in: there is no {home.file}.\n")
    assert not home.file.parent.exists(), "no folder is made for it"


def test_a_login_that_another_program_works_on_is_left_alone(home: Home, logout: Logout) -> None:
    home.keep()
    path = home.lock()
    found = logout()
    assert (found.status, found.out) == (1, "")
    assert found.err.startswith(f"qwenproxy logout: not signed out: {path} is held by another program; if there is no")
    assert found.err.count("\n") == 1
    assert home.names == ["oauth_creds.json", "oauth_creds.lock"]


def test_a_lock_that_was_left_behind_does_not_matter(home: Home, logout: Logout) -> None:
    home.keep()
    home.lock(age=60)
    assert logout().status == 0
    assert home.names == []


def test_what_cannot_be_removed_is_told(home: Home, logout: Logout) -> None:
    home.file.mkdir(parents=True)
    found = logout()
    assert (found.status, found.out) == (1, "")
    assert found.err.startswith(f"qwenproxy logout: not signed out: {home.file}: ")


def test_a_key_that_is_still_there_is_mentioned_by_its_place(home: Home, logout: Logout) -> None:
    home.keep()
    found = logout(api_key="sk-0123456789abcdef")
    assert found.out.splitlines()[-1] == "The key from QWENPROXY_API_KEY is still used."


def test_the_file_of_the_settings_is_the_one(home: Home, logout: Logout) -> None:
    home.keep()
    other = home.path / "mine.json"
    other.write_bytes(home.file.read_bytes())
    assert logout(credentials=str(other)).status == 0
    assert home.file.exists()
    assert not other.exists()


def test_wrong_settings_are_status_2(home: Home, logout: Logout) -> None:
    home.keep()
    found = logout(auth="magic")
    assert (found.status, found.out) == (2, "")
    assert home.file.exists()


async def test_as_a_process_it_does_the_same(home: Home) -> None:
    home.keep()
    found = await called(home.path, "logout")
    assert (found.status, found.err, home.names) == (0, "", [])
