"""What calls would be signed in with: the truth in every state of files and settings."""

import os
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from qwenproxy import settings
from qwenproxy.commands.standing import FREE_TIER, Report, report
from tests.support.commands import TOKENS, Home

PORTAL = "https://portal.qwen.ai/v1"
KEY = "sk-0123456789abcdef"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def told(home: Home, **given: str) -> Report:
    environ = home.environ(**given)
    found = await report(settings.load(environ, home.path), environ, time.time())
    text = orjson.dumps(found.as_json(time.time())).decode()
    assert not [secret for secret in (*TOKENS, KEY, "sk-sp-1234567890") if secret in text]
    return found


LOGINS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "fresh": ({}, True, "signed in"),
    "about to run out": ({"expires_in": 20}, True, "has run out; the next call renews it"),
    "run out": ({"expires_in": -7200}, True, "has run out; the next call renews it"),
    "run out, not to be renewed": (
        {"expires_in": -7200, "refresh_token": ""},
        False,
        "has run out, and cannot be renewed",
    ),
    "fresh, not to be renewed": ({"refresh_token": ""}, True, "signed in"),
    "not JSON": ({"content": b"{ oops"}, False, "its file cannot be used"),
    "empty": ({"content": b""}, False, "its file cannot be used"),
    "no expiry": ({"expiry_date": None}, False, "its file cannot be used"),
    "no access token": ({"access_token": None}, False, "its file cannot be used"),
}


@pytest.mark.parametrize(("kept", "usable", "state"), LOGINS.values(), ids=LOGINS.keys())
async def test_a_login_is_judged_by_its_file(home: Home, kept: dict[str, Any], usable: bool, state: str) -> None:
    home.keep(**kept)
    found = await told(home)
    (standing,) = found.standings
    assert (standing.kind, standing.is_usable, standing.state) == ("oauth", usable, state)
    assert found.is_usable is usable
    assert (standing.source, standing.upstream, standing.plan) == (str(home.file), PORTAL, "oauth-portal")
    assert standing.written_at == pytest.approx(time.time(), abs=30)


async def test_times_and_tokens_are_told_without_the_tokens(home: Home) -> None:
    home.keep(expires_in=3600)
    (standing,) = (await told(home)).standings
    assert (standing.access_token, standing.refresh_token) == (True, True)
    assert standing.expires_at == pytest.approx(time.time() + 3600, abs=30)
    assert FREE_TIER in standing.notes


async def test_a_file_that_cannot_be_used_says_why(home: Home) -> None:
    home.keep(b"{ oops")
    found = await told(home)
    assert found.standings[0].error == f"{home.file} cannot be used: it is not JSON"
    assert found.notes == [], "said once is enough"


async def test_a_file_that_cannot_be_read_is_not_usable(home: Home) -> None:
    home.file.mkdir(parents=True)
    (standing,) = (await told(home, auth="oauth")).standings
    assert (standing.is_usable, standing.state) == (False, "its file cannot be read")
    assert standing.error.startswith(f"{home.file} cannot be read: ")


@pytest.mark.parametrize(
    ("auth", "kind", "state"),
    [("auto", "none", "there is no key and no login"), ("oauth", "oauth", "nobody is signed in")],
)
async def test_without_anything_it_says_what_to_do(home: Home, auth: str, kind: str, state: str) -> None:
    found = await told(home, auth=auth)
    (standing,) = found.standings
    assert (standing.kind, standing.state, found.is_usable) == (kind, state, False)
    assert any("`qwenproxy login`" in note for note in [*standing.notes, *found.notes])


async def test_an_upstream_may_want_nothing(home: Home) -> None:
    found = await told(home, auth="none", upstream="http://127.0.0.1:8000/v1")
    (standing,) = found.standings
    assert (standing.kind, standing.state, found.is_usable) == ("none", "the upstream wants none", True)
    assert standing.upstream == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ({"QWENPROXY_API_KEY": KEY}, "QWENPROXY_API_KEY"),
        ({"DASHSCOPE_API_KEY": KEY}, "DASHSCOPE_API_KEY"),
        ({"QWENPROXY_API_KEY_FILE": "key"}, "QWENPROXY_API_KEY_FILE"),
    ],
    ids=str,
)
async def test_a_key_is_told_by_its_place(home: Home, given: dict[str, str], source: str) -> None:
    (home.path / "key").write_text(KEY)
    environ = {**home.environ(), **given}
    found = await report(settings.load(environ, home.path), environ, time.time())
    (standing,) = found.standings
    assert (standing.kind, standing.is_usable) == ("api_key", True)
    assert (standing.source, standing.plan) == (source, "standard")
    assert KEY not in orjson.dumps(found.as_json(time.time())).decode()


async def test_a_key_of_qwen_codes_is_told_by_its_file(home: Home) -> None:
    file = home.file.with_name("settings.json")
    file.parent.mkdir(mode=0o700)
    file.write_text(orjson.dumps({"env": {"BAILIAN_CODING_PLAN_API_KEY": "sk-sp-1234567890"}}).decode())
    file.chmod(0o600)
    (standing,) = (await told(home)).standings
    assert (standing.kind, standing.plan) == ("api_key", "coding-plan")
    assert standing.source.startswith(str(file))


async def test_key_and_login_are_told_in_the_order_of_their_use(home: Home) -> None:
    home.keep()
    found = await told(home, api_key=KEY)
    assert [standing.kind for standing in found.standings] == ["api_key", "oauth"]


async def test_a_key_at_the_wrong_host_is_noticed(home: Home) -> None:
    found = await told(
        home, api_key="sk-sp-1234567890", upstream="https://dashscope-intl.aliyuncs.com/compatible-mode/v1"
    )
    assert any("a key of a Coding Plan" in note and "Expect 401 or 403." in note for note in found.notes)


async def test_a_login_for_a_foreign_host_goes_to_qwens(home: Home) -> None:
    home.keep(resource_url="https://evil.example.com/v1")
    found = await told(home)
    assert found.standings[0].upstream == PORTAL
    assert any("evil.example.com" in note for note in found.notes)


@pytest.mark.parametrize(("age", "said"), [(0, "is held"), (60, "was left behind")])
async def test_a_lock_is_told(home: Home, age: float, said: str) -> None:
    home.keep()
    path = home.lock(age)
    (standing,) = (await told(home)).standings
    assert standing.is_usable
    assert any(note.startswith(f"{path} {said}") for note in standing.notes)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such modes")
@pytest.mark.parametrize(
    ("file", "folder", "warnings"),
    [(0o600, 0o700, 0), (0o644, 0o700, 1), (0o600, 0o755, 0), (0o600, 0o770, 1), (0o666, 0o777, 2)],
)
async def test_open_files_are_warned_about(home: Home, file: int, folder: int, warnings: int) -> None:
    home.keep()
    home.file.chmod(file)
    home.file.parent.chmod(folder)
    (standing,) = (await told(home)).standings
    assert len([note for note in standing.notes if "chmod" in note]) == warnings


async def test_looking_changes_nothing(home: Home) -> None:
    home.keep(expires_in=-60)
    os.utime(home.file, (1_000_000_000,) * 2)
    before = home.file.read_bytes()
    await told(home)
    assert (home.file.read_bytes(), home.names) == (before, ["oauth_creds.json"])
    assert home.file.stat().st_mtime == 1_000_000_000
