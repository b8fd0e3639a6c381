"""`qwenproxy status`: what it says, and with which exit status."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from qwenproxy import cli
from tests.support.commands import TOKENS, Ended, Home, called

type Status = Callable[..., Ended]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def status(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Status:
    """Calls it in this process."""
    monkeypatch.chdir(home.path)

    def call(*words: str, **settings: str) -> Ended:
        for name, value in home.environ(**settings).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as caught:
            cli.main(["status", *words])
        out, err = capsys.readouterr()
        assert not [token for token in TOKENS if token in out + err]
        return Ended(int(str(caught.value.code)), out, err)

    return call


def test_a_login_is_shown_in_a_few_lines(home: Home, status: Status) -> None:
    home.keep(expires_in=3600)
    found = status()
    assert (found.status, found.err) == (0, "")
    first, *rows = found.out.splitlines()
    assert first == "● OAuth login: signed in"
    told = {row.split()[0]: " ".join(row.split()[1:]) for row in rows if row.startswith("    ")}
    assert list(told) == ["from", "for", "tokens", "expires", "written"]
    assert told["from"] == str(home.file)
    assert told["for"] == "https://portal.qwen.ai/v1 (oauth-portal)"
    assert told["tokens"] == "access and refresh"
    assert told["expires"].startswith(("in 59 min 5", "in 1 h,"))
    assert "The free tier behind this login ended on 2026-04-15" in found.out


def test_a_login_that_has_run_out_says_since_when(home: Home, status: Status) -> None:
    home.keep(expires_in=-7200)
    found = status()
    assert found.status == 0
    assert "● OAuth login: has run out; the next call renews it" in found.out
    assert "2 h ago, " in found.out


def test_nothing_at_all_is_status_1(status: Status) -> None:
    found = status()
    assert found.status == 1
    assert found.out.startswith("● no credential: there is no key and no login\n")
    assert "or sign in with `qwenproxy login`" in found.out


def test_a_broken_file_is_status_1_and_says_why(home: Home, status: Status) -> None:
    home.keep(b"[]")
    found = status()
    assert found.status == 1
    assert f"error      {home.file} cannot be used: it is not a JSON object\n" in found.out
    assert "! `qwenproxy login` signs in anew, over it.\n" in found.out


def test_a_key_and_a_login_are_both_shown(home: Home, status: Status) -> None:
    home.keep()
    found = status(api_key="sk-0123456789abcdef")
    assert "● API key: there is a key\n    from       QWENPROXY_API_KEY\n" in found.out
    assert "\n\n● OAuth login, used when the one above fails: signed in\n" in found.out
    assert "sk-" not in found.out


def test_programs_get_json(home: Home, status: Status) -> None:
    home.keep(expires_in=3600)
    found = status("--json")
    told = orjson.loads(found.out)
    assert found.status == 0
    assert told.keys() == {"usable", "credentials", "notes", "launchers"}
    (credential,) = told["credentials"]
    assert told["usable"] is credential["usable"] is True
    assert credential["expires_at"] == round(home.content["expiry_date"] / 1000)
    assert credential["expires"].endswith("+00:00")
    assert 3590 <= credential["expires_in"] <= 3600
    assert credential.keys() == {
        "kind",
        "state",
        "usable",
        "source",
        "upstream",
        "plan",
        "access_token",
        "refresh_token",
        "expires_at",
        "expires",
        "expires_in",
        "written_at",
        "written",
        "error",
        "notes",
    }


def test_json_of_nothing_is_complete_too(status: Status) -> None:
    found = status("--json")
    (credential,) = orjson.loads(found.out)["credentials"]
    assert found.status == 1
    assert (credential["kind"], credential["usable"], credential["expires"]) == ("none", False, None)


def test_wrong_settings_are_status_2(status: Status) -> None:
    found = status(auth="magic")
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("qwenproxy status: QWENPROXY_AUTH: expected one of")


async def test_as_a_process_it_says_the_same(home: Home) -> None:
    home.keep()
    found = await called(home.path, "status")
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith("● OAuth login: signed in\n")
