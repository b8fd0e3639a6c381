"""Whether a way to Qwen will do, and what to do if not."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from qwenproxy import errors
from qwenproxy.auth.client import Client
from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.store import Store
from qwenproxy.errors import ProxyError
from qwenproxy.flows.readiness import FORGOTTEN, SIGN_IN, readiness
from qwenproxy.hints import key_kind
from qwenproxy.lines import Line
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.oauth import Server
from tests.support.commands import Home


def line(credential: Credential) -> Line:
    return Line(Upstream("https://dashscope.aliyuncs.com/compatible-mode/v1", credential, idle_timeout=5), Settings())


async def signed_in(folder: Path, expires_in: float) -> Credential:
    home = Home(folder)
    home.keep(expires_in=expires_in)
    login = OAuth(Store(home.file), Client(Server("https://chat.qwen.ai", "client", "scope")))
    await login.look()
    return login


CREDENTIALS: dict[str, tuple[Callable[[], Credential], bool, str]] = {
    "a key": (lambda: ApiKey("sk-1"), True, "there is a key, which was not tried yet"),
    "none is wanted": (NoCredential, True, "the upstream wants none"),
    "none is there": (lambda: MissingKey(ProxyError(errors.UPSTREAM_KEY, "set a key")), False, "there is no key"),
}


@pytest.mark.parametrize(("made", "ready", "state"), CREDENTIALS.values(), ids=CREDENTIALS)
def test_each_kind_of_credential(made: Callable[[], Credential], ready: bool, state: str) -> None:
    found = readiness(line(made()))
    assert (found.ready, found.state) == (ready, state)
    assert bool(found.next) != ready


async def test_a_login_will_do_until_its_token_ends(tmp_path: Path) -> None:
    found = readiness(line(await signed_in(tmp_path, 3600)))
    assert (found.ready, found.state) == (True, "there is a login, which was not tried yet")
    found = readiness(line(await signed_in(tmp_path, -1)))
    assert (found.ready, found.next) == (False, SIGN_IN)


async def test_without_a_login_it_says_how_to_sign_in(tmp_path: Path) -> None:
    login = OAuth(Store(tmp_path / "creds.json"), Client(Server("https://chat.qwen.ai", "client", "scope")))
    assert readiness(line(login)) == (False, "lost", SIGN_IN)


def test_what_was_refused_is_not_ready_until_it_is_worth_another_try() -> None:
    tried = line(ApiKey("sk-1"))
    tried.worked = True
    assert readiness(tried) == (True, "the key has worked", "")
    tried.refused = (time.monotonic(), ProxyError(errors.BILLING, "no more"))
    found = readiness(tried)
    assert (found.ready, found.state) == (False, "the credential was refused: no more")
    assert found.next
    tried.refused = (time.monotonic() - FORGOTTEN, ProxyError(errors.BILLING, "no more"))
    assert readiness(tried).ready


def test_a_key_of_another_plan_is_complained_of() -> None:
    wrong = Line(Upstream("https://coding.dashscope.aliyuncs.com/v1", ApiKey("sk-1"), idle_timeout=5), Settings())
    wrong.kind = key_kind("sk-ws-1", "")
    assert not readiness(wrong).ready
