"""What commands that need the settings have in common."""

import argparse
import logging
from pathlib import Path

import pytest

from qwenproxy.commands import configured


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configured.arguments(parser)
    return parser.parse_args(words)


@pytest.fixture(autouse=True)
def _no_file_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_settings_are_the_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPROXY_OAUTH_URL", "https://login.example.com")
    settings, environ = configured.load(parsed())
    assert settings.oauth_url == environ["QWENPROXY_OAUTH_URL"] == "https://login.example.com"


def test_a_file_can_be_named(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('oauth_scope = "openid"\n')
    settings, environ = configured.load(parsed("--config", str(file)))
    assert settings.oauth_scope == "openid"
    assert environ["QWENPROXY_CONFIG"] == str(file)


def test_wrong_settings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWENPROXY_AUTH", "magic")
    with pytest.raises(ValueError, match="QWENPROXY_AUTH: expected one of auto, oauth"):
        configured.load(parsed())


def test_a_complaint_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configured.complain("login", "it\ndid  not work")
    assert capsys.readouterr() == ("", "qwenproxy login: it did not work\n")


def test_what_would_be_logged_is_heard_instead(capsys: pytest.CaptureFixture[str]) -> None:
    log = logging.getLogger("qwenproxy.auth.oauth")
    with configured.heard() as notes:
        log.warning("mind %s", "the gap")
        log.info("nothing")
    assert notes == ["mind the gap"]
    assert logging.getLogger("qwenproxy").handlers == []
    assert capsys.readouterr().err == ""
