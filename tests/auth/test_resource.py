"""From `resource_url` to a base URL that may get the token."""

import pytest

from qwenproxy.auth.resource import PORTAL, base_url

GOOD = [
    ("", "https://portal.qwen.ai/v1"),
    ("  ", "https://portal.qwen.ai/v1"),
    ("portal.qwen.ai", "https://portal.qwen.ai/v1"),
    ("portal.qwen.ai/", "https://portal.qwen.ai/v1"),
    ("portal.qwen.ai/v1", "https://portal.qwen.ai/v1"),
    ("https://portal.qwen.ai/v1/", "https://portal.qwen.ai/v1"),
    ("https://portal.qwen.ai:8443", "https://portal.qwen.ai:8443/v1"),
    ("PORTAL.qwen.ai", "https://PORTAL.qwen.ai/v1"),
    ("dashscope.aliyuncs.com/compatible-mode", "https://dashscope.aliyuncs.com/compatible-mode/v1"),
    (
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    ),
    ("ws1.cn-beijing.maas.aliyuncs.com", "https://ws1.cn-beijing.maas.aliyuncs.com/v1"),
]


@pytest.mark.parametrize(("resource", "url"), GOOD)
def test_qwens_own_hosts_get_the_token(resource: str, url: str) -> None:
    assert base_url(resource) == url


BAD = [
    "evil.example",
    "qwen.ai.evil.example",
    "evilqwen.ai",
    "portal.qwen.ai@evil.example",
    "user:pass@portal.qwen.ai",
    "https://evil.example/portal.qwen.ai",
    "https://evil.example#.qwen.ai",
    "https://evil.example?.qwen.ai",
    "https://evil.example\\.qwen.ai",
    "https://portal.qwen.ai/v1?x=1",
    "http://portal.qwen.ai",
    "ftp://portal.qwen.ai",
    "127.0.0.1:8080",
    "http://127.0.0.1:8080",
    "https://[::1",
    "https://portal.qwen.ai:0",
    "https://portal.qwen.ai:99999",
    "https://",
    "portal.qwen.aı",
    "portal.qwen.ai/\x1b[2J",
]


@pytest.mark.parametrize("resource", BAD)
def test_nobody_else_does(resource: str) -> None:
    with pytest.raises(ValueError):
        base_url(resource)


@pytest.mark.parametrize(
    ("resource", "allowed", "url"),
    [
        ("qwen.corp.example", "*.corp.example", "https://qwen.corp.example/v1"),
        ("http://qwen.corp.example", "qwen.corp.example", "http://qwen.corp.example/v1"),
        ("http://127.0.0.1:8090", "127.0.0.1", "http://127.0.0.1:8090/v1"),
    ],
)
def test_but_for_hosts_that_the_operator_names(resource: str, allowed: str, url: str) -> None:
    assert base_url(resource, ("other.example", allowed)) == url


def test_the_host_that_the_token_is_from_gets_it() -> None:
    assert base_url("sso.corp.example", (), "sso.corp.example") == "https://sso.corp.example/v1"
    assert base_url("http://127.0.0.1:8090/v1", (), "127.0.0.1") == "http://127.0.0.1:8090/v1"


@pytest.mark.parametrize(
    ("resource", "issuer"),
    [
        ("http://sso.corp.example", "sso.corp.example"),
        ("http://chat.qwen.ai", "chat.qwen.ai"),
        ("127.0.0.2", "127.0.0.1"),
    ],
)
def test_but_not_in_the_clear_over_the_network(resource: str, issuer: str) -> None:
    with pytest.raises(ValueError):
        base_url(resource, (), issuer)


def test_the_portal_is_where_a_login_is_good_by_default() -> None:
    assert PORTAL == "https://portal.qwen.ai/v1"
