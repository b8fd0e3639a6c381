"""Which lines there are, and which of them is taken."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.auth.oauth import OAuth
from qwenproxy.endpoints.models import Model
from qwenproxy.errors import Failure, ProxyError
from qwenproxy.service import RESTS, Service, complaints, service
from qwenproxy.settings import load
from tests.support.upstream import upstream, whole

STANDARD = "https://dashscope.aliyuncs.com/compatible-mode/v1"
CODING = "https://coding.dashscope.aliyuncs.com/v1"
INTERNATIONAL = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def made(folder: Path, environ: Mapping[str, str], *, login: bool = False) -> Service:
    """The service of *environ* in a home that holds a login or not."""
    if login:
        (folder / ".qwen").mkdir()
        (folder / ".qwen/oauth_creds.json").write_text("{}")
    home = {"HOME": str(folder), **environ}
    return service(load(home, folder), home)


KEY = {"QWENPROXY_API_KEY": "sk-1"}
CASES: dict[str, tuple[dict[str, str], bool, list[str]]] = {
    "a key": (KEY, False, [f"api_key at {STANDARD}"]),
    "a key of the Coding Plan": ({"QWENPROXY_API_KEY": "sk-sp-1"}, False, [f"api_key at {CODING}"]),
    "a key and a login": (KEY, True, [f"api_key at {STANDARD}", "oauth at https://portal.qwen.ai/v1"]),
    "a key, and no login wanted": ({**KEY, "QWENPROXY_AUTH": "api_key"}, True, [f"api_key at {STANDARD}"]),
    "a login": ({}, True, ["oauth at https://portal.qwen.ai/v1"]),
    "a login wanted": ({**KEY, "QWENPROXY_AUTH": "oauth"}, False, ["oauth at https://portal.qwen.ai/v1"]),
    "nothing": ({}, False, [f"missing at {STANDARD}"]),
    "a named upstream": ({**KEY, "QWENPROXY_UPSTREAM": INTERNATIONAL}, True, [f"api_key at {INTERNATIONAL}"]),
    "a named upstream without a key": ({"QWENPROXY_UPSTREAM": INTERNATIONAL}, True, [f"missing at {INTERNATIONAL}"]),
    "a server of one's own": ({"QWENPROXY_UPSTREAM": "http://127.0.0.1:1/v1"}, True, ["none at http://127.0.0.1:1/v1"]),
    "none wanted": ({**KEY, "QWENPROXY_AUTH": "none"}, True, [f"none at {STANDARD}"]),
}


@pytest.mark.parametrize(("environ", "login", "lines"), CASES.values(), ids=CASES)
def test_lines_follow_from_the_settings(environ: dict[str, str], login: bool, lines: list[str], tmp_path: Path) -> None:
    assert [line.name for line in made(tmp_path, environ, login=login).lines] == lines


@pytest.mark.parametrize("failure", RESTS)
def test_a_line_that_is_dead_or_used_up_is_put_aside(failure: Failure, tmp_path: Path) -> None:
    clock = Clock()
    found = Service(load(KEY, tmp_path), made(tmp_path, KEY, login=True).lines, clock=clock)
    key, login = found.usable()
    assert found.put_aside(key, ProxyError(failure, "no more"), login)
    assert found.usable() == [login, key]
    clock.now += RESTS[failure] + 1
    assert found.usable() == [key, login]


@pytest.mark.parametrize(
    "failure", [errors.RATE_LIMIT, errors.INVALID_REQUEST, errors.CONTENT_FILTER, errors.UPSTREAM_UNREACHABLE]
)
def test_other_failures_are_the_requests_own(failure: Failure, tmp_path: Path) -> None:
    found = made(tmp_path, KEY, login=True)
    key, login = found.usable()
    assert not found.put_aside(key, ProxyError(failure, "no"), login)
    assert found.usable() == [key, login]


def test_new_settings_keep_what_was_learned_about_the_same_upstream(tmp_path: Path) -> None:
    before, after = made(tmp_path, KEY), made(tmp_path, {**KEY, "QWENPROXY_HEARTBEAT": "3"})
    before.lines[0].learn("qwen-plus", replace(before.lines[0].row("qwen-plus"), max_output=9))
    after.inherit(before)
    assert after.lines[0].row("qwen-plus").max_output == 9


async def test_apps_are_told_of_the_preferred_lines_models(tmp_path: Path) -> None:
    found = made(tmp_path, {"QWENPROXY_MODELS": '{"gpt-4o": "qwen-plus", "o*": "qwen-max"}'})
    told = (await found.offer("app/1")).models()
    assert told[0] == Model("gpt-4o", "qwenproxy")
    assert Model("qwen3.7-plus", "qwen") in told
    assert all("*" not in model.id for model in told)
    await found.retire()


async def test_new_settings_keep_what_the_same_upstream_has_listed(tmp_path: Path) -> None:
    async with upstream(whole({"data": [{"id": "qwen3:8b"}]})) as qwen:
        named = {"QWENPROXY_UPSTREAM": qwen.base_url}
        before, after = made(tmp_path, named), made(tmp_path, {**named, "QWENPROXY_HEARTBEAT": "3"})
        await before.offer("")
        after.inherit(before)
        assert [model.id for model in (await after.offer("")).models()] == ["qwen3:8b"]
        assert len(qwen.asked) == 1
        await before.retire()
        await after.retire()


def test_a_missing_key_is_told_at_the_start(tmp_path: Path) -> None:
    assert any("QWENPROXY_API_KEY" in complaint for complaint in complaints(made(tmp_path, {})))


@pytest.mark.parametrize(("dialect", "told"), [("auto", True), ("compatible", True), ("dashscope", False)])
def test_nobody_is_sent_to_sign_in_where_a_login_would_not_help(tmp_path: Path, dialect: str, told: bool) -> None:
    (complaint,) = complaints(made(tmp_path, {"QWENPROXY_DIALECT": dialect}))
    assert ("`qwenproxy login`" in complaint) is told


@pytest.mark.parametrize("upstream", ["https://coding.dashscope.aliyuncs.com/api/v1", "https://portal.qwen.ai/v1beta"])
def test_an_address_of_a_face_that_is_not_there_is_refused_by_its_source(tmp_path: Path, upstream: str) -> None:
    with pytest.raises(ValueError, match=r"^QWENPROXY_UPSTREAM: an upstream of the kind .* only compatible"):
        made(tmp_path, {"QWENPROXY_UPSTREAM": upstream, "QWENPROXY_API_KEY": "sk-1"})


def test_a_key_that_does_not_fit_its_host_is_told_at_the_start(tmp_path: Path) -> None:
    wrong = {"QWENPROXY_API_KEY": "sk-sp-1", "QWENPROXY_UPSTREAM": STANDARD}
    (complaint,) = complaints(made(tmp_path, wrong))
    assert "coding.dashscope.aliyuncs.com" in complaint
    assert "sk-sp-1" not in complaint


LOGIN = {"QWENPROXY_AUTH": "oauth", "QWENPROXY_STATE": "redis://:hidden@redis.example"}
SEALED = {"QWENPROXY_STATE_KEYS": "k" * 32}


def test_a_login_is_shared_with_a_key_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="to share a login through a Redis needs state_keys") as caught:
        made(tmp_path, LOGIN)
    assert "hidden" not in str(caught.value)
    (line,) = made(tmp_path, LOGIN | SEALED).lines
    assert isinstance(line.credential, OAuth)
    assert line.credential.status().place == "redis://redis.example"


def test_without_an_api_key_a_shared_login_is_what_is_used(tmp_path: Path) -> None:
    """Whether there is one, only Redis knows."""
    by_itself = {"QWENPROXY_STATE": "redis://redis.example"} | SEALED
    assert [line.credential.name for line in made(tmp_path, by_itself).lines] == ["oauth"]
    assert [line.credential.name for line in made(tmp_path, by_itself | KEY).lines] == ["api_key"]
