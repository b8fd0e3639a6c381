"""What calls are signed in with, and whether it fits where they go."""

import time
from pathlib import Path
from typing import Any

import pytest

from qwenproxy import service, settings
from qwenproxy.commands.checks.credentials import credentials
from qwenproxy.commands.checks.findings import Finding
from qwenproxy.commands.standing import report
from tests.support.commands import TOKENS, Home

KEY, PLAN_KEY = "sk-0123456789abcdef", "sk-sp-1234567890"
CODING = "https://coding.dashscope.aliyuncs.com/v1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


async def found(home: Home, **given: str) -> list[Finding]:
    environ = home.environ(**given)
    loaded, now = settings.load(environ, home.path), time.time()
    findings = list(credentials(await report(loaded, environ, now), service.service(loaded, environ).lines, now))
    assert all(bool(finding.next) is (finding.level != "ok") for finding in findings)
    text = "".join(f"{finding.what}{finding.next}" for finding in findings)
    assert not [secret for secret in (*TOKENS, KEY, PLAN_KEY) if secret in text]
    return findings


def levels(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.name, finding.level) for finding in findings]


async def test_a_key_and_its_host_are_named(home: Home) -> None:
    key, pair = await found(home, api_key=KEY)
    assert (key.level, key.what) == ("ok", "API key: there is a key, from QWENPROXY_API_KEY")
    where = "https://dashscope.aliyuncs.com/compatible-mode/v1 (standard)"
    assert (pair.level, pair.what) == ("ok", f"a pay-as-you-go key at {where}: nothing is known against it")


async def test_a_key_at_the_wrong_host_is_a_failure_that_names_the_right_one(home: Home) -> None:
    _, pair = await found(home, api_key=KEY, upstream=CODING)
    assert (pair.name, pair.level) == ("pair", "fail")
    assert "The Coding Plan takes its own keys only" in pair.next
    assert "dashscope-intl.aliyuncs.com" in pair.next


async def test_without_any_credential_one_is_told_how_to_give_one(home: Home) -> None:
    (finding,) = await found(home)
    assert (finding.level, finding.what) == ("fail", "no credential: there is no key and no login")
    assert "set QWENPROXY_API_KEY" in finding.next


async def test_an_upstream_that_wants_none_is_well(home: Home) -> None:
    assert levels(await found(home, auth="none", upstream="http://127.0.0.1:1/v1")) == [("credential", "ok")]


LOGINS: dict[str, tuple[dict[str, Any], str, str]] = {
    "fresh": ({}, "warn", "signed in, from"),  # the free tier has ended
    "run out": ({"expires_in": -7200}, "warn", "the next call renews it, from"),
    "run out for good": ({"expires_in": -7200, "refresh_token": ""}, "fail", "cannot be renewed, from"),
    "broken": ({"content": b"{ oops"}, "fail", "cannot be used"),
}


@pytest.mark.parametrize(("kept", "level", "what"), LOGINS.values(), ids=LOGINS.keys())
async def test_a_login_is_told_of_as_status_does(home: Home, kept: dict[str, Any], level: str, what: str) -> None:
    home.keep(**kept)
    login, *_ = await found(home)
    assert (login.name, login.level) == ("credential", level)
    assert what in login.what
    assert login.what.count(str(home.file)) == 1


async def test_how_long_it_lasts_is_told(home: Home) -> None:
    home.keep(expires_in=3600)
    assert "it runs out in 59 min" in (await found(home))[0].what or "in 1 h" in (await found(home))[0].what
    home.keep(expires_in=-7200)
    assert (await found(home))[0].what.endswith("2 h ago")


async def test_modes_and_a_lock_are_what_is_to_be_seen_to(home: Home) -> None:
    home.keep()
    home.file.chmod(0o644)
    home.lock(age=60)
    (login, *_) = await found(home)
    assert f"chmod 600 {home.file}" in login.next
    assert "was left behind by a program that is gone" in login.next


async def test_a_login_that_is_only_spare_is_no_failure(home: Home) -> None:
    home.keep(b"{ oops")
    assert levels(await found(home, api_key=KEY))[:3] == [("credential", "ok"), ("pair", "ok"), ("credential", "warn")]


async def test_what_could_not_be_read_is_a_warning(home: Home) -> None:
    file = home.path / ".qwen" / "settings.json"
    file.parent.mkdir()
    file.write_text("{ oops")
    assert [finding.what for finding in await found(home, api_key=KEY) if str(file) in finding.what]
