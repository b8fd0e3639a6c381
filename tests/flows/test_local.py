"""How the page's facts come about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from qwenproxy.auth.client import Client
from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.auth.oauth import OAuth
from qwenproxy.auth.store import Store
from qwenproxy.errors import UPSTREAM_KEY, ProxyError
from qwenproxy.flows import local
from qwenproxy.hints import key_kind
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream
from qwenproxy.wire.oauth import Server


def line(credential: Credential, address: str = "https://dashscope.aliyuncs.com/compatible-mode/v1") -> Line:
    return Line(Upstream(address, credential, idle_timeout=5), Settings())


def login(folder: Path) -> Credential:
    client = Client(Server("https://chat.qwen.ai", "client", "scope"))
    return OAuth(Store(folder / "creds.json"), client, allowed_hosts=(), refresh_lead=300)


CREDENTIALS: list[tuple[Callable[[Path], Credential], str, bool]] = [
    (lambda _: ApiKey("sk-1"), "there is a key", True),
    (lambda _: NoCredential(), "the upstream wants none", True),
    (lambda _: MissingKey(ProxyError(UPSTREAM_KEY, "set a key")), "set a key", False),
    (login, "lost", False),
]


@pytest.mark.parametrize(("made", "state", "well"), CREDENTIALS, ids=["key", "none", "missing", "login"])
async def test_each_kind_of_credential_says_how_it_is(
    tmp_path: Path, made: Callable[[Path], Credential], state: str, well: bool
) -> None:
    told = local.upstream(line(made(tmp_path)))
    assert (told.state, told.well) == (state, well)


def test_a_key_of_another_plan_is_complained_of() -> None:
    wrong = Line(Upstream("https://coding.dashscope.aliyuncs.com/v1", ApiKey("sk-1"), idle_timeout=5), Settings())
    wrong.kind = key_kind("sk-ws-1", "")
    assert not local.upstream(wrong).well


def test_a_line_that_rests_is_said_to() -> None:
    resting = line(ApiKey("sk-1"))
    resting.rests_until = float("inf")
    assert not local.upstream(resting).well


URLS = {
    "127.0.0.1": "http://127.0.0.1:8081",
    "::1": "http://[::1]:8081",
    "0.0.0.0": "http://box.example:8081",
    "::": "http://box.example:8081",
}


@pytest.mark.parametrize(("host", "url"), URLS.items())
def test_a_proxy_that_listens_everywhere_is_where_the_page_was_found(host: str, url: str) -> None:
    assert local.proxy_url(host, 8081, "box.example") == url
    assert local.proxy_url("::", 8081, "fe80::1") == "http://[fe80::1]:8081"


def test_an_exchange_is_told_by_the_facts_of_its_log_line() -> None:
    record = Record("req_1", "POST", "chat", lambda: 1.0)
    told = local.told(0.0, record)
    assert (told["endpoint"], told["status"], told["total_ms"]) == ("chat", 200, 0)
    assert len(str(told["time"])) == len("12:00:00")
