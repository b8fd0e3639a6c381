"""The settings: where they are from, and what is odd about them."""

import os
from pathlib import Path

import pytest

from qwenproxy import settings
from qwenproxy.commands.checks import configuration
from qwenproxy.commands.checks.findings import Finding
from tests.support.processes import clean

KEY = "sk-0123456789abcdef"


def found(home: Path, toml: str | None = None, mode: int = 0o600, **given: str) -> list[Finding]:
    if toml is not None:
        file = home / "qwenproxy.toml"
        file.write_text(toml)
        file.chmod(mode)
    environ = clean(home, **given)
    findings = list(configuration.configuration(settings.load(environ, home), environ, home))
    assert not [each for each in findings if KEY in f"{each.what}{each.next}"]
    return findings


PLACES: dict[str, tuple[str | None, dict[str, str], str]] = {
    "none": (None, {}, "all by default; there is no qwenproxy.toml"),
    "environment": (None, {"auth": "none", "unsupported": "refuse"}, "2 from the environment; there is no {name}"),
    "file": ('auth = "none"', {}, "1 from {file}"),
    "both": ('auth = "none"', {"unsupported": "drop"}, "1 from {file}, 1 from the environment"),
    "overridden": ('auth = "none"', {"auth": "oauth"}, "1 from the environment, none from {file}"),
    "an empty file": ("", {}, "none from {file}"),
}


@pytest.mark.parametrize(("toml", "given", "told"), PLACES.values(), ids=PLACES.keys())
def test_where_settings_are_from_is_told(tmp_path: Path, toml: str | None, given: dict[str, str], told: str) -> None:
    (finding,) = found(tmp_path, toml, 0o600, **given)
    assert finding.level == "ok"
    assert finding.what == told.format(name="qwenproxy.toml", file=tmp_path / "qwenproxy.toml")


def test_what_was_odd_about_them_is_a_warning(tmp_path: Path) -> None:
    _, note = found(tmp_path, upstream="http://127.0.0.1:1/v1/chat/completions")
    assert (note.name, note.level) == ("settings", "warn")
    assert "taken off its end" in note.what
    assert note.next


MODES: dict[str, tuple[str, int, bool]] = {
    "a key, for the owner": (f'api_key = "{KEY}"', 0o600, False),
    "a key, for the group": (f'api_key = "{KEY}"', 0o640, True),
    "client keys, for all": ('client_keys = ["abc"]', 0o644, True),
    "no secret": ('auth = "none"', 0o644, False),
}


@pytest.mark.parametrize(("toml", "mode", "warned"), MODES.values(), ids=MODES.keys())
def test_a_settings_file_with_a_secret_is_for_its_owner(tmp_path: Path, toml: str, mode: int, warned: bool) -> None:
    file = tmp_path / "qwenproxy.toml"
    warnings = found(tmp_path, toml, mode)[1:]
    assert [finding.next for finding in warnings] == ([f"chmod 600 {file}"] if warned else [])


def test_so_is_a_file_that_is_a_key(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    assert [finding.next for finding in found(tmp_path, api_key_file=str(file))[1:]] == [f"chmod 600 {file}"]


OTHERS: dict[int, str] = {0o640: "", 0o644: "another user's"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives a file to another user")
@pytest.mark.parametrize(("mode", "told"), OTHERS.items())
def test_one_that_was_given_to_us_is_its_owners_to_close(tmp_path: Path, mode: int, told: str) -> None:
    """As a container's secrets are: what they are in the container, `chmod` cannot change."""
    file = tmp_path / "keys"
    file.write_text(2 * KEY)
    file.chmod(mode)
    os.chown(file, 10001, -1)
    warnings = found(tmp_path, state_keys_file=str(file), state="memory")[1:]
    assert [told in finding.next and "chmod" not in finding.next for finding in warnings] == [True] * bool(told)


def test_wrong_settings_say_which() -> None:
    finding = configuration.wrong(ValueError("QWENPROXY_AUTH: expected one of auto, oauth"))
    assert (finding.name, finding.level) == ("settings", "fail")
    assert finding.what == "QWENPROXY_AUTH: expected one of auto, oauth"
    assert finding.next
