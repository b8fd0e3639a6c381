"""How the page's facts come about."""

import pytest

from qwenproxy.auth.credentials import ApiKey, Credential, MissingKey, NoCredential
from qwenproxy.errors import UPSTREAM_KEY, ProxyError
from qwenproxy.flows import local
from qwenproxy.lines import Line
from qwenproxy.record import Record
from qwenproxy.settings import Settings
from qwenproxy.upstream import Upstream


def line(credential: Credential, address: str = "https://dashscope.aliyuncs.com/compatible-mode/v1") -> Line:
    return Line(Upstream(address, credential, idle_timeout=5), Settings())


def test_a_way_to_qwen_is_told_as_ready_or_with_what_to_do() -> None:
    told = local.upstream(line(NoCredential()))
    assert (told.state, told.well) == ("the upstream wants none", True)
    told = local.upstream(line(MissingKey(ProxyError(UPSTREAM_KEY, "set a key"))))
    assert (told.state, told.well) == ("there is no key: set a key", False)


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
